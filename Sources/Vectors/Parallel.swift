import Dispatch
import Synchronization

/// Work that is handed out in numbered pieces to a fixed number of threads.
package enum Parallel {
    /// Calls `body(piece, worker)` once for every piece in `0..<pieces`, a worker number in `0..<threads` never being in
    /// use twice at a time. Which worker gets which piece is left to chance: a result must depend on the piece alone.
    package static func forEach(_ pieces: Int, threads: Int, _ body: @Sendable (_ piece: Int, _ worker: Int) -> Void) {
        guard threads > 1, pieces > 1 else {
            for piece in 0..<max(pieces, 0) { body(piece, 0) }
            return
        }
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: min(threads, pieces)) { worker in
            while true {
                let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard piece < pieces else { break }
                body(piece, worker)
            }
        }
    }

    /// The same over `0..<count` in ranges of at most `size`.
    package static func forEachRange(
        of count: Int, size: Int, threads: Int, _ body: @Sendable (_ range: Range<Int>, _ worker: Int) -> Void
    ) {
        forEach((count + size - 1) / size, threads: threads) { piece, worker in
            body(piece * size..<min((piece + 1) * size, count), worker)
        }
    }
}
