package import Files
import Neighbors
import Shards
package import Vectors

extension View {
    /// How many distances searches of the main space for these queries estimate or compute, all together: they are asked for `k` points each
    /// on one thread. Between other searches only: all of them count together.
    package func countEvaluations(
        _ queries: Matrix, k: Int, scope: SearchScope = SearchScope()
    ) throws(BelfryError) -> Int {
        let before = evaluations
        _ = try nearest(queries, k: k, recall: nil, exact: false, scope: scope, threads: 1)
        // A scan that all queries share counts nothing.
        var counted = evaluations - before
        for (live, effort) in zip(segments(of: 0), try plan(k: k, recall: nil, exact: false).efforts)
        where effort == .exact {
            counted += queries.rows * (scope.kept?.rows[live.segment.number]?.count ?? live.count)
        }
        for vectors in pending.map({ $0.vectors[0] }) {
            counted += queries.rows * (scope.kept?.rows[vectors.number]?.count ?? vectors.liveRows)
        }
        return counted
    }

    /// The distances that the index's searchers have estimated or computed. Between searches on one thread only: then
    /// each segment lends the same searcher every time.
    var evaluations: Int {
        var sum = 0
        for dense in segments(of: 0).compactMap(\.segment.dense) {
            dense.searchers.lend { sum += $0.trace.evaluations }
        }
        return sum
    }
}
