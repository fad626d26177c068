import ArgumentParser
import Belfry
import Files
import Recipes

struct Snapshot: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy a collection as it is at one moment, also while another process writes to it.",
        discussion: """
            belfry snapshot shop.belfry --to backup/shop-2026-11-29.belfry

            The copy is a collection like any other, on any file system: it can be searched, and restored. Every byte of it is \
            verified before it is put there.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(help: "Where the copy goes: a path that ends in .belfry.") var to: String
    @OptionGroup var output: OutputOptions

    func run() throws {
        try CollectionCopy.make(of: RecipeFile.collection(at: collection), at: to) { Terminal.note($0) }
        try CopiedCollection.report(to, json: output.json)
    }
}

struct Restore: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put a snapshot in a collection's place.",
        discussion: """
            belfry restore backup/shop-2026-11-29.belfry --to shop.belfry --replace

            The snapshot is verified first, and stays as it is. A collection that it replaces serves until the last moment.
            """)

    @Argument(help: "The snapshot.") var snapshot: String
    @Option(help: "Where the collection is to be.") var to: String
    @Flag(help: "Replace the collection that is there.") var replace = false
    @OptionGroup var output: OutputOptions

    func run() throws {
        try CollectionCopy.make(of: snapshot, at: to, replacing: replace) { Terminal.note($0) }
        try CopiedCollection.report(to, json: output.json)
    }
}

/// What is said of a copy.
private enum CopiedCollection {
    static func report(_ path: String, json: Bool) throws {
        let points = try VectorCollection(path).count
        if json {
            Terminal.print(JSON.object(["path": .string(path), "points": .integer(Int64(points))]).text())
        } else {
            Terminal.print("\(path): \(Human.count(points, "point"))")
        }
    }
}
