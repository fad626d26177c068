/// The short form of a `WorkPool` of so many threads, for work that can neither fail nor be cancelled.
package enum Parallel {
    /// Calls `body(piece, worker)` once for every piece in `0..<pieces`: see ``WorkPool/forEach(_:_:)``.
    package static func forEach(_ pieces: Int, threads: Int, _ body: @Sendable (_ piece: Int, _ worker: Int) -> Void) {
        WorkPool(threads: threads).forEach(pieces, body)
    }

    /// The same over `0..<count` in ranges of at most `size`.
    package static func forEachRange(
        of count: Int, size: Int, threads: Int, _ body: @Sendable (_ range: Range<Int>, _ worker: Int) -> Void
    ) {
        WorkPool(threads: threads).forEachRange(of: count, size: size, body)
    }
}
