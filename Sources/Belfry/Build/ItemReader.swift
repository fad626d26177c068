import Files
import Shards

/// A row that can become a point.
struct Item {
    /// The line on which the row starts.
    var line: Int
    var name: PointName
    /// What the tower reads.
    var text: String
    /// A JSON object.
    var payload: String
}

/// Reads the rows of a recipe as items, in the order of the file; reports the rows that cannot be used.
///
/// Reading the same file again gives the same items: an interrupted build relies on it.
struct ItemReader {
    private let recipe: Recipe
    private let rows: RowReader
    private let id: Column
    private let text: [String: Column]
    private let payload: [(name: String, column: Column, type: PayloadType)]
    private var lines: [PointID: Int] = [:]
    /// How many rows could not be used so far.
    private(set) var badRows = 0

    /// Bytes of the file read so far, and in all if that is known.
    var bytes: (done: Int, total: Int?) { rows.progress }

    /// Opens the file and finds every column that the recipe names.
    init(_ recipe: Recipe) throws(BelfryError) {
        self.recipe = recipe
        rows = try RowReader(recipe.rows.file, format: recipe.rows.format)
        for (_, reference) in recipe.rows.columns.sorted(by: { $0.key < $1.key }) { _ = try rows.column(reference) }
        id = try rows.column(recipe.rows.reference(recipe.id))
        var text: [String: Column] = [:]
        for field in recipe.text.fields { text[field] = try rows.column(recipe.rows.reference(field)) }
        self.text = text
        var payload: [(String, Column, PayloadType)] = []
        for (name, type) in recipe.payload.sorted(by: { $0.key < $1.key }) {
            payload.append((name, try rows.column(recipe.rows.reference(name)), type))
        }
        self.payload = payload
    }

    /// The next row that can be used, or nil at the end.
    /// - Throws: what is wrong with a row, where the recipe says that a bad row stops the build.
    mutating func next(badRow: (BelfryError) -> Void) throws(BelfryError) -> Item? {
        while let event = try rows.next() {
            do throws(RowProblem) {
                switch event {
                case .row(let row): return try item(row)
                case .problem(let problem): throw problem
                }
            } catch {
                badRows += 1
                let problem = error.error(in: rows.path)
                if recipe.badRows == .fail { throw problem }
                badRow(problem)
            }
        }
        return nil
    }

    private mutating func item(_ row: Row) throws(RowProblem) -> Item {
        let key: String
        switch row.value(id) {
        case .string(let text)? where !text.trimmed.isEmpty: key = text.trimmed
        case .integer(let number)?: key = "\(number)"
        case .unsigned(let number)?: key = "\(number)"
        case nil, .string?: throw RowProblem(line: row.line, .value, "The id is empty.")
        case let other?:
            throw RowProblem(
                line: row.line, .value, "The id is \(other.text()); it must be a text or a whole number of 64 bits.")
        }
        let name = PointName(key)
        if let first = lines[name.id] {
            throw RowProblem(
                line: row.line, .value, "The id \(key.debugDescription) has been used before, on line \(first).")
        }
        guard let text = recipe.text.text({ field in text[field].flatMap { row.text($0) } }) else {
            throw RowProblem(line: row.line, .value, "The text is empty: none of its fields has a value.")
        }
        var members: [String: JSON] = [:]
        for field in payload {
            guard let value = row.value(field.column) else { continue }
            do throws(BelfryError) {
                members[field.name] = try field.type.convert(value, field: field.name)
            } catch {
                throw RowProblem(line: row.line, .value, error.message)
            }
        }
        lines[name.id] = row.line
        return Item(line: row.line, name: name, text: text, payload: JSON.object(members).text())
    }
}
