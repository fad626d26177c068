import Files
import Neighbors
import Shards
import Vectors

extension CollectionSegment {
    /// The `k` nearest rows to each query, and all others that are as near as the last of them, so that their ids can
    /// decide.
    func scan(_ asked: SegmentQuery) throws(BelfryError) -> [[Neighbor]] {
        let (k, count) = (asked.k, asked.queries.rows)
        guard k > 0 else { return [[Neighbor]](repeating: [], count: count) }
        let exact = ExactSearch(vectors, codes: index.codes, metric: index.metric)
        // A query's own rows take places: so many more are asked for.
        let filter = RowFilter(of: vectors.rowCount, keeping: asked.kept)
        let most = asked.excludedRows.map(\.count).max() ?? 0
        var found = try exact.search(asked.queries, k: k + 1 + most, filter: filter, threads: asked.threads)
        for query in 0..<count {
            let excluded = Set(asked.excludedRows(query).map(UInt32.init))
            var wanted = k + 1 + most
            while true {
                let isAll = found[query].count < wanted
                let last = found[query].last?.distance
                found[query].removeAll { excluded.contains($0.row) }
                // The last one asked for is as near as the k-th: there may be more of them.
                guard !isAll, found[query][k - 1].distance == last else { break }
                wanted *= 4
                found[query] = try exact.search(
                    Matrix([asked.queries[query]]), k: wanted, filter: filter, threads: asked.threads)[0]
            }
            guard found[query].count > k else { continue }
            let last = found[query][k - 1].distance
            found[query].removeAll { $0.distance > last }
        }
        return found
    }
}
