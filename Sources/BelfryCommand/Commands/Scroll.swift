import ArgumentParser
import Belfry
import Files
import Foundation
import Recipes
import Shards

struct Count: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Count the points of a collection, or those whose payload has some value.",
        discussion: "belfry count shop.belfry --within brand:Acme")

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(help: "Only points whose payload has this value, as brand:Acme. May be given several times.")
    var within: [String] = []
    @OptionGroup var output: OutputOptions

    func validate() throws { _ = try within.map { try SearchOptions.condition($0, "--within") } }

    func run() throws {
        let view = try VectorCollection(at: collection).view
        let conditions = try within.map { try SearchOptions.condition($0, "--within") }
        let count = conditions.isEmpty ? view.count : try view.set(where: conditions).count
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
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...100_000).contains(k) else { throw ValidationError("-k must be between 1 and 100,000.") }
    }

    func run() throws {
        let view = try VectorCollection(at: collection).view
        let points = try view.scroll(after: after.map { PointName($0).id }, limit: k)
        var lines = [JSON]()
        for point in points { lines.append(try ExportedPoint.json(point, view, vectors: vectors)) }
        if output.json {
            let next = points.count == k ? points.last.map { JSON.string($0.key ?? $0.id.description) } : nil
            Terminal.print(JSON.object(["points": .array(lines), "next": next ?? .null]).text())
        } else {
            for line in lines { Terminal.print(line.text()) }
        }
    }
}

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write all points of a collection into a file that import and upsert read.",
        discussion: """
            belfry export shop.belfry --to shop.jsonl
            belfry export shop.belfry --to vectors.npy --ids ids.txt
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(help: "Where to: .jsonl for all there is; .npy for vectors alone.") var to: String
    @Option(help: "For .npy, where the ids go, one on each line.") var ids: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard to.hasSuffix(".jsonl") || to.hasSuffix(".npy") else {
            throw ValidationError("--to must end in .jsonl or .npy.")
        }
    }

    func run() throws {
        let view = try VectorCollection(at: collection).view
        let progress = ProgressLine("exporting", total: view.count)
        defer { progress.finish(failed: true) }
        let file = try ExportFile(to, ids: ids, dimension: VectorCollection(at: collection).configuration.dimension)
        var (last, count): (PointID?, Int) = (nil, 0)
        while true {
            let points = try view.scroll(after: last, limit: 1_000)
            for point in points { try file.append(point, view) }
            count += points.count
            progress.advance(to: count)
            guard points.count == 1_000 else { break }
            last = points.last?.id
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

/// A point as it is exported.
enum ExportedPoint {
    static func json(_ point: StoredPoint, _ view: View, vectors: Bool) throws -> JSON {
        let name = point.key ?? point.id.description
        var members: JSON.Members = ["id": point.id.json(named: name), "payload": try point.payload()]
        if vectors, let vector = try view.vector(of: point.id) {
            members["vector"] = .array(vector.map { .number(Double($0)) })
        }
        return .object(members)
    }
}

/// The file of an export.
private final class ExportFile {
    private let lines: FileWriter?
    private let ids: FileWriter?
    private let vectors: NpyWriter?

    init(_ path: String, ids: String?, dimension: Int) throws {
        let isLines = path.hasSuffix(".jsonl")
        lines = isLines ? try FileWriter(path) : nil
        vectors = isLines ? nil : try NpyWriter(path, columns: dimension)
        self.ids = try ids.map { try FileWriter($0) }
    }

    func append(_ point: StoredPoint, _ view: View) throws {
        if let lines { try write(try ExportedPoint.json(point, view, vectors: true).text(), to: lines) }
        if let vectors, let vector = try view.vector(of: point.id) { try vectors.append(vector) }
        if let ids { try write(point.key ?? point.id.description, to: ids) }
    }

    private func write(_ line: String, to file: FileWriter) throws {
        try Array((line + "\n").utf8).withBytes { (bytes) throws(BelfryError) in try file.write(bytes) }
    }

    func finish() throws {
        try lines?.finish()
        try ids?.finish()
        try vectors?.finish()
    }
}
