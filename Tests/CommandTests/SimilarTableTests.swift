import Files
import Foundation
import TestSupport
import Testing

@testable import Belfry

/// The table of every point's nearest others.
@Suite struct SimilarTableTests {
    private typealias Table = [String: [(id: String, score: Double)]]

    private static func write(
        _ collection: String, to path: String, _ options: [String] = [], crashingAt crash: String? = nil
    ) throws -> BelfryProcess.Outcome {
        try BelfryProcess.run(
            ["similar", collection, "--all", "--out", path] + options,
            environment: crash.map { ["BELFRY_CRASH_AT": $0] } ?? [:])
    }

    private static func data(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    /// The files of a folder whose names begin with that of a table.
    private static func files(of path: String) throws -> [String] {
        let name = (path as NSString).lastPathComponent
        return try FileManager.default.contentsOfDirectory(atPath: System.parent(of: path)).filter {
            $0.hasPrefix(name)
        }
    }

    private static func lines(_ path: String) throws -> Table {
        var table: Table = [:]
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
            let row = try JSON(parsing: Data(line.utf8), source: path)
            table[try #require(row["id"]?.string)] = try #require(row["similar"]?.array).map {
                (try #require($0["id"]?.string), try #require($0["score"]?.number))
            }
        }
        return table
    }

    private static func cells(_ path: String) throws -> Table {
        var table: Table = [:]
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines[0] == "id,rank,similar,score")
        for line in lines.dropFirst() {
            let cells = line.split(separator: ",").map(String.init)
            table[cells[0], default: []].append((cells[2], try #require(Double(cells[3]))))
            #expect(Int(cells[1]) == table[cells[0]]?.count)
        }
        return table
    }

    private static func arrays(_ path: String) throws -> Table {
        let npz = try Npz(path)
        #expect(npz.names == ["neighbors", "scores"] || npz.names == ["ids", "neighbors", "scores"])
        let (neighbors, scores) = (try npz["neighbors"], try npz["scores"])
        #expect(neighbors.elementType == .i4 && scores.elementType == .f4 && neighbors.shape == scores.shape)
        // Texts are no numbers: they are read as numpy lays them out.
        let names = try texts(path, count: neighbors.rows)
        var table: Table = [:]
        let (numbers, values) = (try neighbors.integers(), scores.floats())
        for row in 0..<neighbors.rows {
            let range = row * neighbors.columns..<(row + 1) * neighbors.columns
            table[names[row]] = range.filter { numbers[$0] >= 0 }.map { (names[numbers[$0]], Double(values[$0])) }
        }
        return table
    }

    private static func texts(_ path: String, count: Int) throws -> [String] {
        let bytes = Array(try data(path))
        let text = String(decoding: bytes[..<300], as: Unicode.ASCII.self)
        let width = try #require(Int(text.split(separator: "<U")[1].prefix { $0.isNumber }))
        let start = try #require(bytes.firstRange(of: [0x93] + Array("NUMPY".utf8))).lowerBound + 128
        return (0..<count).map { row in
            var scalars = String.UnicodeScalarView()
            for place in 0..<width {
                let byte = start + (row * width + place) * 4
                let value = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[byte + $1]) << UInt32(8 * $1) }
                if value > 0 { scalars.append(Unicode.Scalar(value)!) }
            }
            return String(scalars)
        }
    }

    @Test func everyRowHasWhatBruteForceFinds() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let own = try OwnVectors(folder, count: 700, dimension: 24, random: &random)
            try own.make(["--index", "exact"])
            let truth = own.nearest(7)
            for (name, read) in [("t.jsonl", Self.lines), ("t.csv", Self.cells), ("t.npz", Self.arrays)] {
                let path = "\(folder)/\(name)"
                let written = try Self.write(own.collection, to: path, ["-k", "7", "--json"])
                #expect(written.exitCode == 0, "\(written.errors)")
                #expect(written.output.contains("\"exact\":true") && written.output.contains("\"rows\":700"))
                let table = try read(path)
                #expect(table.count == 700)
                for (row, expected) in truth.enumerated() {
                    let found = try #require(table["p-\(row)"])
                    #expect(found.count == 7 && !found.contains { $0.id == "p-\(row)" })
                    for (found, expected) in zip(found, expected) {
                        #expect(abs(found.score - expected.score) < 1e-5, "row \(row) of \(name), \(random)")
                    }
                    // Where two are as near, either may come first.
                    let clear = expected.dropLast().filter { $0.score > expected[6].score + 1e-5 }
                    #expect(Set(clear.map { "p-\($0.row)" }).isSubset(of: found.map(\.id)), "\(name), \(random)")
                }
                #expect(try Self.files(of: path) == [name])
            }
        }
    }

    @Test(arguments: ["hnsw", "ivf", "exact"])
    func theSameBytesForAnyNumberOfThreads(index: String) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let own = try OwnVectors(folder, count: 4_500, dimension: 32, random: &random)
            try own.make(["--index", index])
            for name in ["t.jsonl", "t.csv", "t.npz"] {
                var tables: [Data] = []
                for threads in 1...3 {
                    let path = "\(folder)/\(threads)-\(name)"
                    let written = try Self.write(
                        own.collection, to: path, ["-k", "9", "--recall", "0.95", "--threads", "\(threads)"])
                    #expect(written.exitCode == 0, "\(written.errors)")
                    #expect(written.output.contains("recall: "), "\(written.output)")
                    tables.append(try Self.data(path))
                }
                #expect(tables[0] == tables[1] && tables[0] == tables[2], "\(name), \(random)")
            }
            // Each row is what a search for its point answers.
            let table = try Self.lines("\(folder)/1-t.jsonl")
            for row in stride(from: 0, to: 4_500, by: 900) {
                let one = try BelfryProcess.run(
                    ["similar", own.collection, "p-\(row)", "-k", "9", "--recall", "0.95", "--json"])
                let json = try JSON(parsing: Data(one.output.utf8), source: "answer")
                #expect(json["results"]?.array?.compactMap { $0["id"]?.string } == table["p-\(row)"]?.map(\.id))
            }
            let truth = own.nearest(9)
            var right = 0
            for (row, expected) in truth.enumerated() {
                let found = try #require(table["p-\(row)"])
                right += found.count { $0.score >= expected[8].score - 1e-6 }
            }
            #expect(Double(right) / Double(9 * 4_500) >= 0.94, "\(index), \(random)")
        }
    }

    @Test(arguments: ["table-begun", "table-piece:1", "table-piece:2", "table-piece:3", "table-written"])
    func aRunThatWasKilledGoesOn(_ crash: String) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let own = try OwnVectors(folder, count: 4_500, dimension: 12, random: &random)
            try own.make(["--index", "hnsw"])
            for name in ["t.jsonl", "t.npz"] {
                let (whole, path) = ("\(folder)/whole-\(name)", "\(folder)/\(name)")
                #expect(try Self.write(own.collection, to: whole, ["-k", "5"]).exitCode == 0)
                let killed = try Self.write(own.collection, to: path, ["-k", "5"], crashingAt: crash)
                #expect(killed.exitCode == 128 + SIGKILL, "\(killed.errors)")
                #expect(FileManager.default.fileExists(atPath: path) == (crash == "table-written"))
                let next = try Self.write(own.collection, to: path, ["-k", "5"])
                #expect(next.exitCode == 0, "\(next.errors)")
                let done = ["table-piece:1": "2,048", "table-piece:2": "4,096"][crash] ?? "4,500"
                #expect(
                    next.errors.contains("goes on where an earlier run was: \(done) of 4,500 rows are done")
                        == (crash != "table-begun"), "\(next.errors)")
                #expect(try Self.data(path) == Self.data(whole), "\(crash), \(name), \(random)")
                #expect(try Self.files(of: path) == [name])
            }
        }
    }

    @Test func whatIsOfAnotherTimeOrRequestIsBegunAnew() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let own = try OwnVectors(folder, count: 2_500, dimension: 8, random: &random)
            try own.make(["--index", "exact"])
            let (path, whole) = ("\(folder)/t.csv", "\(folder)/whole.csv")
            func isKilled() throws {
                let killed = try Self.write(own.collection, to: path, ["-k", "3"], crashingAt: "table-piece")
                #expect(killed.exitCode == 128 + SIGKILL)
            }
            for options in [
                ["-k", "4"], ["-k", "3", "--filter", "price < 100"], ["-k", "3", "--score-threshold", "0.5"],
            ] {
                try isKilled()
                let next = try Self.write(own.collection, to: path, options)
                #expect(next.exitCode == 0 && next.errors.contains("anew"), "\(options): \(next.errors)")
                #expect(next.errors.contains("something else was asked for"), "\(options): \(next.errors)")
                #expect(try Self.write(own.collection, to: whole, options).exitCode == 0)
                #expect(try Self.data(path) == Self.data(whole), "\(options)")
            }
            try isKilled()
            let changed = try BelfryProcess.run(["delete", own.collection, "p-3"])
            #expect(changed.exitCode == 0, "\(changed.errors)")
            let next = try Self.write(own.collection, to: path, ["-k", "3"])
            #expect(next.exitCode == 0 && next.errors.contains("the collection has changed"), "\(next.errors)")
            let table = try Self.cells(path)
            #expect(table.count == 2_499 && table["p-3"] == nil)
            #expect(!table.values.joined().contains { $0.id == "p-3" })
        }
    }

    /// Of what is cut off or damaged only the whole pieces before it are kept.
    @Test func damagedRemainsAreNotTrusted() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let own = try OwnVectors(folder, count: 4_500, dimension: 8, random: &random)
            try own.make(["--index", "exact"])
            let (path, whole) = ("\(folder)/t.jsonl", "\(folder)/whole.jsonl")
            #expect(try Self.write(own.collection, to: whole, ["-k", "3"]).exitCode == 0)
            let killed = try Self.write(own.collection, to: path, ["-k", "3"], crashingAt: "table-piece:2")
            #expect(killed.exitCode == 128 + SIGKILL)
            let remains = try Self.data(path + ".unfinished")
            let collection = try VectorCollection(own.collection)
            for _ in 0..<40 {
                var damaged = remains
                if Bool.random(using: &random) {
                    damaged = damaged.prefix(Int.random(in: 0...damaged.count, using: &random))
                } else {
                    // Not in the mark at the front, without which it is somebody else's file.
                    damaged[Int.random(in: 8..<damaged.count, using: &random)] ^=
                        1 << UInt8.random(in: 0..<8, using: &random)
                }
                try damaged.writeAnew(to: path + ".unfinished")
                let result = try collection.writeSimilarTable(.init(k: 3), to: path)
                #expect(result.rows == 4_500 && result.searched >= 404)
                #expect(try Self.data(path) == Self.data(whole), "\(random)")
            }
        }
    }

    @Test func aFilterSaysWhatIsAnsweredAndEveryPointHasItsRow() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let own = try OwnVectors(folder, count: 600, dimension: 16, random: &random)
            try own.make(["--index", "exact"])
            let path = "\(folder)/t.jsonl"
            let written = try Self.write(own.collection, to: path, ["-k", "5", "--filter", "price < 100"])
            #expect(written.exitCode == 0, "\(written.errors)")
            let table = try Self.lines(path)
            #expect(table.count == 600)
            for (row, expected) in own.nearest(5, among: { $0 < 100 }).enumerated() {
                let found = try #require(table["p-\(row)"])
                #expect(found.count == 5)
                for (found, expected) in zip(found, expected) {
                    #expect(abs(found.score - expected.score) < 1e-5, "row \(row), \(random)")
                }
            }
            let few = try Self.write(own.collection, to: path, ["-k", "5", "--filter", "price < 2"])
            #expect(few.exitCode == 0)
            #expect(try Self.lines(path)["p-0"]?.map(\.id) == ["p-1"])
        }
    }

    @Test func pointsWithoutSuchAVectorAreLeftOut() throws {
        try withTemporaryDirectory { folder in
            let (collection, path) = ("\(folder)/c.belfry", "\(folder)/t.jsonl")
            #expect(
                try BelfryProcess.run(
                    ["create", collection, "--vector", "a=2,l2", "--vector", "b=2", "--vector", "w=sparse"]
                ).exitCode == 0)
            let empty = try Self.write(collection, to: path, ["--using", "a"])
            #expect(empty.exitCode == 1 && empty.errors.contains("The collection has no points"), "\(empty.errors)")
            let lines = """
                {"id": 7, "vector": {"a": [0, 0], "b": [1, 0]}}
                {"id": "x,\\"y", "vector": {"a": [0, 3]}}
                {"id": 9, "vector": {"b": [1, 1]}}
                """
            #expect(try BelfryProcess.run(["upsert", collection, "-"], input: lines).exitCode == 0)
            let written = try Self.write(collection, to: path, ["--using", "a"])
            #expect(written.exitCode == 0, "\(written.errors)")
            #expect(written.output.contains("1 point without such a vector left out"), "\(written.output)")
            #expect(
                try String(contentsOfFile: path, encoding: .utf8) == """
                    {"id":7,"similar":[{"id":"x,\\"y","score":3}]}
                    {"id":"x,\\"y","similar":[{"id":7,"score":3}]}

                    """)
            let csv = "\(folder)/t.csv"
            #expect(try Self.write(collection, to: csv, ["--using", "a"]).exitCode == 0)
            #expect(
                try String(contentsOfFile: csv, encoding: .utf8)
                    == "id,rank,similar,score\n7,1,\"x,\"\"y\",3\n\"x,\"\"y\",1,7,3\n")
            let refused = [
                ([], "it is not said which"), (["--using", "w"], "are sparse"), (["--using", "c"], "no vectors “c”"),
            ]
            for (options, message) in refused {
                let outcome = try Self.write(collection, to: path, options)
                #expect(outcome.exitCode == 1 && outcome.errors.contains(message), "\(outcome.errors)")
            }
            // What cannot be done leaves what is there.
            #expect(try Self.files(of: path) == ["t.jsonl"])
        }
    }

    @Test func refusesWhatCannotBeWritten() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let own = try OwnVectors(folder, count: 2_100, dimension: 8, random: &random)
            try own.make(["--index", "exact"])
            try FileManager.default.createDirectory(atPath: "\(folder)/d.csv", withIntermediateDirectories: true)
            try Data("mine".utf8).writeAnew(to: "\(folder)/taken.csv.unfinished")
            let cases: [(String, [String], Int32, String)] = [
                ("\(folder)/t.txt", [], 1, "Write to a .jsonl, a .csv or a .npz"),
                ("\(folder)/none/t.csv", [], 1, "mkdir -p \(folder)/none"),
                ("\(folder)/d.csv", [], 1, "a directory"),
                ("\(folder)/taken.csv", [], 1, "no unfinished table"),
                ("\(folder)/t.csv", ["--group-by", "group"], 2, "--all takes no --group-by"),
                ("\(folder)/t.csv", ["--hybrid"], 2, "--all takes no --hybrid"),
                ("\(folder)/t.csv", ["p-1"], 2, "Give a point's id, or --all"),
                ("\(folder)/t.csv", ["--filter", "weight < 3"], 1, "weight"),
            ]
            for (path, options, code, message) in cases {
                let outcome = try Self.write(own.collection, to: path, options)
                #expect(outcome.exitCode == code && outcome.errors.contains(message), "\(path): \(outcome.errors)")
            }
            #expect(try String(contentsOfFile: "\(folder)/taken.csv.unfinished", encoding: .utf8) == "mine")
            let bare = try BelfryProcess.run(["similar", own.collection, "--all"])
            #expect(bare.exitCode == 2 && bare.errors.contains("--out table.jsonl"), "\(bare.errors)")
            let lost = try BelfryProcess.run(["similar", own.collection, "p-1", "--out", "t.csv"])
            #expect(lost.exitCode == 2 && lost.errors.contains("--out goes with --all"), "\(lost.errors)")
            #expect(try Self.files(of: "\(folder)/t.") == [])
        }
    }

    @Test func whatADiskHasNoRoomForGoesOnLater() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let own = try OwnVectors(folder, count: 4_500, dimension: 8, random: &random)
            try own.make(["--index", "exact"])
            let (path, whole) = ("\(folder)/t.csv", "\(folder)/whole.csv")
            #expect(try Self.write(own.collection, to: whole, ["-k", "8"]).exitCode == 0)
            // Room for one piece of the work, and then for none of the table.
            for limit in [200_000, 400_000] {
                let stopped = try BelfryProcess.run(
                    ["similar", own.collection, "--all", "--out", path, "-k", "8"],
                    through: ["/usr/bin/prlimit", "--fsize=\(limit)"])
                #expect(stopped.exitCode == 1 && stopped.errors.contains("File too large"), "\(stopped.errors)")
                #expect(try Self.files(of: path) == ["t.csv.unfinished"])
            }
            let next = try Self.write(own.collection, to: path, ["-k", "8"])
            #expect(next.exitCode == 0 && next.errors.contains("4,500 of 4,500 rows are done"), "\(next.errors)")
            #expect(try Self.data(path) == Self.data(whole))
        }
    }
}
