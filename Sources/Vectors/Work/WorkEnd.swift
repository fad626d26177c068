package import Files
import Synchronization

/// A way to end long work that is done on threads of its own, where there is no task to cancel: a merge, when the collection
/// is closed.
///
/// Whoever does such work looks at ``check(_:)`` from time to time, as the pieces of `WorkPool.run` do by themselves.
package final class WorkEnd: Sendable {
    @TaskLocal private static var current: WorkEnd?
    private let isWantedHere = Atomic(false)

    package init() {}

    /// Ends the work that is under way, and what is begun later.
    package func want() { isWantedHere.store(true, ordering: .relaxed) }

    /// Does work that this can end.
    /// - Throws: what `body` throws; `cancelled` where it was ended.
    package func canEnd<Result>(_ body: () throws(BelfryError) -> Result) throws(BelfryError) -> Result {
        let result = Self.$current.withValue(self) { () -> Swift.Result<Result, BelfryError> in
            do throws(BelfryError) { return .success(try body()) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Throws `cancelled` where the work of the calling thread, or its task, is to end.
    /// - Parameter what: What is said to be cancelled: “merge”.
    package static func check(_ what: @autoclosure () -> String) throws(BelfryError) {
        if Caller().isToEnd { throw cancelled(what()) }
    }

    static func cancelled(_ what: String) -> BelfryError { BelfryError(.cancelled, "The \(what) was cancelled.") }

    /// Who began some work, asked from its threads whether it is to end. It lives no longer than the call.
    struct Caller: Sendable {
        // The task is alive while the call runs, and only asked whether it was cancelled.
        private nonisolated(unsafe) let task: UnsafeCurrentTask?
        private let end: WorkEnd?

        /// The calling thread's.
        init() { (task, end) = (withUnsafeCurrentTask { $0 }, WorkEnd.current) }

        var isToEnd: Bool {
            task?.isCancelled == true || end?.isWantedHere.load(ordering: .relaxed) == true
        }
    }
}
