import Files
import Neighbors
import Shards
import Vectors

extension DenseSegment {
    /// The `k` nearest rows to each query, and all others that are as near as the last of them, so that their ids can
    /// decide.
    func scan(_ queries: Matrix, _ asked: SegmentQuery) throws(BelfryError) -> [[Neighbor]] {
        let exact = ExactSearch(vectors, codes: index.codes, metric: index.metric)
        let filter = asked.filter(of: rows)
        return try asked.withTies(queries) { queries, k throws(BelfryError) in
            try exact.search(queries, k: k, filter: filter, threads: asked.threads)
        }
    }
}
