import ArgumentParser
import Belfry
import Files
import Foundation
import Neighbors

struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the figures of a collection: points, sizes, compression, the index and its recall.",
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
            (
                "bytes per vector",
                String(
                    format: "%.1f in memory (codes and index), %.1f on disk (%.1f of them the shard)",
                    statistics.memoryBytesPerVector, statistics.diskBytesPerVector, statistics.bytesPerVector)
            ),
            ("index", "\(statistics.index) (the recipe says: \(statistics.indexRequest))"),
            ("why", statistics.indexReason ?? "the recipe names it"),
            ("recall", "\(statistics.recall) unless a search names its own"),
            ("catalogue", Human.bytes(statistics.catalogueBytes)),
            ("ids", Human.bytes(statistics.idBytes)),
        ]
        for (name, value) in lines {
            Terminal.print(name + String(repeating: " ", count: 18 - name.count) + value)
        }
        Terminal.print("")
        for table in [Self.choiceTable(statistics), Self.recallTable(statistics)] { table.forEach(Terminal.print) }
    }

    /// What auto measured, if it did.
    private static func choiceTable(_ statistics: Collection.Statistics) -> [String] {
        guard let candidates = statistics.indexChoice?.candidates, !candidates.isEmpty else { return [] }
        var table = Table(
            ["index", "searches/s", "distances", "built in"].map {
                .init(title: $0, alignment: $0 == "index" ? .left : .right)
            })
        for candidate in candidates {
            table.add([
                candidate.kind.rawValue, Human.count(candidate.queriesPerSecond),
                Human.count(candidate.evaluations),
                // A scan needs the codes only, which every index has.
                candidate.kind == .exact ? "" : Human.duration(.seconds(candidate.buildSeconds)),
            ])
        }
        return ["Measured on the rows themselves, for k = \(statistics.indexChoice?.k ?? 0), on one thread:"]
            + table.lines(width: Terminal.width) + [""]
    }

    /// What a search may expect, and where that is known from.
    private static func recallTable(_ statistics: Collection.Statistics) -> [String] {
        guard let source = statistics.calibration else {
            return ["Every search looks at every row, and its recall is 1."]
        }
        var table = Table(
            ["k", "target", "expected", "below target", "distances", "bytes", "effort"].map {
                .init(title: $0, alignment: $0 == "effort" ? .left : .right)
            })
        for row in statistics.expectations {
            table.add([
                "\(row.k)", Human.share(row.target), row.recall.map(Human.share) ?? "unknown",
                row.shareBelowTarget.map(Human.percent) ?? "unknown",
                row.evaluations.map { Human.count($0) } ?? "unknown",
                row.bytes.map { Human.bytes($0) } ?? "not counted", row.effort,
            ])
        }
        let why = statistics.calibrationFallback.map { " (\($0))" } ?? ""
        return ["Per search, \(source)\(why):"] + table.lines(width: Terminal.width)
    }
}
