import Files
import Foundation

/// The right to change a collection: one process at a time, given back when the object or the process ends.
final class WriterLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock file at `path`, which is made if it is not there, or returns nil where another process holds it.
    init?(_ path: String) throws(BelfryError) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw System.failure("open the lock", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit { close(descriptor) }
}
