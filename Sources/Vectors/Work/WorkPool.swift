import Dispatch
package import Files
import Synchronization

/// Threads for work that is cut into numbered pieces: the one place that asks the system for threads.
///
/// 1. A call names how many pieces there are. The caller's thread and helpers take them in order until none is left.
/// 2. Which thread gets which piece is left to chance, so a result must depend on the piece alone.
/// 3. The call returns when all pieces are done.
///
/// It is bounded: a pool never has more threads at work than `threads`, and all pools of the process together have no
/// more helpers than there are processors. It is cancellable: `run` hands nothing out after the calling task was
/// cancelled, its `WorkEnd` is wanted, or a piece has failed. And it has a priority: helpers of `background` work leave
/// after their piece while `interactive` work is under way, and come back afterwards.
///
/// What it does *not* do: hold threads of its own between calls, wait for input, order pieces among each other.
package struct WorkPool: Sendable {
    /// Whose work goes first.
    package enum Priority: Sendable {
        /// Builds, merges and checks: nobody waits for the answer in the next second.
        case background
        /// Searches and embeddings that somebody waits for.
        case interactive
    }

    /// The most threads that work at once, the caller's included.
    package let threads: Int
    /// Whether helpers make room for other work.
    package let priority: Priority

    /// How many calls of interactive work are under way on more than one thread.
    private static let interactiveCalls = Atomic<Int>(0)

    /// A pool of at most `threads` threads.
    package init(threads: Int, priority: Priority = .interactive) {
        (self.threads, self.priority) = (max(threads, 1), priority)
    }

    /// Calls `body(piece, worker)` once for every piece of `0..<pieces`, a worker number of `0..<threads` never being in
    /// use twice at a time. It can neither fail nor be cancelled.
    package func forEach(_ pieces: Int, _ body: @Sendable (_ piece: Int, _ worker: Int) -> Void) {
        guard threads > 1, pieces > 1 else {
            for piece in 0..<max(pieces, 0) { body(piece, 0) }
            return
        }
        start(WorkQueue(pieces)) { worker in
            while let piece = worker.next() { body(piece, worker.number) }
        }
    }

    /// The same over `0..<count` in ranges of at most `size`.
    package func forEachRange(
        of count: Int, size: Int, _ body: @Sendable (_ range: Range<Int>, _ worker: Int) -> Void
    ) {
        forEach((count + size - 1) / size) { piece, worker in
            body(piece * size..<min((piece + 1) * size, count), worker)
        }
    }

    /// Runs `body` on as many threads as are useful, each of which takes pieces of `0..<pieces` with `Worker.one` until
    /// that says false: for work that fails, that can be cancelled, or whose threads need tools of their own.
    ///
    /// Pieces are handed out in order and finished once begun, so that of several that fail the first one is always
    /// seen: the error does not depend on the number of threads.
    /// - Parameter what: What is said to be cancelled when the calling task is: “search”.
    package func run(
        _ pieces: Int, _ what: String = "work", _ body: @Sendable (WorkQueue.Worker) -> Void
    ) throws(BelfryError) {
        let queue = WorkQueue(pieces, what, endingWith: WorkEnd.Caller())
        start(queue, body)
        try queue.throwFailure()
    }

    /// Calls `body` once with each of `states`, all at the same time if that many threads are free: for a few workers
    /// who go through something together, or have tools that each of them keeps from call to call.
    package func together<State>(_ states: [State], _ body: @Sendable (_ state: State, _ worker: Int) -> Void) {
        guard states.count > 1, threads > 1 else {
            for (worker, state) in states.enumerated() { body(state, worker) }
            return
        }
        let shared = Shared(states)
        DispatchQueue.concurrentPerform(iterations: states.count) { body(shared.value[$0], $0) }
    }

    private func start(_ queue: WorkQueue, _ body: @Sendable (WorkQueue.Worker) -> Void) {
        let workers = min(threads, queue.count)
        guard workers > 1 else {
            if workers == 1 { body(queue.worker(0)) }
            return
        }
        switch priority {
        case .interactive:
            Self.interactiveCalls.add(1, ordering: .relaxed)
            defer { Self.interactiveCalls.subtract(1, ordering: .relaxed) }
            DispatchQueue.concurrentPerform(iterations: workers) { body(queue.worker($0)) }
        case .background:
            // Helpers that have made room are asked again when there is room for them.
            repeat {
                queue.readmit()
                DispatchQueue.concurrentPerform(iterations: workers) {
                    body(queue.worker($0, yieldingTo: { Self.interactiveCalls.load(ordering: .relaxed) > 0 }))
                }
            } while queue.hasBeenLeft
        }
    }
}
