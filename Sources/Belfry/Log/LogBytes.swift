import Files
import Foundation

/// The bytes of a log file, read through a window.
///
/// Not mapped: a writer changes the file in place, and one that cuts a torn tail off would stop a process that has the
/// bytes behind it mapped. No link is followed, and nothing is written. One owner at a time.
final class LogBytes {
    let path: String
    /// How long the file was when it was opened, or less if it was cut since.
    private(set) var size = 0
    private let descriptor: Int32
    private var window: [UInt8] = []
    private var windowStart = 0
    private static let windowSize = 1 << 18

    /// - Throws: `notFound`, `io`; `conflict` for a link, `invalidInput` for what is no file.
    init(_ path: String) throws(BelfryError) {
        self.path = path
        // Without waiting: opening a pipe would stand still until somebody writes to it.
        descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw errno == ELOOP ? Directory.isLink(path) : System.failure("open it", path)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw System.failure("read its size", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw BelfryError(.invalidInput, "This is not a regular file.", at: .init(file: path))
        }
        size = Int(status.st_size)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Gives `body` the `count` bytes at `offset`; fewer where the file ends.
    func withBytes<Result>(
        at offset: Int, _ count: Int, _ body: (UnsafeRawBufferPointer) throws(BelfryError) -> Result
    ) throws(BelfryError) -> Result {
        try fill(offset, count)
        let (window, start) = (window, windowStart)
        return try window.withBytes { bytes throws(BelfryError) in
            let first = min(offset - start, bytes.count)
            let range = first..<min(first + count, bytes.count)
            return try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
        }
    }

    /// The first place at or behind `offset`, in steps of 8 bytes from there, where a byte is not zero; nil if all are.
    func firstWord(from offset: Int) throws(BelfryError) -> Int? {
        let step = 4096
        var place = offset
        while place < size {
            let found: Int? = try withBytes(at: place, step) { bytes in
                var index = 0
                while index + 8 <= bytes.count, bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) == 0 {
                    index += 8
                }
                return bytes[index...].contains { $0 != 0 } ? index : nil
            }
            if let found { return place + found }
            place += step
        }
        return nil
    }

    /// The head of the record at `offset`, if a whole one with the right checksum is there.
    func record(at offset: Int, identity: [UInt8]) throws(BelfryError) -> LogRecord? {
        guard let record = try head(at: offset) else { return nil }
        let isWhole = try withBytes(at: offset, record.size) { bytes in
            bytes.count == record.size && LogRecord.checksum(bytes, identity: identity) == record.crc
        }
        return isWhole ? record : nil
    }

    /// The operations of the record at `offset`, which is whole.
    /// - Throws: `corruptData` with the byte, `unsupported` for an operation of a newer version.
    func operations(of record: LogRecord, at offset: Int) throws(BelfryError) -> [LogOperation] {
        let base = offset + LogRecord.headSize
        return try withBytes(at: base, record.length) { body throws(BelfryError) in
            try LogRecord.decode(body, file: path, base: base)
        }
    }

    /// What could be the head of a record at `offset`, of which nothing is verified but that the file can hold it.
    func head(at offset: Int) throws(BelfryError) -> LogRecord? {
        let record = try withBytes(at: offset, LogRecord.headSize) { LogRecord($0) }
        guard let record, record.size <= size - offset else { return nil }
        return record
    }

    /// Sees to it that the window holds the bytes, as far as the file has them.
    private func fill(_ offset: Int, _ count: Int) throws(BelfryError) {
        let needed = max(0, min(count, size - offset))
        if offset >= windowStart, offset + needed <= windowStart + window.count { return }
        var bytes = [UInt8](repeating: 0, count: max(0, min(max(count, Self.windowSize), size - offset)))
        var done = 0
        while done < bytes.count {
            let start = done
            let got = bytes.withUnsafeMutableBytes { target in
                pread(descriptor, target.baseAddress! + start, target.count - start, off_t(offset + start))
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw System.failure("read it", path) }
            // A writer cut it meanwhile.
            guard got > 0 else { break }
            done += got
        }
        if done < bytes.count {
            bytes.removeLast(bytes.count - done)
            size = offset + done
        }
        (window, windowStart) = (bytes, offset)
    }
}
