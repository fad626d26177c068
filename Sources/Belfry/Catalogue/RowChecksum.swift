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
            case .int64(let number): row.add(2, number)
            case .double(let number): row.add(3, Int64(bitPattern: number.bitPattern))
            case .string(let text): row.add(4, text.utf8)
            case .blob(let data): row.add(5, data)
            }
        }
        return Int64(row.bytes.withBytes { CRC32C.of($0) })
    }

    private mutating func add(_ type: UInt8, _ number: Int64) {
        add(type, length: 8)
        bytes.append(littleEndian: number)
    }

    private mutating func add(_ type: UInt8, _ content: some Collection<UInt8>) {
        add(type, length: content.count)
        bytes.append(contentsOf: content)
    }

    private mutating func add(_ type: UInt8, length: Int) {
        bytes.append(type)
        bytes.append(littleEndian: Int64(length))
    }
}
