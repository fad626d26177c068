import Files
import GRDB

/// The CRC-32C over one row of the catalogue: every column's type, length and bytes, and the table's name.
///
/// SQLite's own integrity check looks at its trees, not at the bytes inside a value; this sees those.
struct RowChecksum {
    private var bytes: [UInt8] = []

    /// The checksum of the row of `table` that holds `values`, in the order of the columns.
    static func of(_ table: String, _ values: [DatabaseValue]) -> Int64 {
        var row = RowChecksum()
        row.add(1, table.utf8)
        for value in values {
            switch value.storage {
            case .null: row.add(0, [])
            case .int64(let number): row.add(2, number.littleEndianBytes)
            case .double(let number): row.add(3, Int64(bitPattern: number.bitPattern).littleEndianBytes)
            case .string(let text): row.add(4, text.utf8)
            case .blob(let data): row.add(5, data)
            }
        }
        return Int64(row.bytes.withBytes { CRC32C.of($0) })
    }

    private mutating func add(_ type: UInt8, _ content: some Collection<UInt8>) {
        bytes.append(type)
        bytes.append(contentsOf: Int64(content.count).littleEndianBytes)
        bytes.append(contentsOf: content)
    }
}

extension Int64 {
    fileprivate var littleEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) } }
}
