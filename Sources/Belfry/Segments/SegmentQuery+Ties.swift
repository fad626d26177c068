import Files
import Vectors

extension SegmentQuery {
    /// What an exact `search` finds of rows that are asked for: the nearest `k`, and all others that are as near as the last
    /// of them.
    func withTies(
        _ queries: Matrix, _ search: (_ queries: Matrix, _ k: Int) throws(BelfryError) -> [[Neighbor]]
    ) throws(BelfryError) -> [[Neighbor]] {
        guard k > 0 else { return [[Neighbor]](repeating: [], count: queries.rows) }
        // A query's own rows take places: so many more are asked for.
        let most = excludedRows.map(\.count).max() ?? 0
        var found = try search(queries, k + 1 + most)
        for query in found.indices {
            found[query] = try withTies(query, found[query], of: k + 1 + most) { k throws(BelfryError) in
                try search(Matrix([queries[query]]), k)[0]
            }
        }
        return found
    }

    /// The same for one query.
    func withTies(_ search: (_ k: Int) throws(BelfryError) -> [Neighbor]) throws(BelfryError) -> [Neighbor] {
        guard k > 0 else { return [] }
        let wanted = k + 1 + excludedRows(0).count
        return try withTies(0, search(wanted), of: wanted, search)
    }

    /// - Parameters:
    ///   - first: what was found already.
    ///   - asked: how many were asked for.
    private func withTies(
        _ query: Int, _ first: [Neighbor], of asked: Int, _ search: (_ k: Int) throws(BelfryError) -> [Neighbor]
    ) throws(BelfryError) -> [Neighbor] {
        let excluded = Set(excludedRows(query).map(UInt32.init))
        var (found, wanted) = (first, asked)
        while true {
            let isAll = found.count < wanted
            let last = found.last?.distance
            found.removeAll { excluded.contains($0.row) }
            // The last one asked for is as near as the k-th: there may be more of them.
            guard !isAll, found[k - 1].distance == last else { break }
            wanted *= 4
            found = try search(wanted)
        }
        if found.count > k {
            let last = found[k - 1].distance
            found.removeAll { $0.distance > last }
        }
        return found
    }
}
