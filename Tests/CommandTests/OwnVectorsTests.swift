import Files
import Foundation
import TestSupport
import Testing

/// A collection of vectors that somebody has, without a tower.
@Suite struct OwnVectorsTests {
    private static func ids(_ outcome: BelfryProcess.Outcome) throws -> [[String]] {
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        return try outcome.output.split(separator: "\n").map { line in
            let answer = try JSON(parsing: Data(line.utf8), source: "answer")
            return try #require(answer["results"]?.array).compactMap { $0["id"]?.string ?? $0["id"]?.text() }
        }
    }

    @Test func oneCommandMakesACollectionThatAnswers() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let own = try OwnVectors(folder, count: 500, dimension: 20, random: &random)
            try own.make()
            let truth = own.nearest(5)
            let similar = try BelfryProcess.run(["similar", own.collection, "p-3", "-k", "5", "--json"])
            #expect(try Self.ids(similar)[0] == truth[3].map { "p-\($0.row)" }, "\(random)")

            // One vector from a file, as a row or alone, and several: each has its own answer.
            let query = "\(folder)/q.npy"
            try OwnVectors.array("<f4", [own.vectors[3]]).writeAnew(to: query)
            let search = ["search", own.collection, "--vector", query, "-k", "6", "--json"]
            let expected = ["p-3"] + truth[3].map { "p-\($0.row)" }
            #expect(try Self.ids(BelfryProcess.run(search)) == [expected])
            var alone = OwnVectors.header("{'descr': '<f4', 'fortran_order': False, 'shape': (20,), }")
            alone.append(own.vectors[3].withUnsafeBytes { Data($0) })
            try alone.writeAnew(to: query)
            #expect(try Self.ids(BelfryProcess.run(search)) == [expected])
            let rows = [3, 77, 410]
            try OwnVectors.array("<f8", rows.map { own.vectors[$0] }).writeAnew(to: query)
            let several = try BelfryProcess.run(search)
            #expect(
                try Self.ids(several) == rows.map { row in ["p-\(row)"] + truth[row].map { "p-\($0.row)" } },
                "\(random)")
            #expect(several.output.split(separator: "\n").last?.contains("\"query\":2") == true)
            let shown = try BelfryProcess.run(["search", own.collection, "--vector", query, "-k", "2"])
            #expect(shown.output.contains("query 0\n") && shown.output.contains("query 2\n"), "\(shown.output)")

            // A column of numbers is one.
            let filtered = try BelfryProcess.run(search + ["--filter", "price < 20 and group = 'group 3'"])
            #expect(try Self.ids(filtered)[0] == ["p-3"])
        }
    }

    @Test(arguments: ["<f4", "<f8", "<f2", "|i1"], [false, true])
    func elementsAndOrdersOfNumpyGiveTheSame(elements: String, isFortran: Bool) throws {
        try withTemporaryDirectory { folder in
            // Whole numbers, which all of the types hold.
            let numbers = (0..<240).map { number in (number * number * 3 + number * 7) % 23 - 11 }
            let vectors = (0..<40).map { row in numbers[6 * row..<6 * row + 6].map { Float($0) } }
            let (npy, collection) = ("\(folder)/v.npy", "\(folder)/v.belfry")
            try OwnVectors.array(elements, vectors, isFortran: isFortran).writeAnew(to: npy)
            let made = try BelfryProcess.run(["import", npy, "--to", collection, "--metric", "l2"])
            #expect(made.exitCode == 0, "\(made.errors)")
            let out = "\(folder)/out.npy"
            #expect(try BelfryProcess.run(["export", collection, "--to", out]).exitCode == 0)
            #expect(try NpyArray(out).floats() == vectors.flatMap { $0 })
        }
    }

    @Test func rowsOfJSONAndLaterOnesAreTakenAsWell() throws {
        try withTemporaryDirectory { folder in
            let (npy, rows, collection) = ("\(folder)/v.npy", "\(folder)/r.jsonl", "\(folder)/v.belfry")
            try OwnVectors.array("<f4", [[1, 0], [0, 1]]).writeAnew(to: npy)
            try Data("{\"id\": 1, \"title\": \"a\"}\n{\"id\": 2, \"payload\": {\"title\": \"b\"}}\n".utf8)
                .writeAnew(to: rows)
            let made = try BelfryProcess.run(["import", npy, "--rows", rows, "--to", collection])
            #expect(made.exitCode == 0, "\(made.errors)")
            try OwnVectors.array("<f4", [[1, 1]]).writeAnew(to: npy)
            try Data("{\"id\": 3, \"title\": \"c\"}\n".utf8).writeAnew(to: rows)
            let more = try BelfryProcess.run(["upsert", collection, npy, "--rows", rows])
            #expect(more.exitCode == 0, "\(more.errors)")
            let found = try BelfryProcess.run(
                ["search", collection, "--vector", "[1, 0.9]", "--filter", "title in ('b', 'c')", "--json"])
            #expect(try Self.ids(found) == [["3", "2"]])
            // Vectors of another kind change nothing.
            try OwnVectors.array("<f4", [[1, 1, 1]]).writeAnew(to: npy)
            let wrong = try BelfryProcess.run(["upsert", collection, npy, "--rows", rows])
            #expect(wrong.exitCode == 1 && wrong.errors.contains("3 components"), "\(wrong.errors)")
        }
    }

    /// What does not fit together is said with its place, and no collection is made.
    @Test func refusesWhatDoesNotFit() throws {
        try withTemporaryDirectory { folder in
            let (npy, rows, collection) = ("\(folder)/v.npy", "\(folder)/r.csv", "\(folder)/v.belfry")
            let good = OwnVectors.array("<f4", [[1, 0], [0, 1], [1, 1]])
            let table = "id,t\na,1\nb,2\nc,3\n"
            func head(_ descr: String, _ shape: String) -> Data {
                OwnVectors.header("{'descr': \(descr), 'fortran_order': False, 'shape': \(shape), }")
            }
            let cases: [(Data, String, Int32, [String])] = [
                (good, "id,t\na,1\nb,2\n", 1, ["2 rows", "3 vectors", "r.csv", "same table"]),
                (good, table + "d,4\n", 1, ["4 rows", "3 vectors"]),
                (good, "id,t\na,1\nb,2\na,3\n", 1, ["\"a\" is that of line 2", "line 4"]),
                (good, "id,t\na,1\n,2\nc,3\n", 1, ["no id", "line 3", "--id"]),
                (good, "sku,t\na,1\nb,2\nc,3\n", 1, ["no column \"id\"", "--id", "sku, t"]),
                (good, "id,t\na,1\nb,2,3\nc,3\n", 1, ["3 columns", "line 3"]),
                (
                    OwnVectors.array("<f4", [[1, 0], [.nan, 1], [1, 1]]), table, 1,
                    ["Row 1 has nan", "v.npy", "finite"]
                ),
                (
                    OwnVectors.array("<f4", [[1, 0], [0, 1], [0, 0]]), table, 1, ["Row 2 is all zeros", "Leave it out"]
                ),
                (good.dropLast(1), table, 3, ["v.npy", "only 23 bytes"]),
                (good + [0], table, 3, ["1 bytes follow"]),
                (good.prefix(40), table, 3, ["v.npy"]),
                (head("'|O'", "(3,)") + Data(repeating: 0, count: 24), table, 1, ["Python objects", "np.stack"]),
                (head("[('a', '<f4')]", "(3, 2)") + Data(count: 24), table, 1, ["structures", "astype"]),
                (head("'<f4'", "(9223372036854775807, 9223372036854775807)"), table, 3, ["more than any file holds"]),
                (head("'<f4'", "(99999999999999999999999, 2)"), table, 3, ["no file can hold"]),
                (head("'<f4'", "(3, 2, 1)") + Data(count: 24), table, 1, ["two extents", "reshape"]),
                (head("__import__('os').system('true')", "(3, 2)"), table, 3, ["header"]),
                (Data("PK not numpy at all".utf8), table, 3, ["not an npy array"]),
            ]
            for (number, (vectors, text, code, messages)) in cases.enumerated() {
                try Data(vectors).writeAnew(to: npy)
                try Data(text.utf8).writeAnew(to: rows)
                let outcome = try BelfryProcess.run(["import", npy, "--rows", rows, "--to", collection])
                #expect(outcome.exitCode == code, "case \(number): \(outcome.errors)")
                for message in messages {
                    #expect(outcome.errors.contains(message), "case \(number): \(message): \(outcome.errors)")
                }
                #expect(!FileManager.default.fileExists(atPath: collection), "case \(number)")
            }
            try Data(good).writeAnew(to: npy)
            let ids = "\(folder)/ids.txt"
            for (text, message) in [("a\nb\na\n", "\"a\" is there twice"), ("a\nb\n", "2 ids do not go with 3")] {
                try Data(text.utf8).writeAnew(to: ids)
                let outcome = try BelfryProcess.run(["import", npy, "--ids", ids, "--to", collection])
                #expect(outcome.exitCode == 1 && outcome.errors.contains(message), "\(outcome.errors)")
            }
            let both = try BelfryProcess.run(["import", npy, "--ids", ids, "--rows", rows, "--to", collection])
            #expect(both.exitCode == 2 && both.errors.contains("leave out --ids"), "\(both.errors)")
            let twice = try BelfryProcess.run(["import", rows, "--rows", rows, "--to", collection])
            #expect(twice.exitCode == 1 && twice.errors.contains("ids and payload of their own"), "\(twice.errors)")
        }
    }

    @Test func refusesQueriesOfAnotherKind() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let own = try OwnVectors(folder, count: 60, dimension: 8, random: &random)
            try own.make()
            let query = "\(folder)/q.npy"
            let cases: [([[Float]], String)] = [
                ([[1, 2, 3]], "Row 0 has 3 components"),
                ([own.vectors[0], [1, .infinity, 0, 0, 0, 0, 0, 0]], "Row 1 has inf at component 1"),
                ([[Float](repeating: 0, count: 8)], "Row 0 is all zeros"),
            ]
            for (vectors, message) in cases {
                try OwnVectors.array("<f4", vectors).writeAnew(to: query)
                let outcome = try BelfryProcess.run(["search", own.collection, "--vector", query])
                #expect(outcome.exitCode == 1 && outcome.errors.contains(message), "\(outcome.errors)")
                #expect(outcome.errors.contains("q.npy") && outcome.output.isEmpty)
            }
        }
    }

    @Test func isEvaluatedByPayloadAndByATruth() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let own = try OwnVectors(folder, count: 500, dimension: 20, random: &random)
            try own.make(["--index", "exact"])
            let judged = try BelfryProcess.run(["evaluate", own.collection, "--same", "group", "--k", "5", "--json"])
            #expect(judged.exitCode == 0, "\(judged.errors)")
            let figures = try JSON(parsing: Data(judged.output.utf8), source: "figures")["results"]?.array?.first
            let precision = figures?["figures"]?.array?.first { $0["name"]?.string == "precision@5" }
            let truth = own.nearest(5)
            let right = truth.enumerated().map { row, found in found.count { $0.row % 25 == row % 25 } }.reduce(0, +)
            let mean = try #require(precision?["exact"]?["mean"]?.number)
            #expect(abs(mean - Double(right) / 2_500) < 2e-3, "\(random)")

            // Ids are numbers where nothing else is said, and a truth names them.
            let (numbered, list) = ("\(folder)/n.belfry", "\(folder)/truth.npy")
            #expect(
                try BelfryProcess.run(["import", own.npy, "--to", numbered, "--index", "exact"]).exitCode == 0)
            var ids = OwnVectors.header("{'descr': '<i4', 'fortran_order': False, 'shape': (500, 5), }")
            for (row, found) in truth.enumerated() {
                for number in [row] + found.prefix(4).map(\.row) {
                    withUnsafeBytes(of: Int32(number)) { ids.append(contentsOf: $0) }
                }
            }
            try ids.writeAnew(to: list)
            let asked = ["evaluate", numbered, "--queries", own.npy, "--truth", list]
            let measured = try BelfryProcess.run(asked + ["--k", "5", "--json"])
            #expect(measured.exitCode == 0, "\(measured.errors)")
            let recall = try JSON(parsing: Data(measured.output.utf8), source: "figures")["results"]?.array?.first?[
                "figures"]?.array?.first { $0["name"]?.string == "recall@5" }?["exact"]?["mean"]?.number
            #expect(try #require(recall) > 0.999)

            let refused: [([String], Int32, String)] = [
                (["evaluate", own.collection, "--same", "gruop"], 1, "No point has a payload field \"gruop\""),
                (asked, 1, "lists 5 points"), (asked + ["--k", "1,5"], 2, "one --k"),
                (["evaluate", own.collection, "--queries", own.npy], 2, "belfry audit"),
                (
                    ["evaluate", own.collection, "--queries", own.npy, "--truth", list, "--k", "5"], 1,
                    "lists no point of the collection"
                ),
            ]
            for (arguments, code, message) in refused {
                let outcome = try BelfryProcess.run(arguments)
                #expect(outcome.exitCode == code && outcome.errors.contains(message), "\(arguments): \(outcome.errors)")
            }
            let audited = try BelfryProcess.run(["audit", own.collection, "--queries", own.npy, "-k", "5"])
            #expect(audited.exitCode == 0, "\(audited.errors)")
        }
    }
}
