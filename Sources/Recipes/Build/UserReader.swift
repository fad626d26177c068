import Belfry
import Files
import Towers

/// Reads the users of a recipe, in the order of the file; reports the rows that cannot be used.
struct UserReader {
    private let rows: RowReader
    private let id: Column
    private let seen: Column?
    private let fields: FieldColumns
    private var lines: [UTF8Key: Int] = [:]
    private var hasSeen = false
    private(set) var badRows = 0

    init(_ source: UserSource, _ tower: Tower) throws(BelfryError) {
        rows = try RowReader(source.rows.file, format: source.rows.format)
        id = try rows.column(source.rows.reference(source.id))
        if let name = source.seen { seen = try rows.column(source.rows.reference(name)) } else { seen = nil }
        fields = try FieldColumns(tower, [:], in: rows, source.rows)
    }

    /// The next user, or nil at the end.
    mutating func next(badRow: (BelfryError) -> Void) throws(BelfryError) -> User? {
        let found = try rows.nextUsable(
            badRow: { problem in
                badRows += 1
                badRow(problem)
            }, { row throws(RowProblem) in try user(row) })
        if found == nil { try requireUsers() }
        return found
    }

    /// A file of users without a usable one, or without what the recipe names, is a mistake of the recipe.
    private func requireUsers() throws(BelfryError) {
        guard !lines.isEmpty else {
            let why = badRows == 0 ? "There are no users." : "Not one of \(badRows) rows of users can be used."
            throw BelfryError(.invalidInput, why, at: .init(file: rows.path))
        }
        guard seen == nil || hasSeen else {
            throw BelfryError(
                .invalidInput, "No user has the field that the recipe names as seen.", at: .init(file: rows.path),
                remedy: "Name a field that the rows have, or leave seen out.")
        }
    }

    private mutating func user(_ row: Row) throws(RowProblem) -> User {
        let written = try row.name(id)
        let key = written.wholeNumberName ?? written
        if let first = lines[UTF8Key(key)] {
            throw RowProblem(
                line: row.line, .value, "The user \(key.debugDescription) has been there before, on line \(first).")
        }
        do throws(BelfryError) {
            let user = User(
                key: key, fields: try fields.object(row),
                seen: try seen.map { column throws(BelfryError) in
                    try row.names(column)
                } ?? [])
            lines[UTF8Key(key)] = row.line
            if let seen, row.value(seen) != nil { hasSeen = true }
            return user
        } catch {
            throw RowProblem(line: row.line, .value, error.message)
        }
    }
}
