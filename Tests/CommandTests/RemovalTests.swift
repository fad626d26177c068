import Files
import Foundation
import TestSupport
import Testing

@testable import Belfry

/// Writers remove what Belfry made, say so, and leave everything else where it is.
@Suite struct RemovalTests {
    private static let dead = "2147483647-00000000-0000-0000-0000-000000000000"

    @Test func theNextWriterRemovesWhatACrashLeft() throws {
        try withTemporaryDirectory { folder in
            let shop = try ReadingTests.built(folder)
            let left = [
                "segments/000009/ids", "segments/000009/vectors.shard", "segments/000009/hnsw/graph",
                "catalog.seal.belfry-\(Self.dead)", "catalog.copy", "catalog.copy-journal",
            ]
            let mine = [
                "NOTES.txt", ".git/HEAD", "segments/mine/1.jpg", "segments/000010/letter", "segments/0000011/ids",
                "segments/12/ids", "towers/other/tower.json", "catalog.seal.belfry-notes", "catalog.sqlite.bak",
            ]
            for name in left + mine { try ReadingTests.write("\(shop.collection)/\(name)") }
            let build = try BelfryProcess.run(["build", shop.recipe])
            #expect(build.exitCode == 0 && build.output.contains("up to date"), "\(build)")
            for name in left {
                #expect(!FileManager.default.fileExists(atPath: "\(shop.collection)/\(name)"), "\(name)")
            }
            for name in mine {
                #expect(FileManager.default.fileExists(atPath: "\(shop.collection)/\(name)"), "\(name)")
            }
            for name in ["segments/000009", "catalog.copy", "catalog.seal.belfry-\(Self.dead)"] {
                #expect(build.errors.contains(name), "\(name) is named: \(build.errors)")
            }
            #expect(try BelfryProcess.run(["build", shop.recipe]).errors.isEmpty)
            // A change of what is shown is a writer, too.
            try ReadingTests.write("\(shop.collection)/catalog.copy")
            let collection = try VectorCollection(shop.collection)
            try collection.change(show: ["title"], recall: 0.9, texts: .byMeaning, reranker: nil)
            #expect(!FileManager.default.fileExists(atPath: "\(shop.collection)/catalog.copy"))
        }
    }

    @Test(arguments: [
        "NOTES.txt", ".git/HEAD", "segments/000001/NOTES.txt", "towers/tiny.tower/README.md", "segments/x",
    ])
    func replacingDoesNotLoseForeignFiles(_ name: String) throws {
        try withTemporaryDirectory { folder in
            let shop = try ReadingTests.built(folder)
            // The only segment may have another number.
            let name = name.replacing("segments/000001", with: try shop.segment.dropFirst(shop.collection.count + 1))
            let mine = "\(shop.collection)/\(name)"
            try ReadingTests.write(mine)
            let before = FolderState(shop.collection)
            let build = try BelfryProcess.run(["build", shop.recipe, "--limit", "20", "--replace"])
            #expect(build.exitCode == 1 && build.errors.contains(name.prefix(4)), "\(build)")
            #expect(build.errors.contains("Move it"), "how to mend it: \(build)")
            #expect(FolderState(shop.collection).differences(from: before).isEmpty)
            try FileManager.default.removeItem(atPath: mine)
            for folder in [".git", "segments/x"] {
                try? FileManager.default.removeItem(atPath: "\(shop.collection)/\(folder)")
            }
            let again = try BelfryProcess.run(["build", shop.recipe, "--limit", "20", "--replace"])
            #expect(again.exitCode == 0, "\(again)")
        }
    }

    /// What comes while the new collection is being built.
    @Test func aFileThatComesLateIsNotLostEither() throws {
        try withTemporaryDirectory { folder in
            let shop = try ReadingTests.built(folder)
            let crashed = try BelfryProcess.run(
                ["build", shop.recipe, "--limit", "20", "--replace"], environment: ["BELFRY_CRASH_AT": "swapped"])
            #expect(crashed.exitCode == 128 + SIGKILL)
            // The old collection is in the folder of the build now.
            let mine = shop.collection + ".building/NOTES.txt"
            try ReadingTests.write(mine)
            for more in [["--limit", "20"], ["--replace"]] {
                let build = try BelfryProcess.run(["build", shop.recipe] + more)
                #expect(build.exitCode == 1 && build.errors.contains("NOTES.txt"), "\(build)")
                #expect(FileManager.default.fileExists(atPath: mine))
            }
            try FileManager.default.removeItem(atPath: mine)
            let build = try BelfryProcess.run(["build", shop.recipe, "--limit", "20"])
            #expect(build.exitCode == 0 && build.errors.contains(".building"), "\(build)")
            #expect(!FileManager.default.fileExists(atPath: shop.collection + ".building"))
        }
    }

    /// A new kind of file must be among the names, or it could not be replaced.
    @Test(arguments: ["auto", "hnsw", "ivf", "exact"]) func allThatABuildMakesIsBelfrys(_ index: String) throws {
        try withTemporaryDirectory { folder in
            let shop = try ReadingTests.built(folder, rows: 300, index: index)
            let layout = CollectionLayout(path: shop.collection)
            #expect(try Directory(shop.collection).foreign(to: layout.belongings()) == [])
            let collection = try VectorCollection(shop.collection)
            let files = collection.view.segments.map { ($0.segment.number, Set($0.segment.record.files)) }
            #expect(try layout.leftovers(Dictionary(uniqueKeysWithValues: files)) == [])
            #expect(try layout.removeAll(tower: nil) == [])
            #expect(!FileManager.default.fileExists(atPath: shop.collection))
        }
    }

    @Test func aTowerIsReplacedWithoutLosingForeignFiles() throws {
        try withTemporaryDirectory { folder in
            let tower = folder + "/tiny.tower"
            let replace = ["tower", "import", Shop.model, "--to", tower, "--replace"]
            #expect(try BelfryProcess.run(replace).exitCode == 0)
            for name in ["NOTES.txt", ".git/HEAD"] { try ReadingTests.write("\(tower)/\(name)") }
            let before = FolderState(folder)
            let refused = try BelfryProcess.run(replace)
            #expect(refused.exitCode == 1, "\(refused)")
            for word in ["NOTES.txt", ".git", "Move it"] { #expect(refused.errors.contains(word), "\(refused)") }
            #expect(FolderState(folder).differences(from: before).filter { !$0.isEmpty } == [])
            for name in ["NOTES.txt", ".git"] { try FileManager.default.removeItem(atPath: "\(tower)/\(name)") }
            // A manifest that is damaged does not name its files: those of the new tower are the same.
            try ReadingTests.write(tower + "/tower.json", "{")
            #expect(try BelfryProcess.run(replace).exitCode == 0)
            #expect(try BelfryProcess.run(["tower", "check", tower]).exitCode == 0)
            // What an import left that was killed, and a folder that is only called alike.
            try ReadingTests.write("\(tower).importing-\(Self.dead)/model.safetensors")
            try ReadingTests.write("\(tower).importing-notes/thesis.txt")
            let victim = folder + "/victim"
            try ReadingTests.write(victim + "/thesis.txt")
            let link = "\(tower).importing-2147483646-00000000-0000-0000-0000-000000000000"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: victim)
            let swept = try BelfryProcess.run(replace)
            #expect(swept.exitCode == 0 && swept.errors.contains("importing-\(Self.dead)"), "\(swept)")
            #expect(!FileManager.default.fileExists(atPath: "\(tower).importing-\(Self.dead)"))
            for name in ["\(tower).importing-notes/thesis.txt", victim + "/thesis.txt", link] {
                #expect(FileManager.default.fileExists(atPath: name), "\(name)")
            }
        }
    }

    @Test func whatIsWrittenBesideAFileIsOnlyOurs() throws {
        try withTemporaryDirectory { folder in
            let shop = try ReadingTests.built(folder)
            let (map, vectors) = (folder + "/map.html", folder + "/v.npy")
            for out in [map, vectors] {
                for name in [".tmp", ".belfry-\(Self.dead)", ".belfry-draft"] { try ReadingTests.write(out + name) }
            }
            let runs = [
                try BelfryProcess.run(["map", shop.collection, "--out", map]),
                try BelfryProcess.run(["embed", shop.tower, "--output", vectors], input: "a lamp\n"),
            ]
            for (run, out) in zip(runs, [map, vectors]) {
                #expect(run.exitCode == 0 && run.errors.contains("belfry-\(Self.dead)"), "\(run)")
                #expect(FileManager.default.fileExists(atPath: out))
                #expect(FileManager.default.fileExists(atPath: out + ".tmp"))
                #expect(FileManager.default.fileExists(atPath: out + ".belfry-draft"))
                #expect(!FileManager.default.fileExists(atPath: out + ".belfry-\(Self.dead)"))
            }
        }
    }
}
