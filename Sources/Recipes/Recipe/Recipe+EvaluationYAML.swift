import Files
import Yams

extension Recipe.Evaluation {
    /// What the rest of the recipe says that an evaluation depends on.
    struct Surroundings {
        let folder: String
        let payload: [String: PayloadType]
        let input: Recipe.Input

        /// Whether rows have a text.
        var hasText: Bool { input.template != nil }
    }

    /// The evaluations of a recipe's section `evaluate`, in the file's order; none where there is no section.
    /// - Throws: `invalidInput` with the line and the field.
    static func all(_ fields: YAMLFields, _ recipe: Surroundings) throws(BelfryError) -> [Recipe.Evaluation] {
        guard let section = try fields.optionalFields("evaluate", known: nil) else { return [] }
        var evaluations: [Recipe.Evaluation] = []
        for name in section.names {
            guard let fields = try section.optionalFields(name, known: known) else { continue }
            evaluations.append(try Recipe.Evaluation(name, fields, recipe))
        }
        return evaluations
    }

    private static let known =
        RowSource.fields + queryKinds + [
            "relevant", "grade", "base", "candidates", "exclude", "within", "same", "sample", "k", "metrics",
            "baselines", "published", "headline",
        ]
    private static let queryKinds = ["text", "item", "user", "session", "fields"]

    private init(_ name: String, _ fields: YAMLFields, _ recipe: Surroundings) throws(BelfryError) {
        self.name = name
        source = try Self.source(fields, recipe)
        k = try Self.counts(fields)
        metrics = try Self.metrics(fields)
        baselines = try Self.baselines(fields, recipe, source)
        published =
            try fields.optionalFields("published", known: nil).map { entries throws(BelfryError) in
                try Self.published(entries)
            } ?? [:]
        let named = try Self.headline(fields)
        let figures = RankingFigure.all(metrics, k).map(\.description)
        headline = named ?? (published.isEmpty ? Array(figures.prefix(1)) : published.keys.sorted())
        for (field, names) in [("published", published.keys.sorted()), ("headline", headline)] {
            guard let unknown = names.filter({ !figures.contains($0) }).min() else { continue }
            throw fields.failure(
                field, "has \(unknown), which is no figure of this evaluation.",
                remedy: "The figures are: \(figures.sorted().joined(separator: ", ")).")
        }
    }

    private static func headline(_ fields: YAMLFields) throws(BelfryError) -> [String]? {
        guard let node = fields.node("headline") else { return nil }
        // An empty list keeps the evaluation out of summaries.
        return node.sequence?.isEmpty == true ? [] : try texts(fields, "headline")
    }

    private static func published(_ entries: YAMLFields) throws(BelfryError) -> [String: String] {
        var published: [String: String] = [:]
        for name in entries.names { published[name] = try entries.text(name) }
        return published
    }

    private static func source(_ fields: YAMLFields, _ recipe: Surroundings) throws(BelfryError) -> Source {
        if let field = try fields.optionalText("same") {
            if let other = fields.names.first(where: { !usableWithSame.contains($0) }) {
                throw fields.failure(other, "stands beside same, which makes queries of the points.")
            }
            try require(field, in: recipe.payload, fields, "same")
            return .same(field: field, sample: try fields.optionalCount("sample"))
        }
        guard fields.node("sample") == nil else {
            throw fields.failure(
                "sample", "stands without same; of a file only so many can be asked for when it is evaluated.")
        }
        let kinds = queryKinds.filter { fields.node($0) != nil }
        guard let kind = kinds.first, kinds.count == 1 else {
            let found = kinds.isEmpty ? "none is there" : "\(kinds.joined(separator: " and ")) are there"
            throw fields.failure(
                kinds.last ?? "file",
                "needs beside it one of text, item, user, session, fields, which says what a query "
                    + "is: \(found).")
        }
        var within: [(payload: String, value: Within)] = []
        if let entries = try fields.optionalFields("within", known: nil) {
            for name in entries.names {
                try require(name, in: recipe.payload, entries, name)
                within.append((name, Within(try entries.text(name))))
            }
        }
        let base = try fields.node("base").map { (node) throws(BelfryError) in
            guard let base = node.float, base.isFinite else { throw fields.failure("base", "must be a number.") }
            return base
        }
        return .file(
            Queries(
                rows: try RowSource(fields, folder: recipe.folder), query: try query(fields, kind),
                relevant: try fields.text("relevant"), grade: try fields.optionalText("grade"), base: base ?? 0,
                candidates: try fields.optionalText("candidates"), exclude: try fields.optionalText("exclude"),
                within: within))
    }

    private static let usableWithSame: Set = ["same", "sample", "k", "metrics", "baselines", "published", "headline"]

    static func query(_ fields: YAMLFields, _ kind: String) throws(BelfryError) -> QueryFields {
        switch kind {
        case "text": return .text(try fields.text(kind))
        case "item": return .item(try fields.text(kind))
        case "user": return .user(try fields.text(kind))
        case "session": return .session(try fields.text(kind))
        default: return .fields(try texts(fields, kind))
        }
    }

    private static func counts(_ fields: YAMLFields) throws(BelfryError) -> [Int] {
        guard let node = fields.node("k") else { return [10] }
        let counts = (node.sequence.map { Array($0) } ?? [node]).map { $0.int ?? 0 }
        guard !counts.isEmpty, counts.allSatisfy({ (1...maxAnswers).contains($0) }) else {
            throw fields.failure("k", "must be numbers of answers from 1 to \(maxAnswers), as [1, 10].")
        }
        return Set(counts).sorted()
    }

    /// The greatest `k`.
    package static let maxAnswers = 10_000

    private static func metrics(_ fields: YAMLFields) throws(BelfryError) -> [RankingMetric] {
        guard fields.node("metrics") != nil else { return RankingMetric.allCases }
        var metrics: [RankingMetric] = []
        for name in try texts(fields, "metrics") {
            guard let metric = RankingMetric(rawValue: name) else {
                let known = RankingMetric.allCases.map(\.rawValue).joined(separator: ", ")
                throw fields.failure("metrics", "names \(name.debugDescription); there are \(known).")
            }
            if !metrics.contains(metric) { metrics.append(metric) }
        }
        return metrics
    }

    private static func baselines(
        _ fields: YAMLFields, _ recipe: Surroundings, _ source: Source
    ) throws(BelfryError) -> [Baseline] {
        guard fields.node("baselines") != nil else { return [] }
        var baselines: [Baseline] = []
        for name in try texts(fields, "baselines") {
            if name == "bm25" {
                guard recipe.hasText else { throw fields.failure("baselines", "has bm25, but the recipe has no text.") }
                if case .file(let queries) = source, !queries.query.hasText {
                    throw fields.failure("baselines", "has bm25, which needs queries that are texts or items.")
                }
                baselines.append(.bm25)
            } else if name.hasPrefix("popularity:") {
                let field = String(name.dropFirst("popularity:".count))
                try require(field, in: recipe.payload, fields, "baselines")
                guard [.integer, .number].contains(recipe.payload[field]) else {
                    throw fields.failure("baselines", "has \(name), whose payload field is no number.")
                }
                baselines.append(.popularity(field: field))
            } else {
                throw fields.failure(
                    "baselines", "has \(name.debugDescription).", remedy: "There are bm25 and popularity:FIELD.")
            }
        }
        return baselines
    }

    private static func texts(_ fields: YAMLFields, _ name: String) throws(BelfryError) -> [String] {
        let what = "a list of names, as [one, two]"
        guard let texts = try fields.optionalTexts(name, what), !texts.isEmpty else {
            throw fields.failure(name, "must be \(what).")
        }
        return texts
    }

    private static func require(
        _ field: String, in payload: [String: PayloadType], _ fields: YAMLFields, _ name: String
    ) throws(BelfryError) {
        guard !payload.keys.containsBytes(of: field) else { return }
        throw fields.failure(
            name, "names \(field.debugDescription), which is not in payload.",
            remedy: "The payload's fields are: \(payload.keys.sorted().joined(separator: ", ")).")
    }
}

extension Recipe.Evaluation.QueryFields {
    /// Whether the query is, or has, a text.
    fileprivate var hasText: Bool {
        switch self {
        case .text, .item: true
        case .user, .session, .fields: false
        }
    }
}
