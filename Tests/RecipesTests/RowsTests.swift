import Files
import Foundation
import TestSupport
import Testing

@testable import Recipes

/// All rows and problems of a text, through a file.
func readRows(_ text: Data, as format: RowFormat, in folder: String) throws -> ([Row], [RowProblem]) {
    let path = folder + "/rows"
    try text.writeAnew(to: path)
    let reader = try RowReader(path, format: format)
    var (rows, problems): ([Row], [RowProblem]) = ([], [])
    while let event = try reader.next() {
        switch event {
        case .row(let row): rows.append(row)
        case .problem(let problem): problems.append(problem)
        }
    }
    return (rows, problems)
}

@Suite struct RowReaderTests {
    @Test func knowsFormatsByName() throws {
        for (path, kind) in [
            ("a.csv", RowFormat.Kind.csv), ("A.TSV.GZ", .tsv), ("x/b.ndjson", .jsonl), ("c.jsonl.gz", .jsonl),
        ] {
            #expect(try RowFormat(path: path).kind == kind)
        }
        #expect(try RowFormat(path: "a.tsv").delimiter == 9)
        for path in ["a.parquet", "csv", "-", "a.gz"] {
            #expect(throws: BelfryError.self) { try RowFormat(path: path) }
        }
        #expect(try RowFormat(.csv, delimiter: ";").delimiter == UInt8(ascii: ";"))
        for bad in ["", ";;", "\"", "\n", "é", "\0"] {
            #expect(throws: BelfryError.self) { try RowFormat(.csv, delimiter: bad) }
        }
    }

    @Test func findsColumnsByNameAndNumber() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/a.csv"
            try Data("id,title,,,title\n1,Fish,x,y,Chips\n".utf8).writeAnew(to: path)
            let rows = try RowReader(path)
            #expect(rows.columnNames == ["id", "title", "", "", "title"])
            let (id, last) = (try rows.column("id"), try rows.column(5))
            #expect(#expect(throws: BelfryError.self) { try rows.column("title") }?.message.contains("2, 5") == true)
            #expect(#expect(throws: BelfryError.self) { try rows.column("") }?.code == .invalidInput)
            #expect(#expect(throws: BelfryError.self) { try rows.column("name") }?.remedy?.contains("'title'") == true)
            #expect(#expect(throws: BelfryError.self) { try rows.column(6) }?.code == .notFound)
            #expect(throws: BelfryError.self) { try rows.column(0) }
            guard case .row(let row)? = try rows.next() else { throw BelfryError(.io, "no row") }
            #expect(row.text(id) == "1" && row.text(last) == "Chips" && row.line == 2 && row.count == 5)
            #expect(try rows.next() == nil)
            let bare = try RowReader(path, format: RowFormat(.csv, hasHeader: false))
            #expect(throws: BelfryError.self) { try bare.column("id") }
            #expect(throws: BelfryError.self) { try bare.column(6) }
            guard case .row(let first)? = try bare.next() else { throw BelfryError(.io, "no row") }
            #expect(try first.text(bare.column(2)) == "title" && first.line == 1)
        }
    }

    @Test func refusesAFileThatHasNoHeader() throws {
        try withTemporaryDirectory { folder in
            for text in ["", "\n\n", "\u{feff}"] {
                #expect(throws: BelfryError.self) { try readRows(Data(text.utf8), as: RowFormat(.csv), in: folder) }
                let (rows, problems) = try readRows(Data(text.utf8), as: RowFormat(.csv, hasHeader: false), in: folder)
                #expect(rows.isEmpty && problems.isEmpty)
            }
            let wide = Data([0xff, 0xfe, 0x69, 0, 0x64, 0])
            let error = #expect(throws: BelfryError.self) { try readRows(wide, as: RowFormat(.tsv), in: folder) }
            #expect(error?.remedy?.contains("iconv") == true)
        }
    }

    @Test func readsCompressedRowsAndStopsAtDamage() throws {
        let text = Data(("id,n\n" + (0..<20_000).map { "\($0),\($0 &* 2_654_435_761 % 99_991)\n" }.joined()).utf8)
        try withTemporaryDirectory { folder in
            let (rows, problems) = try readRows(text.gzipped, as: RowFormat(.csv), in: folder)
            #expect(rows.count == 20_000 && problems.isEmpty && rows.last?.line == 20_001)
            let cut = #expect(throws: BelfryError.self) {
                try readRows(text.gzipped.dropLast(1_000), as: RowFormat(.csv), in: folder)
            }
            #expect(cut?.code == .corruptData && cut?.location?.place?.hasPrefix("byte ") == true)
        }
    }
}

@Suite struct JSONLRowsTests {
    @Test func readsObjectsAndNamesTheRest() throws {
        let text = """
            {"id": 9007199254740993, "brand": {"name": "Fluke"}, "a.b": 1, "tags": ["x", "y"], "gone": null}\r

              \t
            [1]
            {"id": 2,
            {"id": "drei", "brand": "flat"}
            nonsense
            {"id": 4}
            """
        try withTemporaryDirectory { folder in
            let path = folder + "/a.jsonl"
            var data =
                Data([0xef, 0xbb, 0xbf]) + Data(text.utf8) + Data("\n{\"x\":\"".utf8) + Data([0xe9])
                + Data("\"}\n\0\n".utf8)
            data += Data("{\"id\": 5}".utf8)
            try data.writeAnew(to: path)
            let (rows, problems) = try readRows(data, as: RowFormat(.jsonl), in: folder)
            #expect(rows.map(\.line) == [1, 6, 8, 11])
            #expect(problems.map(\.line) == [4, 5, 7, 9, 10])
            #expect(problems.map(\.kind) == [.json, .json, .json, .encoding, .zeroByte])
            #expect(problems[1].message.contains("byte 9 of the row"), "\(problems[1])")
            #expect(problems[3].message.contains("Byte 6"), "\(problems[3])")
            let reader = try RowReader(path)
            let (id, brand) = (try reader.column("id"), try reader.column("brand.name"))
            #expect(rows[0].text(id) == "9007199254740993" && rows[0].text(brand) == "Fluke")
            #expect(
                try rows[0].text(reader.column("a.b")) == "1"
                    && rows[0].text(reader.column("tags")) == #"["x","y"]"#)
            #expect(try rows[0].value(reader.column("tags")) == .array([.string("x"), .string("y")]))
            #expect(try rows[0].text(reader.column("gone")) == nil && rows[0].value(reader.column("gone")) == nil)
            #expect(rows[1].text(brand) == nil && rows[1].text(id) == "drei")
            #expect(throws: BelfryError.self) { try reader.column(1) }
        }
    }

    @Test func skipsALineThatIsTooLong() throws {
        try withTemporaryDirectory { folder in
            var format = try RowFormat(.jsonl)
            format.maximumRowBytes = 1_000
            let long = "{\"a\":\"" + String(repeating: "x", count: 900_000) + "\"}\n"
            let middle = "{\"a\":\"" + String(repeating: "x", count: 2_000) + "\"}\n"
            let text = Data((long + "{\"a\":1}\n" + middle + "{\"a\":2}\n" + long).utf8)
            let (rows, problems) = try readRows(text, as: format, in: folder)
            #expect(rows.map(\.line) == [2, 4] && problems.map(\.line) == [1, 3, 5])
            #expect(problems.allSatisfy { $0.kind == .length })
        }
    }
}

@Suite struct PayloadTypeTests {
    @Test func convertsTexts() throws {
        let list = PayloadType.list(separator: "|")
        let cases: [(PayloadType, String, JSON?)] = [
            (.string, " a ", .string(" a ")), (.string, "", nil), (.integer, " 42 ", .integer(42)), (.integer, "", nil),
            (.integer, "-7", .integer(-7)), (.integer, "18446744073709551615", .unsigned(.max)), (.integer, " ", nil),
            (.number, "1.5", .number(1.5)), (.number, "1e3", .integer(1000)), (.number, "7", .integer(7)),
            (.number, "9007199254740993", .integer(9_007_199_254_740_993)), (.integer, "5.0", .integer(5)),
            (.integer, "1e3", .integer(1000)), (.integer, "-0.0", .integer(0)),
            (.integer, "9007199254740993.0", .integer(9_007_199_254_740_993)), (.boolean, "1.0", .bool(true)),
            (.boolean, "TRUE", .bool(true)), (.boolean, "no", .bool(false)), (.boolean, "0", .bool(false)),
            (list, "a| b ||c", .array([.string("a"), .string("b"), .string("c")])), (list, "", nil),
            (.json, #"{"a":[1]}"#, .object(["a": .array([.integer(1)])])), (.json, "null", nil),
        ]
        for (type, text, value) in cases {
            #expect(try type.convert(text, field: "f") == value, "\(type) \(text)")
            // A JSON string is JSON already; for the other types it is a text like any other.
            let expected = type == .json ? .string(text) : value
            #expect(try type.convert(.string(text), field: "f") == expected, "\(type) \(text)")
        }
        #expect(try PayloadType.number.convert(.integer(5), field: "f") == .integer(5))
        #expect(try PayloadType.integer.convert(.number(-0.0), field: "f") == .integer(0))
        #expect(try PayloadType.boolean.convert(.integer(1), field: "f") == .bool(true))
        #expect(try PayloadType.string.convert(.integer(5), field: "f") == .string("5"))
        #expect(try PayloadType.integer.convert(.null, field: "f") == nil)
        #expect(try list.convert(.array([.integer(1)]), field: "f") == .array([.integer(1)]))
    }

    @Test func namesFieldValueAndType() {
        let cases: [(PayloadType, String)] = [
            (.integer, "1.5"), (.integer, "1 000"), (.integer, "99999999999999999999"), (.number, "nan"),
            (.number, "0x1p3"),
            (.number, "inf"), (.number, "1e999"), (.number, "1,5"), (.boolean, "maybe"), (.json, "{a}"),
        ]
        for (type, text) in cases {
            let error = #expect(throws: BelfryError.self) { try type.convert(text, field: "price") }
            #expect(error?.message.hasPrefix("Field 'price' is '\(text)', but ") == true, "\(error!)")
        }
        #expect(throws: BelfryError.self) { try PayloadType.integer.convert(.bool(true), field: "f") }
        #expect(throws: BelfryError.self) { try PayloadType.boolean.convert(.integer(2), field: "f") }
        #expect(throws: BelfryError.self) { try PayloadType.integer.convert(.number(5.5), field: "f") }
        #expect(throws: BelfryError.self) { try PayloadType.json.convert(#"["a\u0000"]"#, field: "f") }
        #expect(throws: BelfryError.self) { try PayloadType.string.convert(.array([]), field: "f") }
    }

    @Test func isNamedByRecipes() throws {
        for name in ["string", "integer", "number", "boolean", "list", "json"] {
            #expect(try PayloadType(name: name).name == name)
        }
        #expect(throws: BelfryError.self) { try PayloadType(name: "text") }
        #expect(throws: BelfryError.self) { try PayloadType(name: "list", separator: "") }
    }
}
