import ArgumentParser
import Belfry
import Files
import Foundation

struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the figures of a collection: points, sizes, compression.",
        discussion: "belfry stats Indexes/products --json")

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @OptionGroup var output: OutputOptions

    func run() throws {
        let statistics = try Collection(collection).statistics()
        if output.json {
            try Terminal.print(JSON(encoding: statistics).text())
            return
        }
        let lines = [
            ("collection", statistics.name),
            ("points", Human.count(statistics.points)),
            ("vectors", "\(statistics.dimension) × \(statistics.element), \(statistics.metric)"),
            ("tower", "\(statistics.tower), fingerprint \(statistics.fingerprint.prefix(12))"),
            ("segments", Human.count(statistics.segments)),
            (
                "shards",
                "\(Human.bytes(statistics.shardBytes)) for \(Human.bytes(statistics.rawVectorBytes)) of vectors"
            ),
            ("compression", String(format: "%.3f, lossless", statistics.compressionRatio)),
            ("bytes per vector", String(format: "%.1f on disk", statistics.bytesPerVector)),
            ("catalogue", Human.bytes(statistics.catalogueBytes)),
            ("ids", Human.bytes(statistics.idBytes)),
        ]
        for (name, value) in lines {
            Terminal.print(name + String(repeating: " ", count: 18 - name.count) + value)
        }
    }
}
