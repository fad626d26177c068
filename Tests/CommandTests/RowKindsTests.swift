import Files
import Foundation
import TestSupport
import Testing

/// Rows, ids and figures as real files have them, from the file to the answer.
@Suite struct RowKindsTests {
    private static func build(_ rows: String, _ name: String, _ shop: Shop, _ payload: String) throws -> JSON {
        try shop.write(rows, "shop/\(name)")
        try shop.write(
            "rows: {file: \(name)}\nid: id\ntext: \"{title}\"\npayload: {\(payload)}\ntower: ../tiny.tower\n",
            "shop/recipe.yaml")
        let build = try BelfryProcess.run(["build", shop.recipe, "--replace", "--json"])
        #expect(build.exitCode == 0, "\(build.errors)")
        return try JSON(parsing: Data(build.output.utf8), source: "build")
    }

    private static func answers(_ arguments: [String]) throws -> [JSON] {
        let outcome = try BelfryProcess.run(arguments + ["--json"])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        return try #require(JSON(parsing: Data(outcome.output.utf8), source: "answer")["results"]?.array)
    }

    @Test func wholeNumbersOfColumnsWithGaps() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 1)
            let csv = "id,title,stock,big\n1.0,red lamp,5.0,9007199254740993\n2.0,blue desk,,\n3.0,pump,7.0,2.0\n"
            let lines = """
                {"id": 1.0, "title": "red lamp", "stock": 5.0, "big": 9007199254740993}
                {"id": 2.0, "title": "blue desk", "stock": null}
                {"id": 3.0, "title": "pump", "stock": 7.0, "big": 2.0}
                """
            for (rows, name) in [(csv, "rows.csv"), (lines, "rows.jsonl")] {
                let summary = try Self.build(rows, name, shop, "stock: integer, big: number")
                #expect(summary["points"] == 3 && summary["bad_rows"] == 0)
                let found = try Self.answers(["similar", shop.recipe, "2"])
                let stock = found.map { $0["payload"]?["stock"] }
                #expect(Set(stock) == [5, 7] && Set(found.map { $0["id"] }) == [1, 3])
                #expect(found.contains { $0["payload"]?["big"] == 9_007_199_254_740_993 })
                #expect(try Self.answers(["similar", shop.recipe, "2.0"]).count == 2)
            }
        }
    }

    @Test func oneArrayAndZeroes() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 1)
            let array =
                #"[{"id": 1, "title": "a"}, {"id": 2, "title": "b"},"# + "\n" + #"{"id": "a\u0000b", "title": "c"}]"#
            for name in ["rows.json", "rows.jsonl"] {
                let summary = try Self.build(array, name, shop, "title: string")
                #expect(summary["points"] == 2 && summary["bad_rows"] == 1)
                #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)
            }
        }
    }

    @Test func idsThatLookTheSame() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 1)
            let (one, two) = ("caf\u{e9}", "cafe\u{301}")
            let rows =
                "{\"id\":\"\(one)\",\"title\":\"a\",\"\(one)\":1,\"\(two)\":2}\n{\"id\":\"\(two)\",\"title\":\"b\"}\n"
                + "{\"id\":\"d1\",\"title\":\"c\"}\n"
            let summary = try Self.build(rows, "rows.jsonl", shop, "\(two): integer")
            #expect(summary["points"] == 3)
            try shop.write("{\"q\":\"a\",\"want\":{\"\(one)\":1,\"\(two)\":3,\"d1\":1024}}\n", "q.jsonl")
            let yaml = try String(contentsOfFile: "\(shop.recipe)/recipe.yaml", encoding: .utf8)
            try shop.write(
                yaml
                    + "evaluate:\n  one: {file: ../q.jsonl, text: q, relevant: want, k: [3], metrics: [recall, ndcg]}\n",
                "shop/recipe.yaml")
            let outcome = try BelfryProcess.run(["evaluate", shop.recipe, "--json"])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let result = try JSON(parsing: Data(outcome.output.utf8), source: "evaluate")["results"]?.array?.first
            #expect(result?["counts"]?["relevant"] == 3)
            #expect(result?["figures"]?.array?.allSatisfy { $0["exact"]?["mean"]?.number != nil } == true)
            let found = try Self.answers(["similar", shop.recipe, "d1"])
            #expect(found.contains { $0["payload"]?[two] == 2 && $0["payload"]?[one] == nil })
        }
    }

    @Test func idsThatBeginWithADash() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 1)
            _ = try Self.build("id,title\n-5,red lamp\n-7,blue desk\n- x,pump\n", "rows.csv", shop, "title: string")
            #expect(try Self.answers(["similar", shop.recipe, "-5", "-k", "2"]).count == 2)
            #expect(try Self.answers(["similar", shop.recipe, "-k", "1", "--exact", "-7"]).count == 1)
            #expect(try Self.answers(["similar", shop.recipe, "- x"]).count == 2)
            #expect(try Self.answers(["search", shop.recipe, "-5 degrees", "-k", "3"]).count == 3)
            #expect(try Self.answers(["recommend", shop.recipe, "--like", "-5", "--unlike", "-7"]).count == 1)
            #expect(try BelfryProcess.run(["explain", shop.recipe, "--like", "-5"]).exitCode == 0)
            #expect(try BelfryProcess.run(["similar", shop.recipe, "-5", "-k", "-3"]).exitCode == 2)
            let unknown = try BelfryProcess.run(["similar", shop.recipe, "-x"])
            #expect(unknown.exitCode == 1 && unknown.errors.contains("no point \"-x\""), "\(unknown.errors)")
            #expect(try BelfryProcess.run(["similar", shop.recipe, "-5", "--jsn"]).exitCode == 2)
            let both = try BelfryProcess.run(["recommend", shop.recipe, "--like", "-5,-7", "--unlike", "-7"])
            #expect(both.exitCode == 1 && both.errors.contains("\"-7\", and unlike it"), "\(both.errors)")
        }
    }

    @Test func whatIsMisspeltIsSuggested() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 30)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let point = try BelfryProcess.run(["similar", shop.recipe, "p-1O"])
            #expect(point.exitCode == 1 && point.errors.contains("Near it: p-1, p-10, p-11"), "\(point.errors)")
            let none = try BelfryProcess.run(["similar", shop.recipe, "nothing-like-them"])
            #expect(none.errors.contains("Ids look like: p-"), "\(none.errors)")
            for (arguments, wanted) in [
                (["serch", shop.recipe, "x"], "belfry search"), (["tower", "imprt", "x"], "belfry tower import"),
                (["xyzzy"], "There are: init, build"),
            ] {
                let outcome = try BelfryProcess.run(arguments)
                #expect(outcome.exitCode == 2 && outcome.errors.contains(wanted), "\(outcome.errors)")
            }
        }
    }

    @Test func aSampleIsOfAllRows() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 50)
            let build = try BelfryProcess.run(["build", shop.recipe, "--sample", "10", "--json"])
            #expect(build.output.contains("\"points\":10"), "\(build)")
            let found = try Self.answers(["search", shop.recipe, "lamp", "-k", "50"])
            let rows = found.compactMap { $0["id"]?.string?.dropFirst(2) }.compactMap { Int($0) }.sorted()
            #expect(rows.count == 10 && zip(rows, 0..<10).allSatisfy { $0 / 5 == $1 })
            #expect(try BelfryProcess.run(["build", shop.recipe, "--sample", "10"]).output.contains("is up to date"))
            let other = try BelfryProcess.run(["build", shop.recipe])
            #expect(other.errors.contains("the sample was 10 points and is now all points"), "\(other.errors)")
        }
    }
}
