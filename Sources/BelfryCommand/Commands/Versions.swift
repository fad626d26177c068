import ArgumentParser
import Belfry
import Files
import Foundation
import Recipes

struct Reembed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Embed a collection's points by another tower, as a version beside the first.",
        discussion: """
            belfry reembed Indexes/products --tower e5.tower --to v2
            belfry reembed shop.belfry --tower e5.tower --to v2 --text "{title}. {brand}"
            belfry search shop.belfry@v2 "red shoe"
            belfry vectors shop.belfry --drop @v2

            Of a recipe's collection the rows are read again; of another one, --text says what of the payload is embedded. \
            The first version is searched meanwhile. What has a vector of the version is not embedded again: a run that was \
            interrupted goes on, and later runs embed what was written since.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(help: "The tower's directory.") var tower: String
    @Option(name: .customLong("to"), help: "The name of the version.") var version: String
    @Option(help: "The name of the vectors that are embedded again, where the collection has several kinds.")
    var using = ""
    @Option(help: "What of the payload is embedded, as \"{title}. {brand}\" (default: the recipe's rows).")
    var text: String?
    @OptionGroup var memory: MemoryOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let source: Reembedding.Source
        if let text {
            source = .payload(text)
        } else if let recipe = try? Recipe(folder: collection) {
            source = .rows(recipe)
        } else {
            throw ValidationError(
                "Say with --text what of the payload is embedded, as \"{title}. {brand}\", or name the recipe's folder."
            )
        }
        let opened = try VectorCollection(at: collection, for: .writing, memoryLimit: memory.bytes)
        let progress = StageProgress()
        defer { progress.finish(failed: true) }
        let work = try await Reembedding(
            opened, version: version, of: using, tower: tower, from: source, threads: threads.threads)
        let summary = try await work.run { progress.show("embedding", $0, of: $1, .items) }
        try await opened.close()
        progress.finish(failed: false)
        if output.json {
            Terminal.print(
                JSON.object([
                    "version": .string(version), "embedded": .integer(Int64(summary.embedded)),
                    "kept": .integer(Int64(summary.kept)), "left": .integer(Int64(summary.left)),
                ]).text())
        } else {
            let kept = summary.kept > 0 ? ", \(Human.count(summary.kept)) had a vector" : ""
            let left = summary.left > 0 ? ", \(Human.count(summary.left)) have nothing that can be embedded" : ""
            Terminal.print("version \(version): \(Human.count(summary.embedded, "point")) embedded\(kept)\(left)")
        }
    }
}

struct Alias: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give a collection, or a version of it, another name; or show the names there are.",
        discussion: """
            belfry alias Indexes/products shop products
            belfry alias Indexes/products shop products@v2
            belfry alias Indexes/products --delete shop
            belfry search Indexes/products/shop "red shoe"

            Whoever asks for the name gets what it stood for before, or what it stands for now: it is switched in one step, \
            and back.
            """)

    @Argument(help: "The folder that holds the collections.") var folder: String
    @Argument(help: "The name.") var name: String?
    @Argument(help: "What it stands for: a collection of the folder without its ending, or collection@version.")
    var target: String?
    @Option(name: .customLong("delete"), help: "A name that is to go.") var deleted: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (name == nil) == (target == nil) else { throw ValidationError("Give a name and what it stands for.") }
        guard name == nil || deleted == nil else { throw ValidationError("--delete goes by itself.") }
    }

    func run() throws {
        var aliases = try Aliases(of: folder)
        if let name, let target {
            aliases = try Aliases.change([(name, .init(target.replacing(".belfry", with: "")))], in: folder)
        }
        if let deleted { aliases = try Aliases.change([(deleted, nil)], in: folder) }
        let all = aliases.targets.sorted { $0.key < $1.key }
        if output.json {
            Terminal.print(
                JSON.object(JSON.Members(all.map { ($0.key, JSON.string($0.value.description)) })).text())
        } else if all.isEmpty {
            Terminal.print("No collection has another name.")
        } else {
            for (name, target) in all { Terminal.print("\(name) → \(target)") }
        }
    }
}
