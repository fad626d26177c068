public import Files
import Foundation
import Synchronization

/// Reads the file `ids` through a mapping: row → point id.
///
/// A ``SegmentFile`` of kind `ids`, version 1, with three sections:
///
/// | section | bytes per row | what |
/// |---|---|---|
/// | `values` | 16 | a number: u64 and eight zeros; a UUID: its bytes in the order that they are written in |
/// | `kinds` | 1 | 1 a number, 2 a UUID |
/// | `crcs` | 4 | u32 CRC-32C of the row's value and kind |
///
/// Each row carries a checksum because ids are read one by one, long after the file was opened: a wrong id would be a
/// wrong answer that nobody notices.
public final class IDsReader: Sendable {
    static let version = 1
    private static let numberKind: UInt8 = 1
    private static let uuidKind: UInt8 = 2
    typealias Value = (UInt64, UInt64)

    /// How many rows there are.
    public let count: Int
    private let file: SegmentFile
    private let values: Range<Int>
    private let kinds: Range<Int>
    private let crcs: Range<Int>
    /// The rows by their ids, once so many have been looked for that they were worth it.
    private let table = Mutex<(asked: Int, rows: IDTable?)>((0, nil))

    /// Maps the file at `path` and verifies its header and table.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer format.
    public init(_ path: String) throws(BelfryError) {
        file = try SegmentFile(path, kind: .ids, newest: Self.version)
        values = try file.entry("values").range
        kinds = try file.entry("kinds").range
        crcs = try file.entry("crcs").range
        count = kinds.count
        guard values.count % 16 == 0, values.count / 16 == count, crcs.count % 4 == 0, crcs.count / 4 == count else {
            throw .corrupt(
                "\(values.count) bytes of values and \(crcs.count) of checksums do not fit \(count) rows.",
                at: .byte(values.lowerBound, of: path))
        }
    }

    /// Where the file was when it was opened.
    public var path: String { file.path }
    /// Bytes of the file.
    public var fileBytes: Int { file.file.bytes.count }

    /// The id of a row, verified.
    /// - Throws: `corruptData` with the byte offset.
    public func id(_ row: Int) throws(BelfryError) -> PointID {
        precondition(row >= 0 && row < count, "a row of this file")
        let bytes = file.file.bytes
        let (start, value, kind) = (values.lowerBound + row * 16, value(row), kind(row))
        guard Self.checksum(kind, value) == bytes.loadLittle(crcs.lowerBound + row * 4, as: UInt32.self) else {
            throw .corrupt("The id of row \(row) does not match its checksum.", at: .byte(start, of: path))
        }
        switch kind {
        case Self.numberKind where value.1 == 0: return .number(UInt64(littleEndian: value.0))
        case Self.uuidKind: return .uuid(UUID(uuid: unsafeBitCast(value, to: uuid_t.self)))
        default: throw .corrupt("The id of row \(row) is of no known kind.", at: .byte(start, of: path))
        }
    }

    /// The rows of some ids, in their order; nil for those that no row has. A row whose id is damaged is not found.
    ///
    /// They are looked up in a table of 8 to 16 bytes a row, which is made once many have been looked for: until then nil.
    package func rows(of ids: some Collection<PointID>) -> [Int?]? {
        let known = table.withLock { table in
            table.asked += ids.count
            if table.rows == nil, table.asked >= count / Self.idsForTable { table.rows = IDTable(count, value: value) }
            return table.rows
        }
        guard let known else { return nil }
        return ids.map { id in
            let (kind, wanted) = Self.encode(id)
            return known.row(of: wanted) { row in
                let found = self.value(row)
                return found.0 == wanted.0 && found.1 == wanted.1 && self.kind(row) == kind && (try? self.id(row)) == id
            }
        }
    }

    /// To make the table takes as long as to find one id in so many in a catalogue.
    private static let idsForTable = 64

    /// Reads every byte of the file and returns all that is wrong, each with its byte offset.
    public func check() -> [BelfryError] {
        var found = file.problems()
        for row in 0..<count {
            do throws(BelfryError) {
                _ = try id(row)
            } catch {
                found.append(error)
            }
        }
        return found
    }

    // MARK: one row

    private func value(_ row: Int) -> Value {
        file.file.bytes.loadUnaligned(fromByteOffset: values.lowerBound + row * 16, as: Value.self)
    }

    private func kind(_ row: Int) -> UInt8 { file.file.bytes[kinds.lowerBound + row] }

    /// The kind and the 16 bytes, as they lie in the file, of an id.
    static func encode(_ id: PointID) -> (kind: UInt8, value: Value) {
        switch id {
        case .number(let number): (numberKind, (number.littleEndian, 0))
        case .uuid(let uuid): (uuidKind, unsafeBitCast(uuid.uuid, to: Value.self))
        }
    }

    static func checksum(_ kind: UInt8, _ value: Value) -> UInt32 {
        var crc = CRC32C()
        withUnsafeBytes(of: value) { crc.add($0) }
        withUnsafeBytes(of: kind) { crc.add($0) }
        return crc.value
    }
}
