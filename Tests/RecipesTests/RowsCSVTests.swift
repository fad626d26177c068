import Files
import Foundation
import TestSupport
import Testing

@testable import Recipes

@Suite struct CSVRowsTests {
    private struct Case {
        var text: String
        var rows: [[String]]
        var lines: [Int]
    }

    @Test func readsWhatRFC4180Describes() throws {
        let cases: [Case] = [
            Case(
                text: "aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n", rows: [["aaa", "bbb", "ccc"], ["zzz", "yyy", "xxx"]],
                lines: [1, 2]),
            Case(
                text: "aaa,bbb,ccc\r\nzzz,yyy,xxx", rows: [["aaa", "bbb", "ccc"], ["zzz", "yyy", "xxx"]], lines: [1, 2]),
            Case(text: "\"aaa\",\"bbb\"\nzzz,yyy", rows: [["aaa", "bbb"], ["zzz", "yyy"]], lines: [1, 2]),
            Case(
                text: "\"a\",\"b\r\nbb\",c\r\nz,y,x", rows: [["a", "b\r\nbb", "c"], ["z", "y", "x"]], lines: [1, 3]),
            Case(text: "\"a\",\"b\"\"bb\"", rows: [["a", "b\"bb"]], lines: [1]),
            Case(text: "\u{feff}a,b\n", rows: [["a", "b"]], lines: [1]),
            Case(text: "\u{feff}\"a\",b\n", rows: [["a", "b"]], lines: [1]),
            Case(text: "a,b\rc,d\r", rows: [["a", "b"], ["c", "d"]], lines: [1, 2]),
            Case(text: "\n\r\n\ra\n\nb\n", rows: [["a"], ["b"]], lines: [4, 6]),
            Case(text: ",\n,", rows: [["", ""], ["", ""]], lines: [1, 2]),
            Case(text: "\"\"\n\"\"", rows: [[""], [""]], lines: [1, 2]),
            Case(text: "\"\"\"\"", rows: [["\""]], lines: [1]),
            Case(text: "\"\"\"a\"\"\",b", rows: [["\"a\"", "b"]], lines: [1]),
            Case(text: "5\" pipe,a\"b\"", rows: [["5\" pipe", "a\"b\""]], lines: [1]),
            Case(text: " \"a\" ,b", rows: [[" \"a\" ", "b"]], lines: [1]),
            Case(text: "\"\n\r\n\r\n\n\",x\nb,y", rows: [["\n\r\n\r\n\n", "x"], ["b", "y"]], lines: [1, 6]),
            Case(text: "é,\"😀,\"\n", rows: [["é", "😀,"]], lines: [1]),
            Case(text: "a", rows: [["a"]], lines: [1]), Case(text: "", rows: [], lines: []),
        ]
        try withTemporaryDirectory { folder in
            for item in cases {
                let (rows, problems) = try readRows(
                    Data(item.text.utf8), as: RowFormat(.csv, hasHeader: false), in: folder)
                #expect(rows.map(\.texts) == item.rows && problems.isEmpty, "\(item.text.debugDescription)")
                #expect(rows.map(\.line) == item.lines, "\(item.text.debugDescription)")
            }
            // The same parser reads TSV, with the same quotes.
            let (rows, _) = try readRows(
                Data("a,b\t\"c\td\"\n".utf8), as: RowFormat(.tsv, hasHeader: false), in: folder)
            #expect(rows.map(\.texts) == [["a,b", "c\td"]])
        }
    }

    @Test func goesOnBehindABadRow() throws {
        let text =
            Data("id,text\n1,a\n2\n3,b,c\n\"4\"x,d\n5,".utf8) + Data([0x61, 0xff])
            + Data("\n6,e\0\n\"7\",\"f\nf\"\n8,g\n9,\"h\ni,j\n".utf8)
        try withTemporaryDirectory { folder in
            let (rows, problems) = try readRows(text, as: RowFormat(.csv), in: folder)
            #expect(rows.map { $0.texts[0] } == ["1", "7", "8"] && rows.map(\.line) == [2, 8, 10])
            #expect(problems.map(\.line) == [3, 4, 5, 6, 7, 11])
            #expect(problems.map(\.kind) == [.columnCount, .columnCount, .quote, .encoding, .zeroByte, .quote])
            #expect(problems[0].message == "The row has 1 column; 2 are expected.")
            #expect(problems[2].message.contains("column 1 (line 5, byte 3 of the row)"))
            #expect(problems[3].message.hasPrefix("Byte 3 of the row (0xff)"))
            #expect(problems[5].message.contains("opens column 2 on line 11 is never closed"))
            #expect(problems[5].error(in: "f").location == .line(11, of: "f"))
        }
    }

    @Test func namesARowWithoutAnEnd() throws {
        try withTemporaryDirectory { folder in
            var format = try RowFormat(.csv)
            format.maximumRowBytes = 10_000
            for size in [10_001, 5_000_000] {
                let text =
                    Data("id,text\n1,a\n2,\"b\nb\",\"c".utf8) + Data(repeating: 97, count: size) + Data("\"\n".utf8)
                let error = #expect(throws: BelfryError.self) { try readRows(text, as: format, in: folder) }
                #expect(error?.location?.place == "line 3" && error?.remedy?.contains("line 4") == true, "\(error!)")
            }
        }
    }

    @Test func findsTheByteThatIsNotUTF8() {
        let bad: [([UInt8], Int)] = [
            ([0x80], 0), ([0x61, 0xc3], 1), ([0xc0, 0xaf], 0), ([0xe0, 0x80, 0x80], 0), ([0xed, 0xa0, 0x80], 0),
            ([0xf4, 0x90, 0x80, 0x80], 0), ([0xf0, 0x9f, 0x98], 0), ([0xf5, 0x80, 0x80, 0x80], 0),
            (Array("12345678é".utf8) + [0xff], 10), ([0xe2, 0x82, 0x41], 0),
        ]
        for (bytes, index) in bad { #expect(bytes.withUnsafeBytes { $0.firstInvalidUTF8 } == index, "\(bytes)") }
        // Every scalar is valid; every two bytes agree with the standard library.
        for value in stride(from: 0, to: UInt32(0x110000), by: 7) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            #expect(Array(UTF8.encode(scalar)!).withUnsafeBytes { $0.firstInvalidUTF8 } == nil)
        }
        for value in 0..<65_536 {
            let bytes = [UInt8(value >> 8), UInt8(value & 255)]
            let valid = String(validating: bytes, as: UTF8.self) != nil
            #expect((bytes.withUnsafeBytes { $0.firstInvalidUTF8 } == nil) == valid, "\(bytes)")
        }
    }
}

@Suite struct CSVFuzzTests {
    /// What a reader gives for a file, as text: with a window that begins at `capacity` bytes.
    private func events(_ path: String, capacity: Int) throws -> [String] {
        let reader = CSVReader(try TextInput(path), delimiter: UInt8(ascii: ","), limit: 1 << 20, capacity: capacity)
        var events: [String] = []
        while let event = try reader.next() {
            switch event {
            case .record(let record): events.append("\(record.line) \(record.ends) \(record.text)")
            case .problem(let problem): events.append("\(problem.kind) \(problem)")
            }
        }
        return events
    }

    @Test func anyBytesEndInRowsAndProblems() throws {
        var random = SeededGenerator()
        let likely = Array("\"\",,\n\r\nab \u{e9}\0".utf8) + [0xff, 0xef, 0xbb, 0xbf]
        try withTemporaryDirectory { folder in
            let path = folder + "/fuzz.csv"
            for round in 0..<Fuzz.executions(5_000) {
                let length = Int.random(in: 0..<60, using: &random)
                let bytes = (0..<length).map { _ in
                    round % 5 == 0 ? UInt8.random(in: 0...255, using: &random) : likely.randomElement(using: &random)!
                }
                try Data(bytes).writeAnew(to: path)
                guard let expected = try? events(path, capacity: 1 << 12) else {
                    #expect(
                        bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff])
                            || bytes.starts(with: [0x1f, 0x8b]))
                    continue
                }
                #expect(
                    try events(path, capacity: Int.random(in: 1...9, using: &random)) == expected, "\(random), \(bytes)"
                )
                #expect(expected.count <= bytes.count)
            }
        }
    }

    @Test func whatAWriterWritesComesBack() throws {
        var random = SeededGenerator()
        let letters = ["a", "bc", "\"", ",", "\n", "\r", "\r\n", "é", "😀", " ", ";", "\t"]
        try withTemporaryDirectory { folder in
            for _ in 0..<2_000 {
                let delimiter = [",", ";", "\t"].randomElement(using: &random)!
                let end = ["\n", "\r\n", "\r"].randomElement(using: &random)!
                let columns = Int.random(in: 1...5, using: &random)
                var text = Bool.random(using: &random) ? "\u{feff}" : ""
                var (rows, lines, line): ([[String]], [Int], Int) = ([], [], 1)
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    let row = (0..<columns).map { _ in
                        (0..<Int.random(in: 0...5, using: &random)).map { _ in letters.randomElement(using: &random)! }
                            .joined()
                    }
                    let written = row.map { field in
                        let must =
                            ["\"", "\n", "\r", delimiter].contains { field.utf8.contains($0.utf8.first!) }
                            || (columns == 1 && field.isEmpty)
                        return must || Int.random(in: 0..<4, using: &random) == 0
                            ? "\"" + field.replacingOccurrences(of: "\"", with: "\"\"", options: .literal) + "\""
                            : field
                    }.joined(separator: delimiter)
                    text += written + end
                    rows.append(row)
                    lines.append(line)
                    line += 1 + lineEnds(written)
                }
                if Bool.random(using: &random) { text.unicodeScalars.removeLast(end.unicodeScalars.count) }
                let format = try RowFormat(.csv, delimiter: delimiter, hasHeader: false)
                let (read, problems) = try readRows(Data(text.utf8), as: format, in: folder)
                #expect(
                    read.map { $0.texts.map { Array($0.utf8) } } == rows.map { $0.map { Array($0.utf8) } }, "\(random)")
                #expect(read.map(\.line) == lines && problems.isEmpty, "\(random)")
            }
        }
    }

    private func lineEnds(_ text: String) -> Int {
        let joined = text.replacingOccurrences(of: "\r\n", with: "\n", options: .literal)
        return joined.utf8.count { $0 == 10 || $0 == 13 }
    }
}

@Suite struct RealRowsTests {
    private static let catalogue = TestData.cache + "/qte-industrial-catalog/product-E-20-09-2026.csv"

    /// The digest is of what Python's csv module reads (`newline=""`, `utf-8-sig`): the fields of each row joined by
    /// 0x1f, each row ended by 0x1e. The sum is of the lines on which the rows start.
    @Test(.enabled(if: TestData.has(catalogue))) func readsTheIndustrialCatalogueAsPythonDoes() throws {
        let reader = try RowReader(Self.catalogue)
        #expect(reader.columnNames?.prefix(3) == ["ID", "Tiêu đề", "Mô tả"] && reader.columnNames?.count == 16)
        var (all, count, lines, last) = (Data(), 0, 0, 0)
        while let event = try reader.next() {
            guard case .row(let row) = event else {
                Issue.record("\(event)")
                continue
            }
            all += Data((row.texts.joined(separator: "\u{1f}") + "\u{1e}").utf8)
            (count, lines, last) = (count + 1, lines + row.line, row.line)
        }
        #expect(count == 36_016 && lines == 7_324_227_440 && last == 457_332)
        #expect(Digest.sha256(all) == "516596be48b9d077ddb0b45775c1d346e6cca425f58fe40a6771d0fb212ea6a9")
    }
}
