import Files
import Neighbors
import Shards
import Vectors

extension CollectionSegment {
    /// The `k` nearest rows to each query, and all others that are as near as the last of them, so that their ids can
    /// decide.
    func scan(_ asked: SegmentQuery) throws(BelfryError) -> [[Neighbor]] {
        let exact = ExactSearch(vectors, codes: index.codes, metric: index.metric)
        let filter = asked.filter(of: rows)
        return try asked.withTies { queries, k throws(BelfryError) in
            try exact.search(queries, k: k, filter: filter, threads: asked.threads)
        }
    }
}

extension SegmentQuery {
    /// What an exact `search` finds of rows that are asked for: the nearest `k`, and all others that are as near as the last
    /// of them.
    func withTies(
        _ search: (_ queries: Matrix, _ k: Int) throws(BelfryError) -> [[Neighbor]]
    ) throws(BelfryError) -> [[Neighbor]] {
        guard k > 0 else { return [[Neighbor]](repeating: [], count: queries.rows) }
        // A query's own rows take places: so many more are asked for.
        let most = excludedRows.map(\.count).max() ?? 0
        var found = try search(queries, k + 1 + most)
        for query in found.indices {
            let excluded = Set(excludedRows(query).map(UInt32.init))
            var wanted = k + 1 + most
            while true {
                let isAll = found[query].count < wanted
                let last = found[query].last?.distance
                found[query].removeAll { excluded.contains($0.row) }
                // The last one asked for is as near as the k-th: there may be more of them.
                guard !isAll, found[query][k - 1].distance == last else { break }
                wanted *= 4
                found[query] = try search(Matrix([queries[query]]), wanted)[0]
            }
            guard found[query].count > k else { continue }
            let last = found[query][k - 1].distance
            found[query].removeAll { $0.distance > last }
        }
        return found
    }
}
