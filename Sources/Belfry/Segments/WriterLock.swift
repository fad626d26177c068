import Files
import Foundation
import Synchronization

/// The right to change a collection: one process at a time, given back when the object or the process ends.
final class WriterLock: Sendable {
    /// Negative when it was given back.
    private let descriptor: Mutex<Int32>

    /// Whether to stand in line for a lock that another process holds.
    enum Patience { case wait, giveUp }

    /// Takes the lock file at `path`, which is made if it is not there, or returns nil where another process holds it.
    /// - Throws: `conflict` where it is a link, through which nothing is made; `io`.
    init?(_ path: String, _ patience: Patience = .giveUp) throws(BelfryError) {
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else {
                throw errno == ELOOP ? Directory.isLink(path) : System.failure("open the lock", path)
            }
            while flock(descriptor, patience == .wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
                if errno == EINTR { continue }
                close(descriptor)
                return nil
            }
            // While this process waited, another may have put a new collection, with a lock of its own, in the place.
            if FileIdentity(descriptor) == FileIdentity(path) {
                self.descriptor = Mutex(descriptor)
                return
            }
            close(descriptor)
        }
    }

    deinit { release() }

    /// Gives the right back.
    func release() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 {
                // A process that was just forked off has the descriptor, too, until it begins its own program.
                flock(descriptor, LOCK_UN)
                close(descriptor)
            }
            descriptor = -1
        }
    }
}

/// Which file or directory a path leads to: it changes when another one is put in its place.
struct FileIdentity: Equatable, Sendable {
    private let device: UInt64
    private let node: UInt64

    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        (device, node) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }

    init?(_ descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        (device, node) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
}
