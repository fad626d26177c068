import Dispatch
package import Files
import Synchronization

/// Numbered pieces of work for several threads: each takes the next piece until there is none.
///
/// Pieces are handed out in order and finished once begun, so of several that fail the first one is always seen: the
/// error does not depend on the number of threads. Nothing is handed out after a failure, or once the calling task was
/// cancelled.
package final class Turns: Sendable {
    private let count: Int
    private let next = Atomic<Int>(0)
    private let failed = Atomic<Bool>(false)
    private let failure = Mutex<(piece: Int, error: BelfryError)?>(nil)
    // The task is alive while `take` runs, and only asked whether it was cancelled.
    private nonisolated(unsafe) let task: UnsafeCurrentTask?

    private init(_ count: Int) {
        self.count = count
        task = withUnsafeCurrentTask { $0 }
    }

    /// Runs `body` on as many threads as are asked for and useful, each of which takes pieces from `0..<count`.
    package static func take(
        _ count: Int, threads: Int, _ body: @Sendable (Turns) -> Void
    ) throws(BelfryError) {
        let turns = Turns(count)
        if min(threads, count) > 1 {
            DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in body(turns) }
        } else if count == 1 || threads == 1 {
            body(turns)
        }
        if let failure = turns.failure.withLock({ $0 }) { throw failure.error }
    }

    /// Takes the next piece and does it; false when there is nothing left to do.
    package func one(_ work: (Int) throws(BelfryError) -> Void) -> Bool {
        guard !failed.load(ordering: .relaxed) else { return false }
        let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard piece < count else { return false }
        do throws(BelfryError) {
            if task?.isCancelled == true { throw BelfryError(.cancelled, "The search was cancelled.") }
            try work(piece)
            return true
        } catch {
            failed.store(true, ordering: .relaxed)
            failure.withLock { failure in
                if piece < failure?.piece ?? .max { failure = (piece, error) }
            }
            return false
        }
    }
}
