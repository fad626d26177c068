import Files
import Foundation

/// A window on a text that always holds the whole record that is being read, and never more than the longest record
/// allowed plus one step of reading.
final class RecordBuffer {
    private let input: TextInput
    private var memory: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0

    /// A window that begins with `capacity` bytes and doubles as records need it.
    init(_ input: TextInput, capacity: Int) {
        self.input = input
        memory = .allocate(byteCount: max(capacity, 1), alignment: 64)
    }

    /// Large enough that reading costs little, small enough for the cache.
    static let defaultCapacity = 1 << 18

    deinit { memory.deallocate() }

    /// The bytes from the beginning of the record. Valid until the next `refill`.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[start..<end]) }

    /// Gives up the first `count` bytes.
    func consume(_ count: Int) { start += count }

    /// Reads more behind `bytes`; false at the end of the text.
    func refill() throws(BelfryError) -> Bool {
        if start > 0 {
            memory.copyMemory(from: bytes)
            (start, end) = (0, end - start)
        }
        if end == memory.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * memory.count, alignment: 64)
            larger.copyMemory(from: bytes)
            memory.deallocate()
            memory = larger
        }
        let count = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[end...]))
        end += count
        return count > 0
    }

    /// Skips a UTF-8 byte order mark at the beginning of the text.
    /// - Throws: `unsupported` for UTF-16, which spreadsheets write as "Unicode text", for UTF-32, and for files that are
    ///   no text, whatever their names say.
    func skipByteOrderMark() throws(BelfryError) {
        while bytes.count < 16, try refill() {}
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { consume(3) }
        for (name, marks) in Self.wideMarks where marks.contains(where: { bytes.starts(with: $0) }) {
            throw BelfryError(
                .unsupported, "The text is \(name); UTF-8 is read.", at: .byte(0, of: input.path),
                remedy: "Convert it: iconv -f \(name) -t UTF-8 \(input.path) > utf8.csv")
        }
        for (what, kind, mark) in Self.foreignMarks where bytes.starts(with: mark) {
            throw BelfryError(
                .unsupported, "This is \(what), and no text.", at: .byte(0, of: input.path),
                remedy: RowFormat.conversion(input.path, kind: kind))
        }
    }

    /// The mark of UTF-32 begins with that of UTF-16.
    private static let wideMarks: [(String, [[UInt8]])] = [
        ("UTF-32", [[0xff, 0xfe, 0, 0], [0, 0, 0xfe, 0xff]]), ("UTF-16", [[0xff, 0xfe], [0xfe, 0xff]]),
    ]

    /// What files begin with that are given as rows by mistake, and what their names should end in.
    private static let foreignMarks: [(what: String, kind: String, mark: [UInt8])] = [
        ("a Parquet file", "parquet", Array("PAR1\u{15}".utf8)), ("an Arrow file", "arrow", Array("ARROW1\0".utf8)),
        ("a spreadsheet or an archive (zip)", "xlsx", [0x50, 0x4b, 3, 4]),
        ("a SQLite database", "sqlite", Array("SQLite format 3\0".utf8)),
        ("a spreadsheet (xls)", "xls", [0xd0, 0xcf, 0x11, 0xe0]), ("packed by zstd", "zst", [0x28, 0xb5, 0x2f, 0xfd]),
        ("packed by xz", "xz", [0xfd, 0x37, 0x7a, 0x58]), ("packed by bzip2", "bz2", Array("BZh91AY&".utf8)),
    ]
}

extension UnsafeRawBufferPointer {
    /// Where the bytes stop being UTF-8 (Unicode 15, table 3-7: no overlong forms, no surrogates); nil if they never do.
    var firstInvalidUTF8: Int? {
        var index = 0
        while index < count {
            // Eight ASCII bytes at a step.
            while index + 8 <= count,
                loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                index += 8
            }
            guard index < count else { return nil }
            let byte = self[index]
            if byte < 0x80 {
                index += 1
                continue
            }
            let (length, second): (Int, ClosedRange<UInt8>) =
                switch byte {
                case 0xc2...0xdf: (2, 0x80...0xbf)
                case 0xe0: (3, 0xa0...0xbf)
                case 0xed: (3, 0x80...0x9f)
                case 0xe1...0xef: (3, 0x80...0xbf)
                case 0xf0: (4, 0x90...0xbf)
                case 0xf1...0xf3: (4, 0x80...0xbf)
                case 0xf4: (4, 0x80...0x8f)
                default: (0, 0...0)
                }
            guard length > 0, index + length <= count, second.contains(self[index + 1]) else { return index }
            for offset in 2..<4 where offset < length && self[index + offset] & 0xc0 != 0x80 { return index }
            index += length
        }
        return nil
    }

    /// What in a row's bytes no row may hold: zero bytes, and what is not UTF-8.
    func problem(line: Int) -> RowProblem? {
        if let start = baseAddress, let zero = memchr(start, 0, count) {
            let zero = UnsafeRawPointer(zero) - start
            return RowProblem(line: line, .zeroByte, "Byte \(zero) of the row is a zero byte.")
        }
        guard let offset = firstInvalidUTF8 else { return nil }
        let value = String(self[offset], radix: 16)
        return RowProblem(
            line: line, .encoding,
            "Byte \(offset) of the row (0x\(value)) is not UTF-8: is the text in another encoding?")
    }
}
