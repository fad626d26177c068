import Neighbors
import Shards
import Synchronization
import Vectors

/// What threads search one segment with, kept for the next ones: dear to make, and one thread's at a time.
final class SearcherPool: Sendable {
    /// One thread's: the pool hands it from one to the next, never to two.
    final class Tools: @unchecked Sendable {
        let searcher: SegmentSearcher
        /// Room for one vector of the shard.
        let row: Matrix
        let scratch = ShardReader.Scratch()

        /// What the searcher has looked at since it was made.
        var work: SearchWork {
            let trace = searcher.trace
            return SearchWork(
                evaluations: trace.evaluations, reranked: trace.reranked, settled: searcher.settledRows)
        }

        fileprivate init(_ segment: Neighbors.Segment) {
            searcher = segment.makeSearcher()
            row = Matrix(rows: 1, columns: segment.shard.dimension)
        }
    }

    private let segment: Neighbors.Segment
    private let idle = Mutex<[Tools]>([])

    init(_ segment: Neighbors.Segment) { self.segment = segment }

    /// Lends tools to `body`, made anew where none are idle: there are as many as there were callers at once.
    func lend(_ body: (Tools) -> Void) {
        let tools = idle.withLock { $0.popLast() } ?? Tools(segment)
        defer { idle.withLock { $0.append(tools) } }
        body(tools)
    }
}
