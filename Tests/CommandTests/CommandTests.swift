import Files
import Foundation
import TestSupport
import Testing

@Suite struct CommandTests {
    @Test func theMainJob() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            let build = try BelfryProcess.run(["build", shop.recipe])
            #expect(build.exitCode == 0, "\(build.errors)")
            #expect(build.output.contains("50 points, 0 bad rows"))
            #expect(try BelfryProcess.run(["build", shop.recipe]).output.contains("is up to date: 50 points"))

            let search = try BelfryProcess.run(["search", shop.recipe, "red lamp", "-k", "3", "--json"])
            let answer = try JSON(parsing: Data(search.output.utf8), source: "search")
            #expect(answer["recall"]?.number == 1)
            let results = try #require(answer["results"]?.array)
            #expect(results.count == 3)
            #expect(results.allSatisfy { $0["payload"]?["title"]?.string != nil && $0["score"]?.number != nil })
            let scores = results.compactMap { $0["score"]?.number }
            #expect(scores == scores.sorted(by: >))

            let similar = try BelfryProcess.run(["similar", shop.recipe, "p-7", "-k", "49", "--json"])
            let others = try #require(JSON(parsing: Data(similar.output.utf8), source: "similar")["results"]?.array)
            #expect(Set(others.compactMap { $0["id"]?.string }) == Set((0..<50).map { "p-\($0)" }).subtracting(["p-7"]))

            let table = try BelfryProcess.run(["similar", shop.recipe, "p-7", "-k", "2"]).output
            #expect(table.hasPrefix(" score  id"))
            #expect(table.split(separator: "\n").count == 4)
        }
    }

    @Test func aChangedRecipeOrLimitAsksForReplace() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            #expect(try BelfryProcess.run(["build", shop.recipe, "--limit", "7"]).exitCode == 0)
            let refused = try BelfryProcess.run(["build", shop.recipe])
            #expect(refused.exitCode == 1)
            #expect(refused.errors.contains("the limit was 7 points and is now all points"))
            #expect(refused.errors.contains("--replace"))
            let replaced = try BelfryProcess.run(["build", shop.recipe, "--replace", "--json"])
            #expect(replaced.output.contains("\"points\":50"))
        }
    }

    @Test func badRowsAreReportedWithTheirLine() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 3)
            try shop.write(
                "id,title,description,price\na,one,,1\nb,\"two\nlines\",,2\nc,,,3\na,again,,4\nd,price,,cheap\ne,short\n,no id,,1\nf,six,,6\n",
                "shop/products.csv")
            let build = try BelfryProcess.run(["build", shop.recipe])
            #expect(build.exitCode == 0, "\(build.errors)")
            #expect(build.output.contains("3 points, 5 bad rows"), "\(build.output)")
            for (line, what) in [(5, "empty"), (6, "line 2"), (7, "price"), (8, "column"), (9, "id")] {
                let note = build.errors.split(separator: "\n").first { $0.contains("line \(line):") }
                #expect(note?.contains(what) == true, "line \(line): \(build.errors)")
            }
            let recipe = try String(contentsOfFile: "\(shop.recipe)/recipe.yaml", encoding: .utf8)
            try shop.write(recipe.replacing("products.csv", with: "products.csv, bad: fail"), "shop/recipe.yaml")
            let strict = try BelfryProcess.run(["build", shop.recipe, "--replace"])
            #expect(strict.exitCode == 1)
            #expect(strict.errors.contains("line 5"))
        }
    }

    @Test(arguments: ["rows.tsv", "rows.jsonl", "rows.csv.gz", "rows.jsonl.gz"])
    func everyFormatOfRowsBuildsTheSame(_ name: String) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 12)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let expected = try BelfryProcess.run(["search", shop.recipe, "desk", "--json"]).output

            let csv = try String(contentsOfFile: "\(shop.recipe)/products.csv", encoding: .utf8)
            let rows = csv.split(separator: "\n").dropFirst().map { $0.replacing("\"", with: "").split(separator: ",") }
            let text =
                switch name.split(separator: ".")[1] {
                case "tsv":
                    "id\ttitle\tdescription\tprice\n"
                        + rows.map {
                            "\($0[0])\t\($0[1])\t\($0[2...($0.count - 2)].joined(separator: ","))\t\($0.last!)\n"
                        }.joined()
                case "jsonl":
                    rows.map {
                        "{\"id\": \"\($0[0])\", \"title\": \"\($0[1])\", \"description\": "
                            + "\"\($0[2...($0.count - 2)].joined(separator: ","))\", \"price\": \($0.last!)}\n"
                    }.joined()
                default: csv
                }
            let data = name.hasSuffix(".gz") ? Data(text.utf8).gzipped : Data(text.utf8)
            try data.write(to: URL(fileURLWithPath: "\(shop.recipe)/\(name)"))
            let recipe = try String(contentsOfFile: "\(shop.recipe)/recipe.yaml", encoding: .utf8)
            try shop.write(recipe.replacing("products.csv", with: name), "shop/recipe.yaml")
            let build = try BelfryProcess.run(["build", shop.recipe, "--replace"])
            #expect(build.output.contains("12 points, 0 bad rows"), "\(build)")
            #expect(try BelfryProcess.run(["search", shop.recipe, "desk", "--json"]).output == expected)
        }
    }

    @Test func idsOfAnyKindMeetOnlyThemselves() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            // The first and the second are one point: a key and the UUID that it stands for.
            let rows = [
                "\"111-33248\"", "\"60aa7e4f-0f24-58e1-83a1-afb6e745561a\"", "7", "\"7\"", "\"007\"",
                "18446744073709551615",
                "true", "1.5", "\"d41d8cd98f00b204e9800998ecf8427e\"",
            ]
            let text = rows.map { "{\"id\": \($0), \"title\": \"lamp\"}\n" }.joined()
            try shop.write(text, "shop/rows.jsonl")
            let recipe = try String(contentsOfFile: "\(shop.recipe)/recipe.yaml", encoding: .utf8)
            try shop.write(recipe.replacing("products.csv", with: "rows.jsonl"), "shop/recipe.yaml")
            let build = try BelfryProcess.run(["build", shop.recipe])
            #expect(build.output.contains("5 points, 4 bad rows"), "\(build)")
            for line in [2, 4, 7, 8] { #expect(build.errors.contains("line \(line):"), "\(build.errors)") }
            #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)
            let all = try BelfryProcess.run(["search", shop.recipe, "lamp", "--json"]).output
            let found = try JSON(parsing: Data(all.utf8), source: "search")["results"]?.array?.compactMap { $0["id"] }
            let expected: [JSON] = [
                .integer(7), .unsigned(.max), .string("111-33248"), .string("007"),
                .string("d41d8cd98f00b204e9800998ecf8427e"),
            ]
            #expect(Set(found ?? []) == Set(expected))
        }
    }

    @Test func streamsThatNobodyReadsAreNoCrash() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 3)
            try shop.write("id,title,description,price\na,one,,1\n,bad,,2\nc,three,,3\n", "shop/products.csv")
            for (command, code) in [
                ("build \(shop.recipe) 2>&-", 0), ("--help > /dev/full", 1),
                ("search \(shop.recipe) one > /dev/full", 1),
                ("search \(shop.recipe) one <&- >&-", 0), ("embed \(shop.tower) <&-", 0),
            ] as [(String, Int32)] {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/bin/sh")
                process.arguments = ["-c", "\(BelfryProcess.path) \(command)"]
                process.standardError = FileHandle.nullDevice
                process.standardOutput = FileHandle.nullDevice
                try process.run()
                process.waitUntilExit()
                #expect(process.terminationReason == .exit && process.terminationStatus == code, "\(command)")
            }
        }
    }

    @Test func aFailedEmbedLeavesTheOldFile() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 1)
            try shop.write("old", "out.jsonl")
            try shop.write("{\"text\": \"lamp\"}\n{\"text\": \n", "bad.jsonl")
            let failed = try BelfryProcess.run(
                ["embed", shop.tower, "--input", "\(folder)/bad.jsonl", "--output", "\(folder)/out.jsonl"])
            #expect(failed.exitCode == 1 && failed.errors.contains("line 2"))
            let same = try BelfryProcess.run(
                ["embed", shop.tower, "--input", "\(folder)/out.jsonl", "--output", "\(folder)/out.jsonl"])
            #expect(same.exitCode == 1)
            #expect(try String(contentsOfFile: "\(folder)/out.jsonl", encoding: .utf8) == "old")
            #expect(try System.list(folder).allSatisfy { !$0.hasSuffix(".tmp") })
        }
    }

    @Test func twoBuildsAtOnceDoNotMeet() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            let building = shop.collection + ".building"
            try FileManager.default.createDirectory(atPath: building, withIntermediateDirectories: true)
            let lock = open(building + "/lock", O_RDWR | O_CREAT, 0o644)
            #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
            let refused = try BelfryProcess.run(["build", shop.recipe])
            #expect(refused.exitCode == 1)
            #expect(refused.errors.contains("Another build is at work"))
            close(lock)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
        }
    }

    @Test func anotherTowerIsRefused() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let model = "\(folder)/other"
            try FileManager.default.copyItem(atPath: Shop.model, toPath: model)
            let weights = URL(fileURLWithPath: "\(model)/model.safetensors")
            var data = try Data(contentsOf: weights)
            data[data.count - 5] ^= 1
            try data.write(to: weights)
            #expect(try BelfryProcess.run(["tower", "import", model, "--to", "\(folder)/other.tower"]).exitCode == 0)
            let refused = try BelfryProcess.run(["search", shop.recipe, "lamp", "--tower", "\(folder)/other.tower"])
            #expect(refused.exitCode == 1)
            #expect(refused.errors.contains("tiny.tower") && refused.errors.contains("other.tower"))
            #expect(try BelfryProcess.run(["search", shop.recipe, "lamp", "--tower", shop.tower]).exitCode == 0)
        }
    }

    @Test func aFlippedByteInAnyFileIsNamed() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            for (name, data) in try shop.files() where !data.isEmpty {
                let path = "\(shop.collection)/\(name)"
                let offset = Int.random(in: 0..<data.count, using: &random)
                var flipped = data
                flipped[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                try flipped.write(to: URL(fileURLWithPath: path))
                let check = try BelfryProcess.run(["check", shop.recipe])
                #expect(check.exitCode == 3, "\(name), byte \(offset), \(random)")
                #expect(check.output.contains("DAMAGED") && check.output.contains(path), "\(name): \(check.output)")
                try data.write(to: URL(fileURLWithPath: path))
            }
            #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)
        }
    }

    @Test(
        arguments: [
            (["nonsense"], 2), (["search"], 2), (["search", "/nowhere", "x"], 1), (["search", "/nowhere", " "], 2),
            (["build", "/nowhere"], 1), (["build", "/nowhere", "--limit", "0"], 2), (["check", "/nowhere"], 1),
            (["build", "/nowhere", "--sample", "0"], 2), (["build", "/nowhere", "--sample", "5", "--limit", "5"], 2),
            (["bench", "--base", "/b", "--query", "/q", "--metric", "l2", "--repeat", "9223372036854775807"], 2),
            (["search", "/nowhere", "\u{200b}\u{feff}"], 2), (["tower", "imprt"], 2), (["serch", "a", "b"], 2),
            (["--help"], 0), (["build", "--help"], 0), (["help", "build"], 0), (["tower", "--help"], 0),
            (["similar", "/nowhere", "1", "-k", "0"], 2),
        ] as [([String], Int32)])
    func exitCodes(_ arguments: [String], _ code: Int32) throws {
        let outcome = try BelfryProcess.run(arguments)
        #expect(outcome.exitCode == code, "\(outcome)")
        #expect(outcome.output.isEmpty == (code != 0))
    }

    @Test func embedReadsLinesAndWritesJSONLines() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 1)
            let outcome = try BelfryProcess.run(["embed", shop.tower], input: "red lamp\nblue desk\n")
            let lines = outcome.output.split(separator: "\n")
            #expect(lines.count == 2, "\(outcome)")
            let first = try JSON(parsing: Data(lines[0].utf8), source: "embed")
            #expect(first["text"]?.string == "red lamp")
            #expect(first["vector"]?.array?.count == Shop.dimension)

            try shop.write("{\"text\": \"red lamp\"}\n{\"text\": \"blue desk\"}\n", "texts.jsonl")
            let arguments = ["embed", shop.tower, "--input", "\(folder)/texts.jsonl", "--output", "\(folder)/out.npy"]
            #expect(try BelfryProcess.run(arguments).exitCode == 0)
            let array = try NpyArray("\(folder)/out.npy")
            #expect(array.shape == [2, Shop.dimension])
            let same = zip(array.floats(), first["vector"]!.array!).allSatisfy { $0 == Float($1.number!) }
            #expect(same)
        }
    }
}
