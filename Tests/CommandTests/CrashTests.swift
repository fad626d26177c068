import Foundation
import TestSupport
import Testing

@testable import Belfry

/// A build that is killed leaves the old collection or none; the next one goes on and ends as if nothing had happened.
@Suite struct CrashTests {
    /// Where a build embeds; what it does with the vectors of another collection is tested with the indexes.
    private static let points = CrashPoint.allCases.map(\.rawValue).filter { point in
        !point.hasSuffix("adopted")
            && !["seal", "merge", "batch", "repair", "spaces", "table"].contains { point.hasPrefix($0) }
    }

    @Test(arguments: points)
    func afterACrashTheNextBuildEndsTheSame(_ point: String) throws {
        try withTemporaryDirectory { folder in
            // A fixed index, since what auto chooses is measured.
            let whole = try Shop("\(folder)/whole", index: "hnsw")
            #expect(try BelfryProcess.run(["build", whole.recipe]).exitCode == 0)

            let shop = try Shop("\(folder)/crashed", index: "hnsw")
            let isEmbedded = point.hasPrefix("index") || point == "small-segments-removed"
            let repeats =
                point.hasPrefix("segment") || ["vectors-written", "ids-written", "points-inserted"].contains(point)
            let crashed = try BelfryProcess.run(
                ["build", shop.recipe], environment: ["BELFRY_CRASH_AT": "\(point):\(repeats ? 3 : 1)"])
            #expect(crashed.exitCode == 128 + SIGKILL, "\(crashed.errors)")
            #expect(FileManager.default.fileExists(atPath: shop.collection) == (point == "swapped"))

            let next = try BelfryProcess.run(["build", shop.recipe, "--json"])
            #expect(next.exitCode == 0, "\(next.errors)")
            if isEmbedded { #expect(next.output.contains("\"resumed_points\":50")) }
            if repeats { #expect(next.output.contains("\"resumed_points\":\(point == "segment-listed" ? 30 : 20)")) }
            #expect(try BelfryProcess.run(["check", shop.collection]).exitCode == 0)
            let (expected, found) = (try whole.files(), try shop.files())
            #expect(Set(expected.keys) == Set(found.keys))
            for (name, data) in expected where name.hasPrefix("segments/") { #expect(found[name] == data, "\(name)") }
        }
    }

    @Test(arguments: points)
    func aCrashWhileReplacingLeavesOneWholeCollection(_ point: String) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            #expect(try BelfryProcess.run(["build", shop.recipe, "--limit", "20"]).exitCode == 0)
            let crashed = try BelfryProcess.run(
                ["build", shop.recipe, "--replace"], environment: ["BELFRY_CRASH_AT": point])
            #expect(crashed.exitCode == 128 + SIGKILL, "\(crashed.errors)")

            let stats = try BelfryProcess.run(["stats", shop.recipe, "--json"])
            #expect(stats.output.contains("\"points\":\(point == "swapped" ? 50 : 20)"), "\(stats)")
            #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)
            #expect(try BelfryProcess.run(["build", shop.recipe, "--replace"]).exitCode == 0)
            #expect(try BelfryProcess.run(["stats", shop.recipe, "--json"]).output.contains("\"points\":50"))
            #expect(!FileManager.default.fileExists(atPath: shop.collection + ".building"))
        }
    }

    /// A transaction too large for SQLite's cache is partly in the file when the process dies: it is rolled back, and
    /// the finished segments stay.
    @Test func aCrashInsideALargeTransactionKeepsWhatWasFinished() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            let long = String(repeating: "long ", count: 80_000)
            let rows = (0..<40).map { "p-\($0),\(long)\($0),x,1\n" }.joined()
            try shop.write("id,title,description,price\n" + rows, "shop/products.csv")
            let crashed = try BelfryProcess.run(
                ["build", shop.recipe], environment: ["BELFRY_CRASH_AT": "points-inserted:3"])
            #expect(crashed.exitCode == 128 + SIGKILL)

            // A reader sees what was finished, and leaves the rest to the next build.
            let (building, copy) = (shop.collection + ".building", "\(folder)/copy")
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
            for file in ["catalog.sqlite", "catalog.sqlite-journal"] {
                try FileManager.default.copyItem(atPath: "\(building)/\(file)", toPath: "\(copy)/\(file)")
            }
            let before = FolderState(copy)
            #expect(Catalogue.check("\(copy)/catalog.sqlite").isEmpty)
            #expect(try Catalogue("\(copy)/catalog.sqlite", .read).read { try $0.segments() }.map(\.rows) == [10, 10])
            #expect(FolderState(copy) == before)

            let next = try BelfryProcess.run(["build", shop.recipe, "--json"])
            #expect(next.output.contains("\"resumed_points\":20"), "\(next)")
            #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)
        }
    }

    @Test func killedAtAnyMomentNothingIsHalfDone() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 200, segmentRows: 8, index: "ivf")
            for round in 0..<25 {
                let delay = Double.random(in: 0.005..<0.25, using: &random)
                _ = try BelfryProcess.run(["build", shop.recipe, "--replace"], killAfter: delay)
                guard FileManager.default.fileExists(atPath: shop.collection) else { continue }
                let check = try BelfryProcess.run(["check", shop.recipe])
                #expect(check.exitCode == 0, "round \(round), \(random): \(check.output)")
                try FileManager.default.removeItem(atPath: shop.collection)
            }
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)
        }
    }
}
