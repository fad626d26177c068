import Dispatch
import Files
import Synchronization

/// A thread of its own for one kind of work beside the writes: one thing is done after the other.
final class Lane: Sendable {
    private let queue: DispatchQueue
    private let isScheduled = Mutex(false)

    init(_ label: String, qos: DispatchQoS = .unspecified) { queue = DispatchQueue(label: label, qos: qos) }

    /// Does the lane's usual work soon. What is asked for while it waits to begin is done then.
    func soon(_ work: @escaping @Sendable () -> Void) {
        let waits = isScheduled.withLock { isScheduled in
            defer { isScheduled = true }
            return isScheduled
        }
        guard !waits else { return }
        queue.async {
            self.isScheduled.withLock { $0 = false }
            work()
        }
    }

    /// Does something when all before it is done, and waits for it.
    func wait<Value: Sendable>(
        _ body: @escaping @Sendable () throws(BelfryError) -> Value
    ) throws(BelfryError) -> Value {
        try queue.wait(body)
    }

    /// Waits until all that is there now is done.
    func wait() { queue.sync {} }
}

extension DispatchQueue {
    /// `sync` for what says how it may fail.
    func wait<Value: Sendable>(
        _ body: @escaping @Sendable () throws(BelfryError) -> Value
    ) throws(BelfryError) -> Value {
        let result = sync { () -> Result<Value, BelfryError> in
            do throws(BelfryError) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
