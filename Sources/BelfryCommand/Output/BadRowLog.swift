import Files
import Synchronization

/// Prints the first bad rows and counts the rest.
final class BadRowLog: Sendable {
    private let count = Mutex(0)
    private static let most = 20

    func add(_ problem: BelfryError) {
        let number = count.withLock { count in
            count += 1
            return count
        }
        if number <= Self.most { Failure.report(problem) }
        if number == Self.most { Terminal.note("belfry: further bad rows are counted, not printed") }
    }
}
