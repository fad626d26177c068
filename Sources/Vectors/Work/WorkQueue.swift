package import Files
import Synchronization

/// The numbered pieces of one call of a `WorkPool`, which its workers take in order.
package final class WorkQueue: Sendable {
    /// How many pieces there are.
    let count: Int
    private let next = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)
    private let failure = Mutex<(piece: Int, error: BelfryError)?>(nil)
    /// Whether a helper has made room for other work, with pieces left.
    private let isLeft = Atomic<Bool>(false)
    private let what: String
    /// Who may end it; nil where nobody can.
    private let caller: WorkEnd.Caller?

    init(_ count: Int, _ what: String = "work", endingWith caller: WorkEnd.Caller? = nil) {
        (self.count, self.what, self.caller) = (count, what, caller)
    }

    /// One thread of a call. What it takes nobody else gets.
    package struct Worker {
        /// Its number, which no other one of the call has.
        package let number: Int
        fileprivate let queue: WorkQueue
        fileprivate let isCrowded: (@Sendable () -> Bool)?

        /// The next piece; nil when there is nothing left to do.
        func next() -> Int? {
            if let isCrowded, queue.leaves(number, isCrowded()) { return nil }
            let piece = queue.next.wrappingAdd(1, ordering: .relaxed).oldValue
            return piece < queue.count ? piece : nil
        }

        /// Takes the next piece and does it; false when there is nothing left to do.
        package func one(_ work: (_ piece: Int) throws(BelfryError) -> Void) -> Bool {
            guard !queue.isStopped.load(ordering: .relaxed), let piece = next() else { return false }
            do throws(BelfryError) {
                if queue.caller?.isToEnd == true { throw WorkEnd.cancelled(queue.what) }
                try work(piece)
                return true
            } catch {
                queue.stop(piece, error)
                return false
            }
        }
    }

    func worker(_ number: Int, yieldingTo isCrowded: (@Sendable () -> Bool)? = nil) -> Worker {
        Worker(number: number, queue: self, isCrowded: isCrowded)
    }

    /// Throws what the first piece that failed has thrown.
    package func throwFailure() throws(BelfryError) {
        if let failure = failure.withLock({ $0 }) { throw failure.error }
    }

    private func stop(_ piece: Int, _ error: BelfryError) {
        isStopped.store(true, ordering: .relaxed)
        failure.withLock { failure in
            if piece < failure?.piece ?? .max { failure = (piece, error) }
        }
    }

    // MARK: making room

    /// Whether the call is to be begun anew with all its workers: helpers have left, and there are pieces.
    var hasBeenLeft: Bool {
        isLeft.load(ordering: .relaxed) && !isStopped.load(ordering: .relaxed) && next.load(ordering: .relaxed) < count
    }

    /// Before the workers are asked again.
    func readmit() { isLeft.store(false, ordering: .relaxed) }

    /// Helpers leave while other work goes first. Worker 0 goes on alone, and leaves when the helpers may come back.
    private func leaves(_ worker: Int, _ isCrowded: Bool) -> Bool {
        guard worker > 0 else { return !isCrowded && isLeft.load(ordering: .relaxed) }
        if isCrowded { isLeft.store(true, ordering: .relaxed) }
        return isCrowded
    }
}
