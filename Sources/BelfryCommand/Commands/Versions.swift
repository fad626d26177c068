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
            belfry alias Indexes/products shop --try products@v2 --share 0.1
            belfry alias Indexes/products shop --try products@v2 --shadow
            belfry alias Indexes/products shop --end-trial
            belfry search Indexes/products/shop "red shoe"

            Whoever asks for the name gets what it stood for before, or what it stands for now: it is switched in one step, \
            and back. A server gives a tried version's answers to its share of those who send a header (x-user), the same \
            ones always; or asks a shadow as well and counts in /metrics how its answers differ.
            """)

    @Argument(help: "The folder that holds the collections.") var folder: String
    @Argument(help: "The name.") var name: String?
    @Argument(help: "What it stands for: a collection of the folder without its ending, or collection@version.")
    var target: String?
    @Option(name: .customLong("try"), help: "A collection or version that a server tries under the name.")
    var tried: String?
    @Option(help: "The part of what is asked that it gets, as 0.1 (default: all).") var share: Double?
    @Option(help: "The header whose value says who is of that part.") var header = Aliases.Trial.usualHeader
    @Flag(help: "It is asked as well, and the first one answers.") var shadow = false
    @Flag(help: "Nothing is tried under the name any more.") var endTrial = false
    @Option(name: .customLong("delete"), help: "A name that is to go.") var deleted: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        let isOnTrial = tried != nil || endTrial
        guard (name == nil) == (target == nil && !isOnTrial) else {
            throw ValidationError("Give a name and what it stands for.")
        }
        guard !(tried != nil && endTrial) else { throw ValidationError("--end-trial goes without --try.") }
        guard tried != nil || (share == nil && !shadow) else {
            throw ValidationError("--share and --shadow go with --try.")
        }
        guard name == nil || deleted == nil else { throw ValidationError("--delete goes by itself.") }
    }

    func run() throws {
        var aliases = try Aliases(of: folder)
        if let name, let target {
            aliases = try Aliases.change([(name, .init(target.replacing(".belfry", with: "")))], in: folder)
        }
        if let name, tried != nil || endTrial {
            let trial = tried.map { tried in
                Aliases.Trial(
                    .init(tried.replacing(".belfry", with: "")), share: share ?? 1, isShadow: shadow,
                    by: header.lowercased())
            }
            aliases = try Aliases.tryOut(trial, under: name, in: folder)
        }
        if let deleted { aliases = try Aliases.change([(deleted, nil)], in: folder) }
        let all = aliases.targets.sorted { $0.key < $1.key }
        if output.json {
            Terminal.print(
                JSON.object(JSON.Members(all.map { ($0.key, aliases.json(of: $0.key) ?? .null) })).text())
        } else if all.isEmpty {
            Terminal.print("No collection has another name.")
        } else {
            for (name, target) in all {
                let trial = aliases.trials[name].map { trial in
                    let share = trial.share == 1 ? "" : " for \(trial.share) of all"
                    return trial.isShadow
                        ? ", with \(trial.target) asked as well\(share)"
                        : ", \(trial.target) for \(trial.share) of those who send \(trial.header)"
                }
                Terminal.print("\(name) → \(target)\(trial ?? "")")
            }
        }
    }
}
