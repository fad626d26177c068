import Foundation
import Synchronization

/// A file mapped read-only into memory for as long as this object lives.
///
/// The bytes are the file's at the time of each access: files that Belfry maps are never changed in place.
public final class MappedFile: Sendable {
    /// Where the file was when it was opened.
    public let path: String
    /// The file's bytes. Valid while this object is alive: keep it in scope (`withExtendedLifetime`).
    public nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

    /// How the pages will be read.
    public enum Access: Sendable {
        /// No particular order: the kernel's default read-ahead.
        case normal
        /// From the first byte to the last.
        case sequential
    }

    /// Maps the file at `path`.
    /// - Throws: `notFound` or `io`, with the reason; a directory is refused.
    public init(_ path: String, access: Access = .normal) throws(BelfryError) {
        self.path = path
        // Without waiting: opening a pipe would stand still until somebody writes to it.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw System.failure("open it", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw System.failure("read its size", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw BelfryError(.invalidInput, "This is not a regular file.", at: .init(file: path))
        }
        let length = Int(status.st_size)
        guard length > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            throw System.failure("map it", path)
        }
        Self.mappings.withLock { $0[UInt(bitPattern: start)] = length }
        if access == .sequential { madvise(start, length, MADV_SEQUENTIAL) }
        bytes = UnsafeRawBufferPointer(start: start, count: length)
    }

    deinit {
        guard let start = bytes.baseAddress else { return }
        // In the lock: what comes to lie there next is not to lose its pages.
        Self.mappings.withLock { mappings in
            mappings[UInt(bitPattern: start)] = nil
            munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
        }
    }

    /// All mappings that there are: where they begin, and their lengths.
    private static let mappings = Mutex<[UInt: Int]>([:])

    /// Gives the pages of all mapped files back to the system. They come again when they are read.
    static func releasePages() {
        mappings.withLock { mappings in
            for (start, length) in mappings {
                madvise(UnsafeMutableRawPointer(bitPattern: start), length, MADV_DONTNEED)
            }
        }
    }

    /// A reader over the whole file that cannot leave it.
    public var reader: ByteReader { ByteReader(bytes, file: path) }
}
