import ArgumentParser
import Belfry
import Files
import Foundation
import Recipes

struct Build: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Build the collection of a recipe: catalogue → tower → shards → index.",
        discussion: """
            belfry build Indexes/products --sample 5000

            A build that was interrupted goes on from its last finished segment. Rows that cannot be used are reported \
            with their line. Where only rows or users have changed, what was made of the same text or fields is not embedded \
            again, and points that others wrote stay. A recipe with variants builds all of them; Indexes/movielens/softmax names one. A collection that holds files of yours \
            is not replaced: the message names them. What does not fit into --memory-limit as one segment becomes several.
            """)

    @Argument(help: "The folder with recipe.yaml.") var recipe: String
    @Option(help: "Build the first points only, so many of them (default: all rows).") var limit: Int?
    @Option(help: "Build so many points, drawn from all parts of the rows; the same ones every time.") var sample: Int?
    @Flag(help: "Build again over a collection that was built from something else.") var replace = false
    @Option(help: "What all that is random in the index starts from.") var seed: UInt64 = 1
    @OptionGroup var memory: MemoryOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if let sample, sample < 1 { throw ValidationError("--sample must be at least 1.") }
        if limit != nil, sample != nil {
            throw ValidationError("--limit takes the first rows, --sample some of all: leave one out.")
        }
    }

    func run() throws {
        for recipe in try RecipeFile(recipe).recipes() { try build(recipe) }
    }

    private func build(_ recipe: Recipe) throws {
        let start = ContinuousClock.now
        let progress = StageProgress()
        defer { progress.finish(failed: true) }
        let bad = BadRowLog()
        var builder = CollectionBuilder(
            recipe, limit: limit, sample: sample, threads: threads.threads, replace: replace)
        builder.seed = seed
        builder.memoryLimit = memory.bytes
        let summary = try builder.build(
            .init(
                badRow: { bad.add($0) }, reading: { progress.show("reading", $0, of: $1, .bytes) },
                progress: { progress.show("embedding", $0, of: $1, .items) },
                indexing: { progress.show("indexing: \($0)", $1, of: $2, .items) }, note: { Terminal.note($0) }))
        progress.finish(failed: false)

        if output.json {
            Terminal.print(summary.json.text())
        } else if summary.wasUpToDate {
            Terminal.print("\(summary.path) is up to date: \(Human.count(summary.points, "point")).")
        } else {
            let resumed =
                summary.resumedPoints > 0 ? ", \(Human.count(summary.resumedPoints)) of them kept from before" : ""
            let kept = summary.keptPoints > 0 ? ", \(Human.count(summary.keptPoints)) embedded before" : ""
            let others = summary.othersPoints > 0 ? ", \(Human.count(summary.othersPoints)) written by others" : ""
            Terminal.print(
                "\(summary.path): \(Human.count(summary.points, "point"))\(resumed), "
                    + "\(Human.count(summary.badRows, "bad row"))\(kept)\(others), \(Human.duration(.now - start)).")
        }
    }
}
