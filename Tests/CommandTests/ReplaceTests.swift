import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

/// What stands in a collection's place may be damaged, foreign, a link, or replaced while it is being read.
@Suite struct ReplaceTests {
    private static func flip(_ path: String) throws {
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        data[data.count / 2] ^= 1
        try data.write(to: URL(fileURLWithPath: path))
    }

    @Test func replaceMendsADamagedCollection() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            #expect(try BelfryProcess.run(["build", shop.recipe, "--replace"]).output.contains("up to date"))
            let segment = try shop.segment.dropFirst(shop.collection.count + 1)
            for file in [
                "\(segment)/vectors.shard", "\(segment)/codes", "towers/tiny.tower/model.safetensors", "catalog.sqlite",
            ] {
                if file == "catalog.sqlite" {
                    try Data("x".utf8).write(to: URL(fileURLWithPath: "\(shop.collection)/\(file)"))
                } else {
                    try Self.flip("\(shop.collection)/\(file)")
                }
                #expect(try BelfryProcess.run(["check", shop.collection]).exitCode == 3)
                let build = try BelfryProcess.run(["build", shop.recipe, "--replace"])
                #expect(build.output.contains("50 points, 0 bad rows"), "\(file): \(build)")
                #expect(try BelfryProcess.run(["check", shop.collection]).exitCode == 0)
            }
            // The collection has a copy of the tower: damage to one is not damage to the other.
            #expect(try BelfryProcess.run(["tower", "check", shop.tower]).exitCode == 0)
        }
    }

    @Test func aFolderThatIsNoCollectionIsNotReplaced() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            for place in [shop.collection, shop.collection + ".building"] {
                try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
                try Data("mine".utf8).write(to: URL(fileURLWithPath: place + "/thesis.txt"))
                let build = try BelfryProcess.run(["build", shop.recipe, "--replace"])
                #expect(build.exitCode == 1)
                #expect(build.errors.contains("is not a collection"), "\(build)")
                #expect(FileManager.default.fileExists(atPath: place + "/thesis.txt"))
                try FileManager.default.removeItem(atPath: place)
            }
        }
    }

    @Test func aLinkedCollectionIsReplacedWhereItLies() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            #expect(try BelfryProcess.run(["build", shop.recipe, "--limit", "10"]).exitCode == 0)
            let elsewhere = "\(folder)/elsewhere.belfry"
            try FileManager.default.moveItem(atPath: shop.collection, toPath: elsewhere)
            try FileManager.default.createSymbolicLink(atPath: shop.collection, withDestinationPath: elsewhere)
            #expect(try BelfryProcess.run(["build", shop.recipe, "--replace"]).exitCode == 0)
            #expect(try VectorCollection(elsewhere).count == 50)
            try FileManager.default.removeItem(atPath: elsewhere)
            let dangling = try BelfryProcess.run(["build", shop.recipe])
            #expect(dangling.exitCode == 1)
            #expect(dangling.errors.contains("follow the link"))
        }
    }

    @Test func checkChangesNothing() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            try Data("x".utf8).write(to: URL(fileURLWithPath: shop.collection + "/notes.txt"))
            try FileManager.default.removeItem(atPath: shop.collection + "/lock")
            #expect(try BelfryProcess.run(["check", shop.collection]).exitCode == 0)
            #expect(FileManager.default.fileExists(atPath: shop.collection + "/notes.txt"))
            #expect(!FileManager.default.fileExists(atPath: shop.collection + "/lock"))
        }
    }

    /// A reader sees one collection or the other, whole, however often another one is put in its place.
    @Test func readersNeverSeeHalfOfEach() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 30)
            let csv = try String(contentsOfFile: "\(shop.recipe)/products.csv", encoding: .utf8)
            let other = csv.replacing("red", with: "violet")
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let writer = Process()
            writer.executableURL = URL(fileURLWithPath: "/bin/sh")
            try shop.write(csv, "one.csv")
            try shop.write(other, "two.csv")
            writer.arguments = [
                "-c",
                """
                for round in 1 2 3 4 5 6 7 8; do
                  cp \(folder)/two.csv \(shop.recipe)/products.csv && \(BelfryProcess.path) build \(shop.recipe) --replace
                  cp \(folder)/one.csv \(shop.recipe)/products.csv && \(BelfryProcess.path) build \(shop.recipe) --replace
                done > \(folder)/log 2>&1
                """,
            ]
            try writer.run()
            var opened = 0
            while writer.isRunning {
                let collection = try VectorCollection(shop.collection)
                let hits = try collection.hits(.point("p-7"), k: 29)
                #expect(hits.count == 29)
                // Red and violet lamps never stand side by side.
                let titles = hits.compactMap { $0.payload["title"]?.string }
                #expect(!(titles.contains { $0.contains("red") } && titles.contains { $0.contains("violet") }))
                opened += 1
            }
            #expect(opened > 20)
            #expect(try VectorCollection.check(shop.collection).allSatisfy(\.problems.isEmpty))
        }
    }
}
