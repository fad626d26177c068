import ArgumentParser
import Belfry
import Files
import Foundation
import Recipes
import Shards

struct Count: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Count the points of a collection, or those that pass a filter.",
        discussion: "belfry count shop.belfry --filter \"brand = 'Acme' and price < 50\"")

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @OptionGroup var filter: FilterOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let opened = try VectorCollection(at: collection)
        let filter = try filter.filter(for: [opened])
        let count = try opened.onCurrentView { view throws(BelfryError) in
            try filter.map { (filter) throws(BelfryError) in try view.slots(where: filter).count } ?? view.count
        }
        Terminal.print(output.json ? JSON.object(["count": .integer(Int64(count))]).text() : Human.count(count))
    }
}

struct Scroll: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show points in the order of their ids, a page at a time.",
        discussion: "belfry scroll shop.belfry -k 100 --after red-lamp --json")

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(name: [.customShort("k"), .customLong("k")], help: "How many points.") var k = 10
    @Option(help: "Begin behind this point.") var after: String?
    @Flag(help: "Show the vectors, too.") var vectors = false
    @OptionGroup var filter: FilterOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...100_000).contains(k) else { throw ValidationError("-k must be between 1 and 100,000.") }
    }

    func run() throws {
        let opened = try VectorCollection(at: collection)
        let page = try PointPage(
            of: opened, after: after.map { PointName($0).id }, limit: k, where: filter.filter(for: [opened]),
            vectors: vectors)
        if output.json {
            let next = page.points.count == k ? page.points.last.map { JSON.string($0.name) } : nil
            Terminal.print(JSON.object(["points": .array(try page.json), "next": next ?? .null]).text())
        } else {
            for line in try page.json { Terminal.print(line.text()) }
        }
    }
}

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write all points of a collection into a file that import and upsert read.",
        discussion: """
            belfry export shop.belfry --to shop.jsonl
            belfry export shop.belfry --to vectors.npy --ids ids.txt

            While others write, each point is exported once, as it was when its page of 1,000 was read; a snapshot is of one \
            moment.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(help: "Where to: .jsonl for all there is; .npy for vectors alone.") var to: String
    @Option(help: "For .npy, where the ids go, one on each line.") var ids: String?
    @Option(help: "For .npy, the name of the vectors, where the collection has several kinds.") var vector = ""
    @OptionGroup var filter: FilterOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard to.hasSuffix(".jsonl") || to.hasSuffix(".npy") else {
            throw ValidationError("--to must end in .jsonl or .npy.")
        }
    }

    func run() throws {
        let opened = try VectorCollection(at: collection)
        let chosen = try filter.filter(for: [opened])
        let progress = ProgressLine("exporting", total: chosen == nil ? opened.count : nil)
        defer { progress.finish(failed: true) }
        let file = try ExportFile(to, ids: ids, vector: to.hasSuffix(".npy") ? denseSpace(opened) : nil)
        var (last, count): (PointID?, Int) = (nil, 0)
        while true {
            let page = try PointPage(of: opened, after: last, limit: 1_000, where: chosen, vectors: true)
            try file.append(page)
            count += page.points.count
            progress.advance(to: count)
            guard page.points.count == 1_000 else { break }
            last = page.points.last?.id
        }
        try file.finish()
        progress.finish()
        if output.json {
            Terminal.print(JSON.object(["points": .integer(Int64(count)), "path": .string(to)]).text())
        } else {
            Terminal.print("\(to): \(Human.count(count, "point"))")
        }
    }
}

extension Export {
    private func denseSpace(_ collection: VectorCollection) throws -> VectorSpace {
        let configuration = collection.configuration
        let space = configuration.spaces[try configuration.place(ofSpace: vector)]
        guard space.kind == .dense else {
            throw ValidationError("The \(space.title) are sparse, which a .npy does not hold: export to .jsonl.")
        }
        return space
    }
}

/// Points in the order of their ids, as they were at one moment.
private struct PointPage {
    let points: [StoredPoint]
    /// The points' vectors; empty where they were not asked for.
    let vectors: [[String: PointVector]]

    init(
        of collection: VectorCollection, after id: PointID?, limit: Int, where filter: Filter?, vectors wanted: Bool
    ) throws(BelfryError) {
        (points, vectors) = try collection.onCurrentView { view throws(BelfryError) in
            let points =
                if let filter {
                    try view.scroll(after: id, limit: limit, where: filter)
                } else { try view.scroll(after: id, limit: limit) }
            var vectors: [[String: PointVector]] = []
            // Those that are words of the payload are made again where the payload is.
            let words = Set(view.configuration.spaces.filter { $0.words != nil }.map(\.name))
            if wanted {
                for point in points { vectors.append(try view.vectors(of: point).filter { !words.contains($0.key) }) }
            }
            return (points, vectors)
        }
    }

    /// The points for programs.
    var json: [JSON] {
        get throws(BelfryError) {
            var all: [JSON] = []
            for (place, point) in points.enumerated() {
                var members: JSON.Members = ["id": point.id.json(named: point.name), "payload": try point.payload()]
                if !vectors.isEmpty { members["vector"] = JSON(vectors[place]) }
                all.append(.object(members))
            }
            return all
        }
    }
}

/// The file of an export.
private final class ExportFile {
    private let lines: FileWriter?
    private let ids: FileWriter?
    private let vectors: NpyWriter?
    /// The name of the space whose vectors go into a file of vectors.
    private let name: String

    /// - Parameter space: the vectors of a file of vectors; nil for lines of all there is.
    init(_ path: String, ids: String?, vector space: VectorSpace?) throws {
        name = space?.name ?? ""
        lines = space == nil ? try FileWriter(path) : nil
        vectors = try space.map { try NpyWriter(path, columns: $0.dimension) }
        self.ids = try ids.map { try FileWriter($0) }
    }

    func append(_ page: PointPage) throws {
        if let lines { for line in try page.json { try lines.write(line.text() + "\n") } }
        for (place, point) in page.points.enumerated() {
            if let vectors {
                // A point without a vector has no row, and no line among the ids.
                guard let vector = page.vectors[place][name]?.dense else { continue }
                try vectors.append(vector)
            }
            if let ids { try ids.write(point.name + "\n") }
        }
    }

    func finish() throws {
        try lines?.finish()
        try ids?.finish()
        try vectors?.finish()
    }
}
