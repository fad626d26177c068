public import Files
import Foundation
public import Vectors

extension Tower {
    /// The fields that a row has: those of the feature columns, or one text.
    public var fields: [FeatureSet.Field] {
        graph?.features.fields ?? [FeatureSet.Field(name: Self.textField, type: "a text", isRequired: true)]
    }

    /// The field that towers of text alone read.
    static let textField = "text"

    /// The vectors of `rows`, one row each.
    ///
    ///     let vectors = try tower.embed([["user_id": 5, "age": 34, "genres": ["a", "b"]]])     // [1, tower.dimension]
    ///
    /// A tower of text takes objects with the field `text`. Fields that the tower does not know are ignored.
    /// - Parameters:
    ///   - role: Which prompt is put before a text: of a graph's fields before the one of its text column.
    ///   - source: What the rows are called in an error: the file that they come from.
    ///   - first: The number of the first row in an error.
    ///   - threads: How many batches are worked on at the same time. The vectors do not depend on it.
    ///   - progress: Called with the number of rows done so far, from any worker, one call at a time.
    /// - Throws: `invalidInput` that names the row and the field that is missing, of the wrong type or unknown.
    public func embed(
        _ rows: [JSON], as role: Role? = nil, source: String = "objects", first: Int = 0, threads: Int = 2,
        progress: (@Sendable (Int) -> Void)? = nil
    ) throws(BelfryError) -> Matrix {
        if let graph {
            let prompt = prompt(role)
            return try graph.embed(
                rows, prompt: prompt, skipping: skippedTokens(prompt), source: source, first: first, threads: threads,
                progress: progress)
        }
        var texts: [String] = []
        for (index, row) in rows.enumerated() {
            guard let text = row[Self.textField]?.string else {
                let found = row[Self.textField]
                throw FeatureProblem(
                    found.map { "The field must be a text, not \($0.kind)." } ?? "The field is missing."
                )
                .error(source: source, row: first + index, field: Self.textField)
            }
            texts.append(text)
        }
        return try embed(texts, as: role, threads: threads, progress: progress)
    }

    /// Texts as rows of a tower that reads one text.
    func rows(of texts: [String]) throws(BelfryError) -> [JSON] {
        let fields = fields.filter { $0.type == "a text" }
        guard let field = fields.first, fields.count == 1, self.fields.filter(\.isRequired).count <= 1 else {
            throw BelfryError(
                .invalidInput, "The tower takes rows, not texts: \(self.fields.map(\.name).joined(separator: ", ")).",
                at: .init(file: path))
        }
        return texts.map { .object([field.name: .string($0)]) }
    }

    /// The vectors of canaries: texts, or objects' JSON texts where the tower takes fields.
    public func embed(canaries: [String]) throws(BelfryError) -> Matrix {
        guard graph != nil else { return try embed(canaries) }
        var rows: [JSON] = []
        for text in canaries {
            rows.append(try JSON(parsing: Data(text.utf8), source: path + "/" + TowerManifest.name))
        }
        return try embed(rows)
    }
}

extension Tower {
    /// Throws what is wrong with `row`, as embedding it would, without embedding it.
    public func check(_ row: JSON) throws(BelfryError) {
        if let graph { try graph.features.check(row) }
    }

    /// Whether the tower embeds plain texts: it reads one field at most that a row must have, and that is a text.
    public var takesTexts: Bool { (try? rows(of: [])) != nil }

    /// The field that holds a session: the one that a row must have, if it is a list. Nil for other towers.
    public var sessionField: String? {
        let required = fields.filter(\.isRequired)
        guard required.count == 1, let columns = graph?.features.columns.filter({ $0.field == required[0].name }),
            columns.contains(where: { if case .list = $0.kind { true } else { false } })
        else { return nil }
        return required[0].name
    }

    /// The value of a field from the text of a table's cell, as the field wants it; `null` for an empty cell.
    ///
    /// A field of numbers gets a number, a field of arrays what a JSON array in the cell has. Text that is neither stays
    /// a text, which `embed` then refuses by name.
    /// - Parameter separator: What stands between the elements in the cells of a field that wants an array and names no
    ///   separator itself; nil where only JSON arrays are taken apart.
    public func value(ofCell text: String, field: String, separator: String? = nil) -> JSON {
        if text.isEmpty { return .null }
        let columns = graph?.features.columns.filter { $0.field == field } ?? []
        if columns.contains(where: \.kind.wantsNumber), let number = try? JSON(parsing: Data(text.utf8), source: field),
            number.number != nil
        {
            return number
        }
        if columns.contains(where: \.kind.wantsArray), text.first == "[",
            let array = try? JSON(parsing: Data(text.utf8), source: field)
        {
            return array
        }
        if let separator, columns.contains(where: \.kind.takesArraysAlone) {
            let elements = text.components(separatedBy: separator)
                .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            return .array(elements.filter { !$0.isEmpty }.map { value(ofElement: $0, field: field) })
        }
        return .string(text)
    }
}

extension Tower {
    /// One element of a field that is a list, from its text: a number where the field's elements are numbers.
    public func value(ofElement text: String, field: String) -> JSON {
        let columns = graph?.features.columns.filter { $0.field == field } ?? []
        for column in columns {
            switch column.kind {
            case .list(_, let lookup, _), .multiHot(_, let lookup, _):
                switch lookup.keys {
                case .rows: if let number = WholeNumber(text)?.json { return number }
                case .boundaries: if let number = Double(text), number.isFinite { return .number(number) }
                case .vocabulary, .hash: break
                }
            case .vector:
                if let number = Double(text), number.isFinite { return .number(number) }
            default: break
            }
        }
        return .string(text)
    }
}

extension FeatureLookup {
    fileprivate var wantsNumber: Bool {
        switch keys {
        case .boundaries, .rows: true
        case .vocabulary, .hash: false
        }
    }
}

extension FeatureColumn.Kind {
    fileprivate var wantsNumber: Bool {
        switch self {
        case .number: true
        case .index(let lookup, _): lookup.wantsNumber
        default: false
        }
    }

    /// Whether a text, too, would be refused unless it were taken apart.
    fileprivate var takesArraysAlone: Bool {
        switch self {
        case .vector, .list(.array, _, _), .multiHot(.array, _, _): true
        default: false
        }
    }

    fileprivate var wantsArray: Bool {
        switch self {
        case .vector, .list(.array, _, _), .multiHot(.array, _, _), .list(.separated, _, _),
            .multiHot(.separated, _, _):
            true
        default: false
        }
    }
}
