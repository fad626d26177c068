import Files
import Foundation
import TestSupport
import Testing

@testable import Recipes

/// A file that is one JSON array has the rows of the same objects one a line.
@Suite struct RowsArrayTests {
    private static func read(_ text: String, in folder: String) throws -> ([Row], [RowProblem]) {
        try readRows(Data(text.utf8), as: RowFormat(.jsonl), in: folder)
    }

    @Test(arguments: [
        "[\n{\"id\":1,\"t\":\"a,]}\"},\n{\"id\":2},\n{\"id\":3}\n]\n",
        "[{\"id\":1,\"t\":\"a,]}\"},{\"id\":2},{\"id\":3}]",
        "\u{feff} \n[ {\"id\":1,\n \"t\":\"a,]}\"}\n ,{\"id\" : 2}, {\"id\":3} ] \n\n",
        "[{\"id\":1,\"t\":\"\\\"[{\",\"u\":[[1],{\"a\":{}}]},{\"id\":2},{\"id\":3}]",
    ])
    func readsEveryElement(_ text: String) throws {
        try withTemporaryDirectory { folder in
            let (rows, problems) = try Self.read(text, in: folder)
            #expect(problems.isEmpty)
            let ids = rows.map { $0.value(Column(place: .field("id", path: ["id"]))) }
            #expect(ids == [1, 2, 3])
        }
    }

    @Test func namesLinesAndProblems() throws {
        try withTemporaryDirectory { folder in
            let (rows, problems) = try Self.read("[\n{\"id\":1},\n5,\n{\"id\" 2},\n\n{\"id\":\n3}]", in: folder)
            #expect(rows.map(\.line) == [2, 6] && problems.map(\.line) == [3, 4])
            #expect(problems.allSatisfy { $0.kind == .json })
            let (none, _) = try Self.read("[]", in: folder)
            #expect(none.isEmpty)
            for (text, line) in [
                ("[\n{\"id\":1}\n{\"id\":2}]", 2), ("[{\"id\":1}", 1), ("[{\"id\":1},]", 1),
                ("[{\"id\":1}]\n{\"id\":2}", 2),
                ("[", 1), ("[,{}]", 1), ("[\n\n{\"id\":\"1]", 3), ("[{\"id\":1}},{}]", 1),
            ] {
                do {
                    let (rows, problems) = try Self.read(text, in: folder)
                    // What is no JSON, but ends where an element may end, is a bad row.
                    #expect(!problems.isEmpty && rows.count < 2, "\(text)")
                } catch let error as BelfryError {
                    #expect(error.code == .invalidInput && error.location?.place == "line \(line)", "\(text): \(error)")
                }
            }
        }
    }

    @Test func anElementMayBeAsLongAsARow() throws {
        try withTemporaryDirectory { folder in
            var format = try RowFormat(.jsonl)
            format.maximumRowBytes = 1_000
            let long = "[{\"a\":\"" + String(repeating: "x", count: 2_000) + "\"},{\"a\":1}]"
            #expect(throws: BelfryError.self) { try readRows(Data(long.utf8), as: format, in: folder) }
        }
    }

    /// Any damage ends in rows, problems or an error, and never in fewer of them than elements that are whole.
    @Test func damageIsNeverATrap() throws {
        var random = SeededGenerator()
        let executions = Fuzz.executions(3_000)
        let whole = Array(
            "[{\"id\":1,\"t\":\"a\\u0000\"},{\"id\":2.0,\"v\":[1e3,-0.0,5.0]},\n{\"caf\u{e9}\":1,\"cafe\u{301}\":2}]"
                .utf8)
        try withTemporaryDirectory { folder in
            for _ in 0..<executions {
                var bytes = whole
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 1: bytes.remove(at: place)
                    case 2: bytes.insert(Array("[]{},\"\\\0 \n".utf8).randomElement(using: &random)!, at: place)
                    default: bytes.removeSubrange(place...)
                    }
                    if bytes.isEmpty { bytes = [91] }
                }
                let path = folder + "/rows"
                try Data(bytes).writeAnew(to: path)
                let capacity = Int.random(in: 1...9, using: &random)
                let reader = JSONLReader(try TextInput(path), limit: 1_000, capacity: capacity)
                var count = 0
                do {
                    while try reader.next() != nil { count += 1 }
                } catch let error as BelfryError { #expect(error.location?.file == path, "\(random)") }
                #expect(count <= bytes.count, "\(random)")
            }
        }
    }
}

@Suite struct HostileTextTests {
    @Test func zeroesAreRefusedWithTheirLine() throws {
        try withTemporaryDirectory { folder in
            let text =
                #"{"id":"a\u0000b"}"# + "\n" + #"{"id":"c","v":[{"k\u0000":1}]}"# + "\n" + #"{"id":"\\u0000"}"# + "\n"
            let (rows, problems) = try readRows(Data(text.utf8), as: RowFormat(.jsonl), in: folder)
            #expect(rows.map(\.line) == [3] && problems.map(\.line) == [1, 2])
            #expect(problems.allSatisfy { $0.kind == .zeroByte && $0.message.contains("U+0000") })
        }
    }

    @Test func headersAreTheirBytes() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/a.csv"
            try Data("id,caf\u{e9},cafe\u{301}\n1,a,b\n".utf8).writeAnew(to: path)
            let rows = try RowReader(path)
            let (one, two) = (try rows.column("caf\u{e9}"), try rows.column("cafe\u{301}"))
            guard case .row(let row)? = try rows.next() else { throw BelfryError(.io, "no row") }
            #expect(row.text(one) == "a" && row.text(two) == "b")
            try Data("id,cafe\u{301}\n1,a\n".utf8).writeAnew(to: path)
            let error = #expect(throws: BelfryError.self) { try RowReader(path).column("caf\u{e9}") }
            #expect(error?.remedy?.contains("Column 2 looks the same") == true)
            let (objects, _) = try readRows(
                Data("{\"caf\u{e9}\":1,\"cafe\u{301}\":2}".utf8), as: RowFormat(.jsonl), in: folder)
            #expect(objects[0].count == 2)
        }
    }

    @Test(arguments: [
        ("rows.parquet", "PAR1\u{15}x", "read_parquet"), ("rows.xlsx", "PK\u{3}\u{4}xx", "read_excel"),
        ("rows.csv.zst", "x", "zstd -d"), ("rows.csv.bz2", "x", "bunzip2"),
    ])
    func otherFilesAreNamed(_ name: String, _ content: String, _ remedy: String) throws {
        try withTemporaryDirectory { folder in
            try Data(content.utf8).writeAnew(to: "\(folder)/\(name)")
            let error = #expect(throws: BelfryError.self) { try RowReader("\(folder)/\(name)") }
            #expect(error?.remedy?.contains(remedy) == true, "\(error!)")
            guard content.count > 1 else { return }
            try Data(content.utf8).writeAnew(to: "\(folder)/rows.csv")
            let inside = #expect(throws: BelfryError.self) { try RowReader("\(folder)/rows.csv") }
            #expect(inside?.code == .unsupported && inside?.remedy?.contains(remedy) == true, "\(inside!)")
        }
    }

    @Test func utf32IsNamed() throws {
        try withTemporaryDirectory { folder in
            for mark: [UInt8] in [[0xff, 0xfe, 0, 0, 0x69, 0, 0, 0], [0, 0, 0xfe, 0xff, 0, 0, 0, 0x69]] {
                let error = #expect(throws: BelfryError.self) {
                    try readRows(Data(mark), as: RowFormat(.csv), in: folder)
                }
                #expect(error?.remedy?.contains("iconv -f UTF-32") == true)
            }
        }
    }
}
