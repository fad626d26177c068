import ArgumentParser
import Belfry
import Files
import Foundation
import Neighbors
import Recipes

struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the figures of a collection: points, sizes, compression, the index and its recall.",
        discussion: "belfry stats Indexes/products --json")

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @OptionGroup var output: OutputOptions

    func run() throws {
        let statistics = try VectorCollection(at: collection).statistics()
        if output.json {
            Terminal.print(statistics.json.text())
            return
        }
        let lines = [
            ("collection", statistics.name),
            ("points", Human.count(statistics.points)),
            ("vectors", "\(statistics.dimension) × \(statistics.element), \(statistics.metric)"),
            (
                "tower",
                statistics.tower.map { "\($0), fingerprint \((statistics.fingerprint ?? "").prefix(12))" } ?? "none"
            ),
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
            (
                "recall",
                "\(statistics.recall) unless a search names its own"
                    + (statistics.recallReason.map { ": \($0)" } ?? "")
            ),
            ("catalogue", Human.bytes(statistics.catalogueBytes)),
            ("ids", Human.bytes(statistics.idBytes)),
        ]
        for (name, value) in lines {
            Terminal.print(name + String(repeating: " ", count: 18 - name.count) + value)
        }
        for space in statistics.spaces ?? [] {
            Terminal.print(
                "  \(space.name.isEmpty ? "(no name)" : space.name): \(Human.count(space.vectors)) × \(space.dimension) "
                    + "\(space.element), \(space.metric), \(space.tower ?? "no tower"), "
                    + "\(Human.count(space.segments, "segment")), \(space.index), \(Human.bytes(space.bytes))")
        }
        Terminal.print("")
        for table in [Self.choiceTable(statistics), Self.kindTable(statistics), Self.recallTable(statistics)] {
            table.forEach(Terminal.print)
        }
    }

    /// What auto measured, if it did.
    private static func choiceTable(_ statistics: VectorCollection.Statistics) -> [String] {
        guard let candidates = statistics.indexChoice?.candidates, !candidates.isEmpty else { return [] }
        let kinds = candidates.first?.queries.map(\.kind.description) ?? []
        var table = Table(
            (["index", "µs a query"] + kinds + ["distances", "built in"]).map {
                .init(title: $0, alignment: $0 == "index" ? .left : .right)
            })
        for candidate in candidates {
            table.add(
                [candidate.kind.rawValue, candidate.microseconds.map(microseconds) ?? "not promised"]
                    + kinds.indices.map {
                        $0 < candidate.queries.count ? microseconds(candidate.queries[$0].microseconds) : ""
                    }
                    + [
                        Human.count(candidate.evaluations),
                        // A scan needs the codes only, which every index has.
                        candidate.kind == .exact ? "" : Human.duration(.seconds(candidate.buildSeconds)),
                    ])
        }
        return ["Processor time of one thread for k = \(statistics.indexChoice?.k ?? 0), by kind of query:"]
            + table.lines(width: Terminal.width) + [""]
    }

    private static func microseconds(_ value: Double) -> String { String(format: value < 10 ? "%.1f" : "%.0f", value) }

    /// What each kind of query found at the collection's own recall.
    private static func kindTable(_ statistics: VectorCollection.Statistics) -> [String] {
        guard let expectation = statistics.standard, !expectation.kinds.isEmpty else { return [] }
        let low = Human.share(max(0, expectation.target - RecallPromise.margin))
        var table = Table(
            ["kind of query", "asked", "recall", "below \(low)", "nearest missed", "distances"].map {
                .init(title: $0, alignment: $0 == "kind of query" ? .left : .right)
            })
        for kind in expectation.kinds {
            table.add([
                kind.kind.description, Human.count(kind.queries), Human.share(kind.recall),
                Human.percent(kind.shareLow),
                Human.percent(kind.shareMissingNearest), Human.count(Int(kind.evaluations.rounded())),
            ])
        }
        return [
            "Found when the index was built, at recall \(Human.share(expectation.target)) for k = \(expectation.k):"
        ]
            + table.lines(width: Terminal.width) + [""]
    }

    /// What a search may expect.
    private static func recallTable(_ statistics: VectorCollection.Statistics) -> [String] {
        guard statistics.calibration != nil else { return ["Every search looks at every row, and its recall is 1."] }
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
        return ["Per search, in the kind of query that finds least and needs most\(why):"]
            + table.lines(width: Terminal.width)
    }
}
