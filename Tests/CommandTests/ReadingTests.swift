import Foundation
import TestSupport
import Testing

@testable import Belfry

/// Who reads a collection changes nothing, whatever lies there.
@Suite struct ReadingTests {
    static func built(_ folder: String, rows: Int = 100, index: String = "exact") throws -> Shop {
        let shop = try Shop(folder, rows: rows, index: index)
        try shop.change(
            "show: [title, price]", to: "show: [title, price]\nevaluate:\n  title: {same: title, k: [2]}")
        let build = try BelfryProcess.run(["build", shop.recipe])
        #expect(build.exitCode == 0 && build.errors.isEmpty, "\(build)")
        return shop
    }

    /// Every verb that opens a collection.
    static func verbs(_ shop: Shop, _ out: String) -> [[String]] {
        [
            ["search", shop.collection, "red lamp", "--json"],
            ["similar", shop.collection, "p-7", "--exact", "--json"],
            ["recommend", shop.collection, "--like", "p-7", "--json"], ["stats", shop.collection, "--json"],
            ["explain", shop.collection, "red lamp", "--json"],
            ["map", shop.collection, "--out", out + "/map.html", "--json"],
            ["check", shop.collection, "--json"], ["evaluate", shop.recipe, "--json"],
        ]
    }

    static func write(_ path: String, _ text: String = "mine") throws {
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    @Test func whatIsNotBelfrysIsKeptByEveryVerb() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.built(folder)
            for name in [
                "NOTES.txt", ".git/HEAD", ".git/refs/heads/main", "segments/mine/photo.jpg", "segments/000009/ids",
                "segments/000009/letter.txt", "segments/000001/NOTES.txt", "towers/other.tower/tower.json",
                "catalog.seal.belfry-2147483647-00000000-0000-0000-0000-000000000000", "catalog.sqlite-journal",
            ] { try Self.write("\(shop.collection)/\(name)", name.hasSuffix("journal") ? "" : "mine") }
            try FileManager.default.removeItem(atPath: shop.collection + "/lock")
            try FileManager.default.createDirectory(atPath: folder + "/out", withIntermediateDirectories: true)
            let before = FolderState(shop.recipe)
            for verb in Self.verbs(shop, folder + "/out") {
                let outcome = try BelfryProcess.run(verb)
                #expect(outcome.exitCode == 0, "\(verb): \(outcome)")
                #expect(FolderState(shop.recipe).differences(from: before).isEmpty, "\(verb)")
            }
        }
    }

    @Test(arguments: ["segments", "towers"]) func aLinkIsNeverEmptied(_ name: String) throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.built(folder)
            let victim = folder + "/victim"
            try FileManager.default.moveItem(atPath: "\(shop.collection)/\(name)", toPath: victim)
            for mine in ["thesis.txt", "photos/1.jpg", "000007/ids", "000007/mine", "old.tower/tower.json"] {
                try Self.write("\(victim)/\(mine)")
            }
            try FileManager.default.createSymbolicLink(
                atPath: "\(shop.collection)/\(name)", withDestinationPath: victim)
            try FileManager.default.createDirectory(atPath: folder + "/out", withIntermediateDirectories: true)
            let before = (FolderState(shop.recipe), FolderState(victim))
            for verb in Self.verbs(shop, folder + "/out") {
                #expect(try BelfryProcess.run(verb).exitCode == 0, "\(verb)")
                #expect(FolderState(shop.recipe) == before.0 && FolderState(victim) == before.1, "\(verb)")
            }
            // A writer does not write there either, and says what to do.
            for verb in [["build"], ["build", "--limit", "20", "--replace"]] {
                let outcome = try BelfryProcess.run(verb + [shop.recipe])
                #expect(outcome.exitCode == 1 && outcome.errors.contains("symbolic link"), "\(outcome)")
                #expect(outcome.errors.contains("→"), "a remedy: \(outcome)")
                #expect(FolderState(shop.recipe) == before.0 && FolderState(victim) == before.1, "\(verb)")
            }
        }
    }

    /// The folder of an unfinished build, and the lock, may be links as well.
    @Test func aWriterDoesNotGoThroughOtherLinks() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.built(folder)
            let victim = folder + "/victim"
            for mine in ["catalog.sqlite", "segments/000001/ids", "thesis.txt"] { try Self.write("\(victim)/\(mine)") }
            let before = FolderState(victim)
            for name in ["shop.belfry.building", "shop.belfry/lock", "shop.belfry/catalog.seal"] {
                let place = "\(shop.recipe)/\(name)"
                let target = name.hasSuffix("building") ? victim : victim + "/thesis.txt"
                try? FileManager.default.removeItem(atPath: place)
                try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: target)
                for more in [[], ["--limit", "20", "--replace"]] {
                    let outcome = try BelfryProcess.run(["build", shop.recipe] + more)
                    #expect(outcome.exitCode == 1 && outcome.errors.contains("link"), "\(name) \(more): \(outcome)")
                    #expect(FolderState(victim) == before, "\(name)")
                }
                try FileManager.default.removeItem(atPath: place)
            }
        }
    }

    private static let canMount =
        (try? BelfryProcess.run(["--version"], through: ["/usr/bin/unshare", "-m"]))?.exitCode == 0

    @Test(.enabled(if: canMount, "a read-only mount cannot be made here")) func aReadOnlyDiskIsRead() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.built(folder)
            try Self.write(shop.collection + "/segments/000009/ids")
            try FileManager.default.removeItem(atPath: shop.collection + "/lock")
            try FileManager.default.createDirectory(atPath: folder + "/out", withIntermediateDirectories: true)
            let mount = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && exec \"$@\""
            let through = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", mount, shop.recipe]
            let touched = try BelfryProcess.run(
                [], through: through + ["/bin/sh", "-c", "! touch \"$0\"", shop.recipe + "/probe"])
            #expect(touched.exitCode == 0, "the mount is read-only")
            for verb in Self.verbs(shop, folder + "/out") {
                let outcome = try BelfryProcess.run(verb, through: through)
                #expect(outcome.exitCode == 0, "\(verb): \(outcome)")
            }
            let clean = try BelfryProcess.run(["build", shop.recipe], through: through)
            #expect(clean.exitCode == 1 && clean.errors.contains("Read-only"), "\(clean)")
            try FileManager.default.removeItem(atPath: shop.collection + "/segments/000009")
            let build = try BelfryProcess.run(["build", shop.recipe], through: through)
            #expect(build.exitCode == 0 && build.output.contains("up to date"), "\(build)")
        }
    }

    private static let asNobody = [
        "/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
    ]
    private static let canBeNobody = (try? BelfryProcess.run(["--version"], through: asNobody))?.exitCode == 0

    @Test(.enabled(if: canBeNobody, "another user cannot be had here")) func aDirectoryOfSomebodyElsesIsRead() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.built(folder)
            try Self.write(shop.collection + "/NOTES.txt")
            try FileManager.default.createDirectory(
                atPath: folder + "/out", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o777])
            let before = FolderState(shop.recipe)
            for verb in Self.verbs(shop, folder + "/out") {
                let outcome = try BelfryProcess.run(verb, through: Self.asNobody)
                #expect(outcome.exitCode == 0, "\(verb): \(outcome)")
            }
            let change = try BelfryProcess.run(
                ["build", shop.recipe, "--limit", "9", "--replace"], through: Self.asNobody)
            #expect(change.exitCode == 1 && !change.errors.isEmpty, "\(change)")
            #expect(FolderState(shop.recipe).differences(from: before).isEmpty)
        }
    }

    @Test func tenProcessesOpenItAtOnce() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.built(folder)
            try Self.write(shop.collection + "/NOTES.txt")
            try Self.write(shop.collection + "/segments/000009/ids")
            let before = FolderState(shop.recipe)
            let expected = try BelfryProcess.run(["search", shop.collection, "red lamp", "--json"]).output
            DispatchQueue.concurrentPerform(iterations: 10) { process in
                let outcome = try? BelfryProcess.run(["search", shop.collection, "red lamp", "--json"])
                #expect(outcome?.exitCode == 0 && outcome?.output == expected, "process \(process)")
            }
            #expect(FolderState(shop.recipe) == before)
        }
    }

    /// A writer that was killed inside a large transaction: part of it is in the database, and a journal beside it.
    @Test func aHalfWrittenCatalogueIsReadAsItWasAndMendedByAWriter() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.built(folder)
            let database = shop.collection + "/catalog.sqlite"
            let copy = folder + "/copy"
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
            struct Stop: Error {}
            _ = try? Catalogue(database, .create).write { transaction in
                try transaction.put("filler", String(repeating: "more than the cache holds ", count: 400_000))
                for suffix in ["", "-journal"] {
                    try FileManager.default.copyItem(atPath: database + suffix, toPath: copy + "/c" + suffix)
                }
                throw Stop()
            }
            let whole = try Data(contentsOf: URL(fileURLWithPath: database))
            for suffix in ["", "-journal"] {
                try? FileManager.default.removeItem(atPath: database + suffix)
                try FileManager.default.copyItem(atPath: copy + "/c" + suffix, toPath: database + suffix)
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: database)) != whole)
            let before = FolderState(shop.recipe)
            try FileManager.default.createDirectory(atPath: folder + "/out", withIntermediateDirectories: true)
            for verb in Self.verbs(shop, folder + "/out") {
                let outcome = try BelfryProcess.run(verb)
                #expect(outcome.exitCode == 0, "\(verb): \(outcome)")
                #expect(FolderState(shop.recipe) == before, "\(verb)")
            }
            let build = try BelfryProcess.run(["build", shop.recipe])
            #expect(build.exitCode == 0 && build.errors.contains("Rolled back"), "\(build)")
            #expect(!FileManager.default.fileExists(atPath: database + "-journal"))
            #expect(try Data(contentsOf: URL(fileURLWithPath: database)) == whole)
            #expect(try BelfryProcess.run(["check", shop.collection]).exitCode == 0)
        }
    }

    /// A database in SQLite's other mode would have files made beside it by who reads it.
    @Test func aCatalogueThatReadingWouldWriteToIsRefused() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.built(folder)
            var bytes = try Data(contentsOf: URL(fileURLWithPath: shop.collection + "/catalog.sqlite"))
            (bytes[18], bytes[19]) = (2, 2)
            try bytes.write(to: URL(fileURLWithPath: shop.collection + "/catalog.sqlite"))
            var before = FolderState(shop.recipe)
            let outcome = try BelfryProcess.run(["stats", shop.collection])
            #expect(outcome.exitCode == 3 && outcome.errors.contains("byte 18"), "\(outcome)")
            #expect(FolderState(shop.recipe) == before)
            // The log of that mode alone: it is somebody else's.
            (bytes[18], bytes[19]) = (1, 1)
            try bytes.write(to: URL(fileURLWithPath: shop.collection + "/catalog.sqlite"))
            try Self.write(shop.collection + "/catalog.sqlite-wal", String(repeating: "7", count: 9_000))
            before = FolderState(shop.recipe)
            for verb in [["stats", shop.collection], ["check", shop.collection]] {
                let outcome = try BelfryProcess.run(verb)
                #expect(outcome.exitCode == 0, "\(outcome)")
                #expect(FolderState(shop.recipe) == before)
            }
        }
    }
}
