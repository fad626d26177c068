import Neighbors
import Shards
import Vectors

/// What a thread searches one segment with. Expensive to make, and not thread-safe: a `Pool` lends it to one thread at a
/// time.
final class SearchTools {
    let searcher: SegmentSearcher
    /// Room for one vector of the shard.
    let row: Matrix
    let scratch = ShardReader.Scratch()

    init(_ segment: Neighbors.Segment) {
        searcher = segment.makeSearcher()
        row = Matrix(rows: 1, columns: segment.shard.dimension)
    }

    /// What the searcher has looked at since it was made.
    var work: SearchWork {
        let trace = searcher.trace
        return SearchWork(evaluations: trace.evaluations, reranked: trace.reranked, settled: searcher.settledRows)
    }
}
