import ArgumentParser
import Belfry
import Files
import Recipes
import Vectors

struct Upsert: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write points into a collection, in the place of those of the same ids.",
        discussion: """
            belfry upsert shop.belfry products.jsonl
            echo '{"id": "red-lamp", "text": "a red lamp", "payload": {"price": 12}}' | belfry upsert shop.belfry -

            A line is {"id", "vector" or "text" or "fields", "payload"}; a .csv has a column id, and one of text or vector. \
            Where a collection has several kinds of vector, "vector" is an object of them by their names; a text in it goes \
            through the tower of those. Vectors alone come as .npy or .fvecs, with their ids and payload in --rows. What is written is on disk and found by the next search. A bad row ends the \
            work; what was written before it stays.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Argument(help: "Points: .jsonl, .csv, .tsv (each also .gz), .npy, .fvecs; - for JSON lines of standard input.")
    var input: String
    @OptionGroup var companion: CompanionOptions
    @Flag(help: "Only write points that are not there yet.") var insertOnly = false
    @Flag(help: "Only write points that are there.") var updateOnly = false
    @OptionGroup var memory: MemoryOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if insertOnly, updateOnly { throw ValidationError("--insert-only and --update-only leave nothing to write.") }
    }

    func run() async throws {
        let opened = try VectorCollection(at: collection, for: .writing, memoryLimit: memory.bytes)
        let reader = try PointReader(input, with: companion.companion)
        let main = opened.configuration.main
        if reader.dimension != nil, main.kind == .dense {
            try reader.requireVectors(
                VectorCheck(dimension: main.dimension, metric: main.metric, elementType: main.element))
        }
        var load = PointLoad(opened, threads: threads.threads)
        load.condition = insertOnly ? .insertOnly : updateOnly ? .updateOnly : .always
        try await load.write(reader)
        try await opened.close()
        load.report(json: output.json)
    }
}

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a collection of points from a file: what export wrote, or vectors of your own.",
        discussion: """
            belfry import vectors.npy --rows products.csv --to shop.belfry
            belfry import base.npy --to vectors.belfry --metric l2
            belfry import shop.jsonl --to copy.belfry

            Vectors of your own need no tower: row i of products.csv (or .jsonl) is the id and the payload of vector i. All of \
            it is looked at before the collection is made. Then there are belfry search shop.belfry --vector query.npy, \
            similar, audit, evaluate --same FIELD.
            """)

    @Argument(help: "Points, as upsert takes them.") var input: String
    @Option(name: .customLong("to"), help: "Where to make the collection.") var collection: String
    @OptionGroup var companion: CompanionOptions
    @OptionGroup var description: DescriptionOptions
    @OptionGroup var memory: MemoryOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let reader = try PointReader(input, with: companion.companion)
        if let dimension = reader.dimension {
            try reader.requireVectors(
                VectorCheck(
                    dimension: description.dimension ?? dimension, metric: description.metric,
                    elementType: description.element))
        }
        let first = try reader.next(PointLoad.batch)
        guard let point = first.first else {
            throw BelfryError(.invalidInput, "The file has no point.", at: .init(file: input))
        }
        var dimension: Int?
        if case .vector(.dense(let components)) = point.vectors[""] { dimension = components.count }
        let made = try description.create(collection, dimension: dimension, memoryLimit: memory.bytes)
        try made.mergeOnlyWhenCompacted()
        var load = PointLoad(made, threads: threads.threads)
        try await load.write(reader, beginningWith: first)
        try await made.compact()
        try await made.close()
        load.report(json: output.json)
    }
}

/// Whose the vectors of a file are.
struct CompanionOptions: ParsableArguments {
    @Option(help: "For .npy and .fvecs, a file with an id on each line (default: the rows' numbers).") var ids: String?
    @Option(
        help: .init(
            "For .npy and .fvecs, the ids and payload of the vectors, a row for each in their order: .jsonl, .csv, .tsv "
                + "(each also .gz). A column whose every cell is a number holds numbers.", valueName: "file"))
    var rows: String?
    @Option(help: .init("The field of the ids in --rows (default: id).", valueName: "field")) var id: String?

    func validate() throws {
        if ids != nil, rows != nil { throw ValidationError("--rows says the ids as well: leave out --ids.") }
        if id != nil, rows == nil { throw ValidationError("--id names a field of --rows.") }
    }

    var companion: PointReader.Companion? {
        ids.map { .ids($0) } ?? rows.map { .rows($0, id: id ?? "id") }
    }
}

/// Writes the points of a file into a collection, batch by batch.
struct PointLoad {
    /// Points per batch: each is all or nothing.
    static let batch = 1_000

    private let collection: VectorCollection
    private let threads: Int
    var condition = WriteCondition.always
    private var (written, skipped) = (0, 0)

    init(_ collection: VectorCollection, threads: Int) { (self.collection, self.threads) = (collection, threads) }

    mutating func write(_ reader: PointReader, beginningWith first: [PointReader.Point] = []) async throws {
        let progress = ProgressLine("writing")
        defer { progress.finish(failed: true) }
        var points = first.isEmpty ? try reader.next(Self.batch) : first
        while !points.isEmpty {
            do {
                // By the names that all versions have.
                let result = try await collection.version("").upsert(embed(points), condition: condition)
                written += result.changed
                skipped += result.skipped
            } catch var error as BelfryError {
                let before =
                    "\(Human.count(written, "point")) before it \(written == 1 ? "was" : "were") written and stay."
                error.remedy = error.remedy.map { "\($0) \(before)" } ?? Remedy(before)
                throw error
            }
            progress.advance(to: written + skipped)
            points = try reader.next(Self.batch)
        }
        progress.finish()
    }

    /// The points with their vectors: the texts of a space go through its tower together, and so do fields.
    private func embed(_ points: [PointReader.Point]) throws -> [WrittenPoint] {
        var written = points.map { WrittenPoint(id: $0.id, vectors: [:], payload: $0.payload) }
        for name in Set(points.flatMap(\.vectors.keys)).sorted() {
            let configuration = collection.configuration
            let known = configuration.spaces[try configuration.place(ofSpace: name)].name
            var (texts, ofTexts, fields, ofFields) = ([String](), [Int](), [JSON](), [Int]())
            for (place, point) in points.enumerated() {
                switch point.vectors[name] {
                case .vector(let own): written[place].vectors[known] = own
                case .text(let text):
                    texts.append(text)
                    ofTexts.append(place)
                case .fields(let object):
                    fields.append(object)
                    ofFields.append(place)
                case nil: break
                }
            }
            for space in try collection.embeddedSpaces(name, ofTexts: true) where !texts.isEmpty {
                let vectors = try collection.embed(items: texts, for: space, threads: threads)
                for (row, place) in ofTexts.enumerated() { written[place].vectors[space.name] = .dense(vectors[row]) }
            }
            for space in try collection.embeddedSpaces(name, ofTexts: false) where !fields.isEmpty {
                let vectors = try collection.embed(itemFields: fields, for: space, threads: threads)
                for (row, place) in ofFields.enumerated() { written[place].vectors[space.name] = .dense(vectors[row]) }
            }
        }
        return written
    }

    func report(json: Bool) {
        if json {
            Terminal.print(
                JSON.object([
                    "written": .integer(Int64(written)), "skipped": .integer(Int64(skipped)),
                    "points": .integer(Int64(collection.count)),
                ]).text())
        } else {
            let left = skipped > 0 ? ", \(Human.count(skipped)) left as they were" : ""
            Terminal.print(
                "\(Human.count(written, "point")) written\(left); the collection has \(Human.count(collection.count))")
        }
    }
}
