package import Files
import Foundation

extension RecipeDraft {
    /// What the recipe would build.
    package struct Check {
        /// Rows that become points, and those that do not.
        package var (points, badRows) = (0, 0)
        /// The first of the rows that do not.
        package var first: [BelfryError] = []
    }

    /// Where the recipe is written.
    package var path: String { "\(folder)/recipe.yaml" }

    /// Reads all rows as a build with this recipe would.
    /// - Throws: `invalidInput` where no row could be used.
    package func check(
        reading: (_ done: Int, _ total: Int?) -> Void = { _, _ in }
    ) throws(BelfryError) -> Check {
        let recipe = try Recipe(yaml: yaml, folder: folder, file: path)
        guard let template = recipe.input.template else { return Check() }
        var check = Check()
        var items = try ItemReader(recipe, texts: template)
        while try items.next(badRow: { if check.first.count < 3 { check.first.append($0) } }) != nil {
            check.points += 1
            if check.points % 1_024 == 0 { reading(items.bytes.done, items.bytes.total) }
        }
        check.badRows = items.badRows
        guard check.points > 0 else {
            throw check.first.first ?? BelfryError(.invalidInput, "The file has no rows.", at: .init(file: file))
        }
        return check
    }

    /// Writes the recipe.
    /// - Throws: `conflict` where one is there that may not be replaced.
    package func write(replacing: Bool) throws(BelfryError) {
        try Self.requireFree(folder, replacing: replacing)
        try System.createDirectory(folder)
        try System.write(Data(yaml.utf8), to: path)
    }

    /// Refuses to write over a recipe.
    package static func requireFree(_ folder: String, replacing: Bool) throws(BelfryError) {
        let path = "\(folder)/recipe.yaml"
        guard System.exists(path), !replacing else { return }
        throw BelfryError(
            .conflict, "A recipe is here already.", at: .init(file: path),
            remedy: "Write to another folder, or over this one with \(.setting(.replacing)).")
    }

    /// Some words to search for: a title out of the rows.
    package var question: String {
        let samples = texts.first?.column.sample.texts ?? []
        guard !samples.isEmpty else { return "…" }
        let words = samples[samples.count / 2].split { $0.isWhitespace }.map { word in
            word.filter { $0.isLetter || $0.isNumber || $0 == "-" }
        }
        let question = words.filter { !$0.isEmpty && !$0.hasPrefix("-") }.prefix(5).joined(separator: " ")
        return question.isEmpty ? "…" : question
    }

    /// What was guessed, in a few lines: what, and which.
    package var guesses: [(what: String, guess: String)] {
        let id =
            switch self.id {
            case .unique(let field): field.name
            case .shared(let field, let candidate):
                "\(field.name): the first row of each counts, \(ProgressLine.grouped(candidate.repeats)) repeat one, "
                    + "\(ProgressLine.grouped(candidate.empty)) have none"
            case .number: "the row's number: no column has another value in every row"
            }
        var lines = [("id", id), ("text", texts.map(\.name).joined(separator: ", "))]
        for type in ["string", "integer", "number", "boolean", "list", "json"] {
            let fields = payload.filter { $0.guess.type.name == type }.map(\.name)
            if !fields.isEmpty { lines.append((type, fields.joined(separator: ", "))) }
        }
        let pictures = payload.filter(\.column.isPicture).map(\.name)
        if !pictures.isEmpty { lines.append(("pictures", pictures.joined(separator: ", "))) }
        if !empty.isEmpty { lines.append(("empty", empty.map(\.name).joined(separator: ", "))) }
        if !leftOut.isEmpty { lines.append(("left out", "\(leftOut.count) more columns")) }
        if let family { lines.append(("evaluated by", "\(family.name), which rows of one product share")) }
        lines.append(("words", language ?? "no stemmer"))
        lines.append(("tower", tower.written + (tower.isThere ? "" : ", which is not there yet")))
        return lines
    }

    /// What was guessed, for programs.
    package var json: JSON {
        let (id, isUnique): (String, Bool) =
            switch self.id {
            case .unique(let field): (field.name, true)
            case .shared(let field, _): (field.name, false)
            case .number(let name): (name, true)
            }
        return .object([
            "recipe": .string(path), "file": .string(profile.file), "rows": .integer(Int64(profile.rows)),
            "unreadable_rows": .integer(Int64(profile.badRows)), "columns": .integer(Int64(profile.columnCount)),
            "id": .string(id), "id_is_unique": .bool(isUnique), "text": .array(texts.map { .string($0.name) }),
            "payload": .object(
                JSON.Members(payload.map { ($0.name, .string($0.guess.type.name)) })),
            "pictures": .array(payload.filter(\.column.isPicture).map { .string($0.name) }),
            "family": family.map { .string($0.name) } ?? .null, "language": language.map { .string($0) } ?? .null,
            "tower": .string(tower.path), "tower_is_there": .bool(tower.isThere),
        ])
    }
}
