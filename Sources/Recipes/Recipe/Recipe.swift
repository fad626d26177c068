package import Belfry
public import Files
import Foundation
package import Neighbors
package import Vectors
import Yams

/// What a collection is made of: rows, the text of each row, the tower that reads it, how vectors are compared, and what
/// finds the near ones.
///
/// A recipe is the file `recipe.yaml` in a folder of its own; the collection is built beside it. A recipe with variants
/// stands for several collections: see ``RecipeFile``.
///
/// ```yaml
/// rows:
///   file: products.csv        # .csv, .tsv, .jsonl; each also .gz; relative to this folder
///   columns: {id: 1, title: 2, price: 6}   # optional names for columns, by number from 1 or by header
///   bad: skip                 # or fail
/// id: id
/// text: "{title}\n{description}"
/// payload: {title: string, price: number}
/// show: [title, price]
/// tower: minilm.tower
/// vectors: {metric: cosine, element: f32}
/// index: auto                 # hnsw, ivf, exact
/// recall: 0.95                # the share of the true nearest that a search finds, on average
/// ```
public struct Recipe: Sendable {
    /// What to do about a row that cannot be used.
    package enum BadRows: String, CaseIterable, Sendable {
        /// Report it with its line and go on.
        case skip
        /// Stop the build.
        case fail
    }

    /// What the tower reads of a row.
    package enum Input: Hashable, Sendable {
        /// One text.
        case text(TextTemplate)
        /// Fields: the tower's names for them, and what the rows call those that they name otherwise.
        case fields([String: String])
        /// The text where the tower takes one, and else the fields: variants may have towers of both kinds.
        case either(TextTemplate, [String: String])

        /// What one tower reads of a row.
        package enum Read: Equatable {
            case text(TextTemplate)
            case fields([String: String])
        }

        /// Whether variants may have towers of texts and of fields.
        package var isOfBothKinds: Bool { if case .either = self { true } else { false } }

        /// The template of the text, where there is one.
        package var template: TextTemplate? {
            switch self {
            case .text(let template), .either(let template, _): template
            case .fields: nil
            }
        }

        /// What a tower that takes texts, or one that does not, reads of a row.
        package func read(asText takesTexts: Bool) -> Read {
            switch self {
            case .text(let template): .text(template)
            case .fields(let names): .fields(names)
            case .either(let template, let names): takesTexts ? .text(template) : .fields(names)
            }
        }
    }

    /// The folder that holds `recipe.yaml`.
    public let folder: String
    /// The collection's name: the folder's, unless the recipe gives one, and the variant's.
    public let name: String
    /// The name without the variant's.
    package let shortName: String
    /// Which of the recipe's variants this is; nil for a recipe without.
    public let variant: String?
    /// Where the rows come from.
    package let rows: RowSource
    /// What to do about a row that cannot be used.
    package let badRows: BadRows
    /// The field that holds the id.
    package let id: String
    /// What the tower reads.
    package let input: Input
    /// The fields kept with each point, with their types.
    package let payload: [String: PayloadType]
    /// The payload fields that a table of answers shows; all of them, by name, unless the recipe says.
    package let show: [String]
    /// The directory of the tower that embeds the rows and, later, the queries; or of a pair of towers.
    package let tower: String
    /// Who can be named by a recommendation.
    package internal(set) var users: UserSource?
    /// Queries that recall targets are calibrated on; nil for rows of the data.
    let calibration: CalibrationSource?
    /// What `belfry evaluate` measures.
    package let evaluations: [Evaluation]
    /// How vectors are compared.
    package let metric: Metric
    /// How vectors are stored.
    package let elementType: ElementType
    /// What finds near vectors.
    package internal(set) var index: IndexRequest
    /// The recall of a search that does not name its own, from above 0 to 1; nil for the best that a search can have in
    /// about a millisecond of one core.
    package let recall: Double?
    /// How a text is searched for where a search does not say it.
    package let texts: TextSearch
    /// The payload fields that are searched by words; nil for none.
    package let words: WordIndex?
    /// What reads the best answers to a text once more; nil for nothing.
    package let reranker: CollectionReranker.Description?
    /// Rows that are embedded between two savings, which is what an interrupted build loses at most; nil leaves it to
    /// the build.
    let segmentRows: Int?

    /// The collection that this recipe builds.
    public var collectionPath: String { "\(folder)/\(name).belfry" }

    /// Whether that collection is there.
    public var isBuilt: Bool { System.exists(collectionPath) }

    /// What is to be said where it is needed and is not there.
    package var notBuilt: BelfryError {
        BelfryError(
            .notFound, "The collection is not built yet.", at: .init(file: collectionPath),
            remedy: "Run: \(.build(recipe: buildPath, replacing: false))")
    }

    /// The path that names it to a build: the folder, with the variant behind it.
    package var buildPath: String { variant.map { "\(folder)/\($0)" } ?? folder }
}

extension Recipe {
    /// Reads `recipe.yaml` in `folder`: its first variant, or the one that is named behind the folder, as in
    /// `Indexes/movielens/softmax`.
    /// - Throws: `notFound`, or `invalidInput` with the line and the fields that are known there.
    public init(folder: String) throws(BelfryError) {
        let file = try RecipeFile(folder)
        self = try file.recipe(file.named ?? file.variants.first)
    }

    /// Reads a recipe from YAML text; paths in it are relative to `folder`.
    package init(
        yaml: String, folder: String, file: String = "recipe.yaml", variant: String? = nil
    ) throws(BelfryError) {
        let fields = try YAMLFields(parsing: yaml, known: Self.fields, file: file)
        guard let rows = try fields.optionalFields("rows", known: RowSource.fields + ["bad"]) else {
            throw BelfryError(
                .invalidInput, "rows is missing: it says where the rows are.", at: .init(file: file),
                remedy: "Write rows: {file: products.csv}.")
        }
        badRows = try rows.optionalChoice("bad", of: BadRows.self) ?? .skip
        self.rows = try RowSource(rows, folder: folder)

        self.folder = folder
        self.variant = variant
        let folderName = URL(fileURLWithPath: folder).standardizedFileURL.lastPathComponent
        let ownName = try fields.optionalText("name")
        shortName = ownName ?? folderName
        name = shortName + (variant.map { "-" + $0 } ?? "")
        guard RecipeFile.isName(name) else {
            throw fields.failure(
                "name",
                "is \(name.debugDescription)\(ownName == nil ? ", after the folder" : ""): letters, digits, '-', '_' "
                    + "and '.' make a collection's name.",
                remedy: ownName == nil ? "Give the recipe a name of its own: name: products" : nil)
        }
        id = try fields.text("id")
        input = try Self.input(fields)
        payload = try Self.payload(fields)
        show = try Self.shownFields(fields, payload)
        tower = try Self.path(fields.text("tower"), in: folder)
        let users = try fields.optionalFields("users", known: UserSource.fields)
        self.users = try users.map { (users) throws(BelfryError) in try UserSource(users, folder: folder) }
        if let queries = try fields.optionalFields("calibrate", known: CalibrationSource.fields) {
            calibration = try CalibrationSource(queries, folder: folder)
        } else {
            calibration = self.users.map { CalibrationSource($0) }
        }
        let vectors = try fields.optionalFields("vectors", known: ["metric", "element", "segment_rows"])
        metric = try vectors?.optionalChoice("metric", of: Metric.self) ?? .cosine
        elementType = try vectors?.optionalChoice("element", of: ElementType.self) ?? .f32
        segmentRows = try vectors?.optionalCount("segment_rows")
        let wanted = try fields.optionalChoice("index", of: IndexRequest.self)
        guard metric.isIndexed || wanted ?? .exact == .exact || wanted == .auto else {
            throw fields.failure(
                "index", "cannot be \(wanted?.rawValue ?? ""): nothing indexes the metric \(metric.rawValue)",
                remedy: "Leave it out, or write index: exact.")
        }
        index = metric.isIndexed ? wanted ?? .auto : .exact
        recall = try fields.optionalShare("recall")
        (texts, words) = try Self.search(fields, payload, input)
        reranker = try Self.reranker(fields, payload, input, folder: folder)
        evaluations = try Evaluation.all(fields, .init(folder: folder, payload: payload, input: input))
    }

    private static let fields = [
        "name", "variants", "rows", "id", "text", "fields", "payload", "show", "tower", "vectors", "index", "recall",
        "users", "calibrate", "evaluate", "search", "words", "rerank",
    ]

    private static func input(_ fields: YAMLFields) throws(BelfryError) -> Input {
        var names: [String: String] = [:]
        let entries = try fields.optionalFields("fields", known: nil)
        for name in entries?.names ?? [] { names[name] = try entries?.text(name) }
        guard let source = try fields.optionalText("text") else { return .fields(names) }
        let template = try template(source, fields)
        return entries == nil ? .text(template) : .either(template, names)
    }

    private static func template(_ source: String, _ fields: YAMLFields) throws(BelfryError) -> TextTemplate {
        do throws(BelfryError) {
            return try TextTemplate(source)
        } catch {
            throw fields.failure(
                "text", "cannot be read: \(error.message)", remedy: "Write text: \"{title}\\n{description}\".")
        }
    }

    private static func payload(_ fields: YAMLFields) throws(BelfryError) -> [String: PayloadType] {
        guard let entries = try fields.optionalFields("payload", known: nil) else { return [:] }
        var payload: [String: PayloadType] = [:]
        for name in entries.names {
            guard let node = entries.node(name) else { continue }
            if node.mapping != nil {
                let options = try YAMLFields(
                    node, "payload.\(name)", known: ["type", "separator"], file: fields.file)
                let type = try options.text("type")
                let separator = try options.optionalText("separator")
                payload[name] = try payloadType(type, separator, of: name, entries)
            } else {
                payload[name] = try payloadType(node.scalar?.string ?? "", nil, of: name, entries)
            }
        }
        return payload
    }

    private static func payloadType(
        _ type: String, _ separator: String?, of field: String, _ entries: YAMLFields
    ) throws(BelfryError) -> PayloadType {
        do throws(BelfryError) {
            return try PayloadType(name: type, separator: separator)
        } catch {
            throw entries.failure(field, "cannot be read: \(error.message)", remedy: error.remedy)
        }
    }

    private static func shownFields(
        _ fields: YAMLFields, _ payload: [String: PayloadType]
    ) throws(BelfryError) -> [String] {
        guard let names = try fields.optionalTexts("show", "a list of payload fields, as [title, price]") else {
            return payload.keys.sorted()
        }
        if let unknown = names.first(where: { !payload.keys.containsBytes(of: $0) }) {
            throw fields.failure(
                "show", "names \(unknown.debugDescription), which is not in payload.",
                remedy: "The payload's fields are: \(payload.keys.sorted().joined(separator: ", ")).")
        }
        return names
    }

    /// A path of a recipe: `~`, `${NAME}` and `${NAME:-default}` are replaced; relative to the recipe's folder.
    static func path(_ text: String, in folder: String) throws(BelfryError) -> String {
        let environment = ProcessInfo.processInfo.environment
        var path = text
        while let start = path.range(of: "${"), let end = path[start.upperBound...].firstIndex(of: "}") {
            let inside = path[start.upperBound..<end]
            let name = inside.range(of: ":-").map { inside[..<$0.lowerBound] } ?? inside
            let fallback = inside.range(of: ":-").map { String(inside[$0.upperBound...]) }
            guard let value = environment[String(name)].flatMap({ $0.isEmpty ? nil : $0 }) ?? fallback else {
                throw BelfryError(
                    .invalidInput,
                    "The path \(text.debugDescription) needs the environment variable \(name), which is "
                        + "not set.", at: .init(file: "\(folder)/recipe.yaml"),
                    remedy: "Set it, or give a default: ${\(name):-~/data}.")
            }
            path.replaceSubrange(start.lowerBound...end, with: value.replacingOccurrences(of: "${", with: ""))
        }
        if path.hasPrefix("~/") { path = NSHomeDirectory() + path.dropFirst() }
        return path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }
}

extension Recipe {
    /// SHA-256 over everything but the rows and the tower that decides what the collection's points and vectors are.
    /// Comments, the order of fields and what is shown do not count.
    /// - Parameter takesTexts: whether the tower does, which decides what is read of a row.
    package func digest(asText takesTexts: Bool) -> String {
        let content: [String: JSON] = [
            "rows": rows.canonical,
            "bad": .string(badRows.rawValue),
            "id": .string(id),
            "text": input.read(asText: takesTexts).canonical,
            "payload": .object(payload.mapValues { .string("\($0)") }),
            "metric": .string(metric.rawValue),
            "element": .string(elementType.rawValue),
            "segment_rows": segmentRows.map { .integer(Int64($0)) } ?? .null,
        ]
        return Digest.sha256(Data(JSON.object(content).text().utf8))
    }
}

extension Recipe.Input.Read {
    /// For the recipe's digest.
    fileprivate var canonical: JSON {
        switch self {
        case .text(let template): .string(template.source)
        case .fields(let names): .object(names.mapValues { .string($0) })
        }
    }
}
