public import ArgumentParser
import Belfry
public import Files
import Foundation
import Recipes

struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a build will take, before it begins: memory, disk, minutes, segments.",
        discussion: """
            belfry plan Indexes/products --memory-limit 1G

            Reads all rows, builds some of them for trial in a temporary folder, and says what all of them will take. Nothing is \
            left behind. Memory and disk come within a fifth of what the build takes; minutes are those of this machine as busy as \
            it is now.
            """)

    @Argument(help: "The folder with recipe.yaml.") var recipe: String
    @Option(help: "Plan a build of the first points only, so many of them (default: all rows).") var limit: Int?
    @Option(help: "Plan a build of so many points, drawn from all parts of the rows.") var sample: Int?
    @OptionGroup var memory: MemoryOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        for recipe in try RecipeFile(recipe).recipes() { try plan(recipe) }
    }

    private func plan(_ recipe: Recipe) throws {
        let progress = StageProgress()
        defer { progress.finish(failed: true) }
        let bad = BadRowLog()
        var builder = CollectionBuilder(recipe, limit: limit, sample: sample, threads: threads.threads)
        builder.memoryLimit = memory.bytes
        let forecast = try builder.forecast(
            .init(
                badRow: { bad.add($0) }, reading: { progress.show("reading", $0, of: $1, .bytes) },
                progress: { progress.show("embedding for trial", $0, of: $1, .items) },
                indexing: { progress.show("indexing: \($0)", $1, of: $2, .items) }))
        progress.finish(failed: false)
        guard !output.json else { return Terminal.print(forecast.json.text()) }
        Terminal.print(
            "\(recipe.collectionPath): \(Human.count(forecast.points, "point")) of \(forecast.dimension) components, "
                + "\(Human.count(forecast.badRows, "bad row")), \(Human.count(forecast.segments, "segment"))\n")
        Self.table(forecast).lines(width: Terminal.width).forEach(Terminal.print)
    }

    private static func table(_ forecast: BuildForecast) -> Table {
        var table = Table([
            .init(title: "what"), .init(title: "forecast", alignment: .right),
            .init(title: "it rests on", shrinks: true),
        ])
        func minutes(_ seconds: Double) -> String { Human.duration(.seconds(seconds)) }
        let trial = "\(Human.count(forecast.trialPoints)) rows built for trial"
        table.add([
            "memory", Human.bytes(forecast.memory),
            "embedding \(Human.bytes(forecast.embeddingMemory)), index of \(Human.count(forecast.rowsPerSegment)) rows "
                + "\(Human.bytes(forecast.indexingMemory)); the limit is \(Human.bytes(forecast.memoryLimit))",
        ])
        table.add([
            "disk", Human.bytes(forecast.disk),
            String(
                format: "%.0f bytes a vector, %.0f a point in the catalogue: ", forecast.shardBytesPerVector,
                forecast.catalogueBytesPerPoint) + trial,
        ])
        table.add(["disk while it is built", Human.bytes(forecast.diskWhileBuilding), "the rows as they were embedded"])
        table.add(["reading", minutes(forecast.readingSeconds), "all rows were read, and are read three times"])
        table.add(["embedding", minutes(forecast.embeddingSeconds), trial])
        table.add(["indexing", minutes(forecast.indexingSeconds), "\(forecast.index), " + trial])
        return table
    }
}

/// How much memory a verb may take that builds or merges.
struct MemoryOptions: ParsableArguments {
    @Option(
        help:
            "Memory that the process may have, as 1G or 512M: what does not fit into one segment becomes several (default: half of what there is)."
    )
    var memoryLimit: ByteSize?

    var bytes: Int? { memoryLimit?.bytes }
}

extension ByteSize: ExpressibleByArgument {
    /// A size as people write it.
    public init?(argument: String) { self.init(argument) }
}
