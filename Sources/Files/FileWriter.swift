import Foundation

/// Writes a file from its first byte to its last through one buffer, and syncs it at the end.
///
/// One owner at a time: this class is not safe to share between threads. A writer that is dropped before `finish`
/// closes the file and leaves what it had written.
public final class FileWriter {
    /// Where the file is.
    public let path: String
    /// How many bytes have been written so far.
    public private(set) var count = 0
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private static let capacity = 1 << 18

    /// Creates the file, or empties it if it is there.
    /// - Parameter isNew: whether something there is an error, a link too.
    public init(_ path: String, isNew: Bool = false) throws(BelfryError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | (isNew ? O_EXCL : O_TRUNC) | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw System.failure("create it", path) }
        buffer.reserveCapacity(Self.capacity)
    }

    /// Goes on with the file at `path`, of which the first `kept` bytes stay; what is behind them is cut off.
    public init(_ path: String, keeping kept: Int) throws(BelfryError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw System.failure("open it", path) }
        guard ftruncate(descriptor, off_t(kept)) == 0, lseek(descriptor, off_t(kept), SEEK_SET) >= 0 else {
            throw System.failure("cut it to \(kept) bytes", path)
        }
        count = kept
        buffer.reserveCapacity(Self.capacity)
    }

    deinit { close(descriptor) }

    /// Appends bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(BelfryError) {
        count += bytes.count
        if buffer.count + bytes.count > Self.capacity { try flush() }
        if bytes.count >= Self.capacity {
            try Self.writeAll(bytes, to: descriptor, path)
        } else {
            buffer.append(contentsOf: bytes)
        }
    }

    /// Appends a text.
    public func write(_ text: String) throws(BelfryError) {
        try Array(text.utf8).withBytes { bytes throws(BelfryError) in try write(bytes) }
    }

    /// Appends a little-endian integer.
    public func write<T: FixedWidthInteger>(_ value: T) throws(BelfryError) {
        try withUnsafeBytes(of: value.littleEndian) { bytes throws(BelfryError) in try write(bytes) }
    }

    /// Appends zero bytes up to the next multiple of `alignment`.
    public func align(to alignment: Int) throws(BelfryError) {
        let padding = [UInt8](repeating: 0, count: (alignment - count % alignment) % alignment)
        try padding.withBytes { bytes throws(BelfryError) in try write(bytes) }
    }

    /// Replaces bytes that were written before: a header whose figures are known only at the end.
    public func overwrite(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(BelfryError) {
        precondition(offset >= 0 && offset + bytes.count <= count, "overwrites only what was written")
        try flush()
        var done = 0
        while done < bytes.count {
            let written = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            if written < 0 && errno == EINTR { continue }
            guard written >= 0 else { throw System.failure("write to it", path) }
            done += written
        }
    }

    /// Writes out what is buffered and makes the file survive a power cut.
    public func finish() throws(BelfryError) {
        try flush()
        guard fsync(descriptor) == 0 else { throw System.failure("sync it to disk", path) }
    }

    /// Writes out what is buffered: a process that is killed afterwards has written it.
    public func flush() throws(BelfryError) {
        try buffer.withBytes { bytes throws(BelfryError) in try Self.writeAll(bytes, to: descriptor, path) }
        buffer.removeAll(keepingCapacity: true)
    }

    private static func writeAll(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String
    ) throws(BelfryError) {
        var done = 0
        while done < bytes.count {
            let written = Foundation.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
            if written < 0 && errno == EINTR { continue }
            guard written >= 0 else { throw System.failure("write to it", path) }
            done += written
        }
    }
}
