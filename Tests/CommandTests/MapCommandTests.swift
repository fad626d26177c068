import Files
import Foundation
import TestSupport
import Testing

@Suite struct MapCommandTests {
    /// A shop that is built, as `rows` products.
    private static func built(_ folder: String, rows: Int) throws -> Shop {
        let shop = try Shop(folder, rows: rows, index: "exact")
        let built = try BelfryProcess.run(["build", shop.recipe])
        #expect(built.exitCode == 0, "\(built)")
        return shop
    }

    private static func json(_ arguments: [String]) throws -> JSON {
        let outcome = try BelfryProcess.run(["map"] + arguments + ["--json"])
        #expect(outcome.exitCode == 0, "\(outcome)")
        return try JSON(parsing: Data(outcome.output.utf8), source: "map")
    }

    @Test func pageDrawingAndCoordinates() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.built(folder, rows: 50)
            let (page, drawing) = (folder + "/map.html", folder + "/map.svg")
            let outcome = try BelfryProcess.run(["map", shop.recipe, "--color-by", "title", "--out", page])
            #expect(outcome.exitCode == 0 && outcome.output.contains("50, 36 components, cosine"), "\(outcome)")
            #expect(outcome.output.contains("other title") && outcome.errors.contains(page))
            let html = try String(contentsOfFile: page, encoding: .utf8)
            #expect(html.hasPrefix("<!DOCTYPE html>") && html.contains("red lamp") && html.contains("other values"))
            #expect(try BelfryProcess.run(["map", shop.recipe, "--color-by", "price", "--out", drawing]).exitCode == 0)
            #expect(try String(contentsOfFile: drawing, encoding: .utf8).hasPrefix("<svg"))

            let map = try Self.json([shop.recipe, "--sample", "1000", "--color-by", "price"])
            let points = try #require(map["points"]?.array)
            #expect(points.count == 50 && map["count"]?.integer == 50)
            let shares = map["variance"]?.array?.compactMap(\.number) ?? []
            #expect(shares.count == 2 && shares[0] >= shares[1] && shares[1] > 0 && shares[0] + shares[1] <= 1.000001)
            for axis in ["x", "y"] {
                let values = points.compactMap { $0[axis]?.number }
                #expect(values.count == 50 && abs(values.reduce(0, +)) < 1e-5)
            }
            // What is near on the map's sample is what a search finds.
            let first = points[0]
            let id = try #require(first["id"]?.string)
            let similar = try BelfryProcess.run(["similar", shop.recipe, id, "-k", "5", "--exact", "--json"])
            let results = try JSON(parsing: Data(similar.output.utf8), source: "similar")["results"]?.array
            let scores = results?.compactMap { $0["score"]?.number } ?? []
            let own = first["near"]?.array?.compactMap { $0["score"]?.number } ?? []
            #expect(
                own.count == 5 && scores.count == 5 && zip(scores, own).allSatisfy { abs($0 - $1) < 1e-5 },
                "\(scores) \(own)")
            #expect(first["value"]?.number != nil && first["title"]?.string != nil)
        }
    }

    @Test func aSampleIsTheSeeds() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.built(folder, rows: 50)
            func ids(_ seed: Int) throws -> [String] {
                let map = try Self.json([shop.recipe, "--sample", "12", "--seed", "\(seed)"])
                return map["points"]?.array?.compactMap { $0["id"]?.string } ?? []
            }
            #expect(try ids(1).count == 12 && Set(ids(1)).count == 12)
            #expect(try ids(1) == ids(1) && ids(1) != ids(2))
            for name in ["a.html", "b.html"] {
                _ = try BelfryProcess.run(["map", shop.recipe, "--sample", "12", "--out", "\(folder)/\(name)"])
            }
            #expect(
                try Data(contentsOf: URL(fileURLWithPath: folder + "/a.html"))
                    == Data(contentsOf: URL(fileURLWithPath: folder + "/b.html")))
        }
    }

    @Test func fewPoints() throws {
        for rows in [1, 2] {
            try withTemporaryDirectory { folder in
                let shop = try Self.built(folder, rows: rows)
                let map = try Self.json([shop.recipe, "--color-by", "title"])
                #expect(map["points"]?.array?.count == rows)
                #expect(map["variance"]?.array?.compactMap(\.number).count == 2)
                for name in ["map.html", "map.svg"] {
                    let outcome = try BelfryProcess.run(
                        ["map", shop.recipe, "--color-by", "title", "--out", "\(folder)/\(name)"])
                    #expect(outcome.exitCode == 0, "\(outcome)")
                    #expect(outcome.errors.contains("a plane needs 3 at least"), "\(outcome.errors)")
                    let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
                    #expect(!text.contains(">nan") && !text.contains("\"nan"))
                }
            }
        }
    }

    @Test func whatCannotBeDrawnIsAClearError() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.built(folder, rows: 3)
            let cases: [([String], Int32, String)] = [
                (["--color-by", "brand", "--json"], 1, "price, title"),
                (["--title", "brand", "--json"], 1, "price, title"),
                ([], 2, "--out"), (["--out", "map.png"], 2, ".svg"), (["--sample", "0", "--json"], 2, "--sample"),
                (["--out", folder + "/nowhere/map.html"], 1, "no such directory"),
            ]
            for (arguments, code, words) in cases {
                let outcome = try BelfryProcess.run(["map", shop.recipe] + arguments)
                #expect(outcome.exitCode == code && outcome.errors.contains(words), "\(arguments): \(outcome)")
            }
            #expect(try BelfryProcess.run(["map", folder, "--json"]).exitCode == 1)
        }
    }
}
