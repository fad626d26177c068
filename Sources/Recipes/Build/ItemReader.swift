import Belfry
import Files
import Foundation
import Shards
import Towers
import Vectors

/// A row that can become a point.
struct Item {
    /// The line on which the row starts.
    var line: Int
    var name: PointName
    /// What the tower reads.
    var content: Content

    enum Content {
        case text(String)
        case fields(JSON)
    }

    /// A JSON object.
    var payload: String

    /// The digest of what the tower reads: the first 8 bytes of its SHA-256; never 0, which stands for what is not known.
    var source: Int64 {
        let text =
            switch content {
            case .text(let text): "t" + text
            case .fields(let fields): "f" + fields.text()
            }
        let digest = UInt64(Digest.sha256(Data(text.utf8)).prefix(16), radix: 16) ?? 0
        return Int64(bitPattern: max(1, digest))
    }
}

/// Reads the rows of a recipe as items, in the order of the file; reports the rows that cannot be used.
///
/// Reading the same file again gives the same items: an interrupted build relies on it.
struct ItemReader {
    private let recipe: Recipe
    private let rows: RowReader
    private let id: Column
    private let content: Content
    private let payload: [(name: String, column: Column, type: PayloadType)]
    private let isDelimited: Bool
    private var lines: [PointID: Int] = [:]

    private enum Content {
        case text(TextColumns)
        case fields(FieldColumns)
    }

    /// How many rows could not be used so far.
    private(set) var badRows = 0

    /// Bytes of the file read so far, and in all if that is known.
    var bytes: (done: Int, total: Int?) { rows.progress }

    /// Opens the file and finds every column that the recipe names, and the fields of the tower that embeds the items.
    init(_ recipe: Recipe, _ tower: Tower) throws(BelfryError) {
        try self.init(recipe) { rows throws(BelfryError) in
            switch recipe.input.read(asText: tower.takesTexts) {
            case .text(let template): .text(try TextColumns(template, in: rows, recipe.rows))
            case .fields(let names):
                .fields(try FieldColumns(tower, names, in: rows, recipe.rows, payload: recipe.payload))
            }
        }
    }

    /// The same for a template of texts, whatever tower will read them.
    init(_ recipe: Recipe, texts template: TextTemplate) throws(BelfryError) {
        try self.init(recipe) { rows throws(BelfryError) in
            .text(try TextColumns(template, in: rows, recipe.rows))
        }
    }

    private init(
        _ recipe: Recipe, _ content: (RowReader) throws(BelfryError) -> Content
    ) throws(BelfryError) {
        self.recipe = recipe
        rows = try RowReader(recipe.rows.file, format: recipe.rows.format)
        for (_, reference) in recipe.rows.columns.sorted(by: { $0.key < $1.key }) { _ = try rows.column(reference) }
        isDelimited = recipe.rows.format.kind != .jsonl
        id = try rows.column(recipe.rows.reference(recipe.id))
        self.content = try content(rows)
        var payload: [(String, Column, PayloadType)] = []
        for (name, type) in recipe.payload.sorted(by: { $0.key < $1.key }) {
            payload.append((name, try rows.column(recipe.rows.reference(name)), type))
        }
        self.payload = payload
    }

    /// The next row that can be used, or nil at the end.
    /// - Throws: what is wrong with a row, where the recipe says that a bad row stops the build.
    mutating func next(badRow: (BelfryError) -> Void) throws(BelfryError) -> Item? {
        try rows.nextUsable(
            badRow: { problem throws(BelfryError) in
                badRows += 1
                if recipe.badRows == .fail { throw problem }
                badRow(problem)
            }, { row throws(RowProblem) in try item(row) })
    }

    private mutating func item(_ row: Row) throws(RowProblem) -> Item {
        let key = try row.name(id)
        let name = PointName(key)
        if let first = lines[name.id] {
            throw RowProblem(
                line: row.line, .value, "The id \(key.debugDescription) has been used before, on line \(first).")
        }
        let content = try content(row)
        var members = JSON.Members()
        for field in payload {
            guard let value = row.value(field.column) else { continue }
            do throws(BelfryError) {
                // In a cell JSON stands as text; in a row of JSON a text is one.
                members[field.name] =
                    if isDelimited, let text = value.string {
                        try field.type.convert(text, field: field.name)
                    } else {
                        try field.type.convert(value, field: field.name)
                    }
            } catch {
                throw RowProblem(line: row.line, .value, error.message)
            }
        }
        lines[name.id] = row.line
        return Item(line: row.line, name: name, content: content, payload: JSON.object(members).text())
    }

    private func content(_ row: Row) throws(RowProblem) -> Item.Content {
        switch content {
        case .text(let columns):
            guard let text = columns.text(row) else {
                throw RowProblem(line: row.line, .value, "The text is empty: none of its fields has a value.")
            }
            return .text(text)
        case .fields(let columns):
            do throws(BelfryError) {
                return .fields(try columns.object(row))
            } catch {
                throw RowProblem(line: row.line, .value, error.message)
            }
        }
    }
}

extension Tower {
    /// The vectors of items, one row each.
    func embed(
        _ items: [Item], threads: Int, progress: @escaping @Sendable (Int) -> Void
    ) throws(BelfryError) -> Matrix {
        try embed(items.map(\.content), threads: threads, progress: progress)
    }

    /// The vectors of what items are made of, all of one kind.
    func embed(
        _ contents: [Item.Content], threads: Int, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws(BelfryError) -> Matrix {
        var (texts, rows) = ([String](), [JSON]())
        for content in contents {
            switch content {
            case .text(let text): texts.append(text)
            case .fields(let fields): rows.append(fields)
            }
        }
        // The items of a recipe are all of one kind.
        return rows.isEmpty
            ? try embed(texts, as: .document, threads: threads, progress: progress)
            : try embed(rows, as: .document, threads: threads, progress: progress)
    }
}
