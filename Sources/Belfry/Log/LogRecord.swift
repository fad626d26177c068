import Files
import Foundation

/// One record of a log file: one batch, which is all or nothing.
///
/// | bytes | what |
/// |---|---|
/// | 0..<4 | u32 length of the body, n: 4 to 32 MiB |
/// | 4..<8 | u32 CRC-32C over the other bytes of the head, the file's identity, the body and its padding |
/// | 8..<16 | u64 LSN |
/// | 16..<24 | u64 the LSN up to which the log was synced when this was written |
/// | 24..<24+n | the body: u32 number of operations, then each with its own u32 length in front |
/// | … | zeros up to the next multiple of 8 |
///
/// Why a record says what was synced before it: a disk may lose a record that was never synced and keep the one behind
/// it, if both were written by one call. Nobody was told that either is kept. But where a bad record is followed by one
/// that says that the bad one had been synced, an acknowledged write is gone: that is damage.
struct LogRecord: Equatable, Sendable {
    /// The length of the body.
    let length: Int
    let crc: UInt32
    let lsn: UInt64
    /// The LSN up to which the log was synced.
    let synced: UInt64

    static let headSize = 24
    /// Head, an empty body, its padding.
    static let smallest = 32

    /// How many bytes the record takes, with its padding.
    var size: Int { Self.headSize + (length + 7) / 8 * 8 }

    /// The record's head in the first bytes of `bytes`; nil where none can be.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.headSize else { return nil }
        length = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
        crc = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        lsn = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        synced = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        guard length >= 4, length <= LogFile.recordLimit, synced < lsn else { return nil }
    }

    /// The bytes of the record that holds `batch`.
    /// - Throws: `invalidInput` for a batch that is too large.
    static func encode(
        _ batch: [LogOperation], lsn: UInt64, synced: UInt64, identity: [UInt8]
    ) throws(BelfryError) -> [UInt8] {
        var encoder = LogEncoder()
        try encoder.put(count: batch.count)
        for operation in batch {
            try encoder.putSized { encoder throws(BelfryError) in try operation.encode(into: &encoder) }
        }
        return seal(encoder.bytes, lsn: lsn, synced: synced, identity: identity)
    }

    /// The bytes of the record with this body.
    static func seal(_ body: [UInt8], lsn: UInt64, synced: UInt64, identity: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headSize + body.count + 7)
        bytes.append(littleEndian: UInt32(body.count))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: lsn)
        bytes.append(littleEndian: synced)
        bytes += body
        bytes += [UInt8](repeating: 0, count: (8 - body.count % 8) % 8)
        let crc = bytes.withBytes { checksum($0, identity: identity) }
        bytes.replace(at: 4, littleEndian: crc)
        return bytes
    }

    /// The checksum of a record's bytes, head to padding.
    static func checksum(_ bytes: UnsafeRawBufferPointer, identity: [UInt8]) -> UInt32 {
        var crc = CRC32C()
        crc.add(UnsafeRawBufferPointer(rebasing: bytes[..<4]))
        crc.add(UnsafeRawBufferPointer(rebasing: bytes[8..<headSize]))
        identity.withBytes { crc.add($0) }
        crc.add(UnsafeRawBufferPointer(rebasing: bytes[headSize...]))
        return crc.value
    }

    /// The operations of a body, which begins at byte `base` of `file`.
    /// - Throws: `corruptData` with the byte, `unsupported` for an operation of a newer version.
    static func decode(
        _ body: UnsafeRawBufferPointer, file: String, base: Int
    ) throws(BelfryError) -> [LogOperation] {
        var reader = ByteReader(body, file: file, base: base)
        var operations: [LogOperation] = []
        for _ in 0..<(try reader.readCount(UInt32.self, "The number of operations")) {
            let length = try reader.readCount(UInt32.self, "The length of an operation")
            let start = base + reader.offset
            var fields = ByteReader(try reader.read(bytes: length, "An operation"), file: file, base: start)
            operations.append(try LogOperation(&fields))
        }
        guard reader.remaining == 0 else {
            throw .corrupt("\(reader.remaining) bytes follow the last operation of a record.", at: reader.location)
        }
        return operations
    }
}
