import Files
import Neighbors
import Synchronization

/// The searchers of one segment that no thread is using: each is one thread's at a time, and dear to make.
final class SearcherPool: Sendable {
    private let segment: Neighbors.Segment
    private let idle = Mutex<[Idle]>([])

    /// A searcher that one thread has put down and another may take up.
    private struct Idle: @unchecked Sendable { let searcher: SegmentSearcher }

    init(_ segment: Neighbors.Segment) { self.segment = segment }

    /// Lends a searcher to `body`, made anew where none is idle. There are as many as there were callers at once.
    func lend<Result>(_ body: (SegmentSearcher) throws(BelfryError) -> Result) throws(BelfryError) -> Result {
        let taken = idle.withLock { $0.popLast() } ?? Idle(searcher: segment.makeSearcher())
        defer { idle.withLock { $0.append(taken) } }
        return try body(taken.searcher)
    }
}
