import CZlib
import Foundation

/// Writes a numpy archive (`np.savez`): arrays under names, not compressed, which numpy maps and `Npz` reads.
///
/// How long an array is must be known when it begins. The same arrays give the same bytes: no time is written. Sizes are
/// written as zip64 has them, as numpy does, so that an array may have any. Not safe to share between threads.
///
/// Format: PKWARE APPNOTE 6.3.10.
public final class NpzWriter {
    /// What the elements of an array are.
    public enum Element: Sendable {
        /// Whole numbers of 32 bits, `<i4`, and of 64 bits without a sign, `<u8`.
        case int32, uint64
        /// Floating-point numbers of 32 bits: `<f4`.
        case float32
        /// Texts of at most so many Unicode scalars, each of 32 bits, with zeros behind: `<U…`.
        case text(length: Int)

        fileprivate var name: String {
            switch self {
            case .int32: "<i4"
            case .uint64: "<u8"
            case .float32: "<f4"
            case .text(let length): "<U\(length)"
            }
        }

        /// Bytes per element.
        public var size: Int {
            switch self {
            case .int32, .float32: 4
            case .uint64: 8
            case .text(let length): 4 * length
            }
        }
    }

    private struct Member {
        let name: [UInt8]
        let start: Int
        let size: Int
        var checksum: UInt
    }

    private let writer: FileWriter
    private var members: [Member] = []
    /// Bytes of the last member that are still to come.
    private var missing = 0

    /// Creates the file, which must not be there.
    public init(_ path: String) throws(BelfryError) { writer = try FileWriter(path, isNew: true) }

    /// Begins an array; its elements follow, all of them, row after row.
    public func begin(_ name: String, _ element: Element, _ shape: [Int]) throws(BelfryError) {
        try endMember()
        let header = NpyWriter.header(element.name, shape)
        let size = header.count + shape.reduce(1, *) * element.size
        members.append(Member(name: Array("\(name).npy".utf8), start: writer.count, size: size, checksum: 0))
        missing = size
        try writeLocalHeader(members[members.count - 1])
        try header.withBytes { bytes throws(BelfryError) in try append(bytes) }
    }

    /// Appends elements of the array that was begun last.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(BelfryError) {
        precondition(bytes.count <= missing, "an array of the size that was said")
        missing -= bytes.count
        let start = bytes.bindMemory(to: UInt8.self).baseAddress
        members[members.count - 1].checksum = crc32_z(members[members.count - 1].checksum, start, bytes.count)
        try writer.write(bytes)
    }

    /// Writes the directory, and makes the file survive a power cut.
    public func finish() throws(BelfryError) {
        try endMember()
        let start = writer.count
        for member in members { try write(Self.directoryEntry(member)) }
        try write(Self.end(members: members.count, directory: start..<writer.count))
        try writer.finish()
    }

    private func endMember() throws(BelfryError) {
        precondition(missing == 0, "an array of the size that was said")
        guard let last = members.last else { return }
        // Checksum and sizes were not known, or not yet, when the header was written.
        let header = Self.localHeader(last)
        try header.withBytes { bytes throws(BelfryError) in try writer.overwrite(bytes, at: last.start) }
    }

    private func writeLocalHeader(_ member: Member) throws(BelfryError) { try write(Self.localHeader(member)) }

    private func write(_ bytes: [UInt8]) throws(BelfryError) {
        try bytes.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
    }
}

// MARK: the records of a zip archive

extension NpzWriter {
    /// 1 January 1980, the first day that there is.
    private static let day: UInt16 = 0x21
    /// What says that a field of 32 bits is in the record of 64 bits.
    private static let elsewhere = UInt32.max

    private static func localHeader(_ member: Member) -> [UInt8] {
        var record = ZipRecord(0x0403_4b50)
        record.add(UInt16(45), UInt16(0), UInt16(0), UInt16(0), day)
        record.add(UInt32(truncatingIfNeeded: member.checksum), elsewhere, elsewhere)
        record.add(UInt16(member.name.count), UInt16(20))
        record.bytes += member.name
        record.add(UInt16(1), UInt16(16))
        record.add(UInt64(member.size), UInt64(member.size))
        return record.bytes
    }

    private static func directoryEntry(_ member: Member) -> [UInt8] {
        var record = ZipRecord(0x0201_4b50)
        record.add(UInt16(45), UInt16(45), UInt16(0), UInt16(0), UInt16(0), day)
        record.add(UInt32(truncatingIfNeeded: member.checksum), elsewhere, elsewhere)
        record.add(UInt16(member.name.count), UInt16(28), UInt16(0), UInt16(0), UInt16(0))
        record.add(UInt32(0), elsewhere)
        record.bytes += member.name
        record.add(UInt16(1), UInt16(24))
        record.add(UInt64(member.size), UInt64(member.size), UInt64(member.start))
        return record.bytes
    }

    private static func end(members: Int, directory: Range<Int>) -> [UInt8] {
        var record = ZipRecord(0x0606_4b50)
        record.add(UInt64(44))
        record.add(UInt16(45), UInt16(45))
        record.add(UInt32(0), UInt32(0))
        record.add(UInt64(members), UInt64(members), UInt64(directory.count), UInt64(directory.lowerBound))
        record.add(UInt32(0x0706_4b50), UInt32(0))
        record.add(UInt64(directory.upperBound))
        record.add(UInt32(1), UInt32(0x0605_4b50))
        record.add(UInt16(0), UInt16(0), UInt16(members), UInt16(members))
        record.add(elsewhere, elsewhere)
        record.add(UInt16(0))
        return record.bytes
    }
}

/// Little-endian numbers, one after another.
private struct ZipRecord {
    var bytes: [UInt8] = []

    init(_ signature: UInt32) { add(signature) }

    mutating func add<Number: FixedWidthInteger>(_ numbers: Number...) {
        for number in numbers { withUnsafeBytes(of: number.littleEndian) { bytes += $0 } }
    }
}
