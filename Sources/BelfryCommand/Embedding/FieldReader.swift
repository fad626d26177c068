import Files
import Recipes
import Towers

/// The rows that `embed` reads for a tower of feature columns: of each the fields that the tower knows.
struct FieldReader {
    private let rows: RowReader
    private let tower: Tower
    private let fields: [TowerField]
    private let columns: [(field: String, column: Column)]
    private let isDelimited: Bool
    private let separator: String?

    /// - Parameters:
    ///   - path: a .jsonl, .csv or .tsv, also .gz; standard input, which holds JSON lines, without it.
    ///   - separator: what stands between the elements of a list in a column.
    init(_ path: String?, tower: Tower, separator: String?) throws(BelfryError) {
        let path = path ?? "-"
        rows = path == "-" ? try RowReader(path, format: RowFormat(.jsonl)) : try RowReader(path)
        self.tower = tower
        self.separator = separator
        fields = tower.fields
        isDelimited = rows.columnNames != nil
        var columns: [(String, Column)] = []
        for field in fields {
            // A table may lack the columns of fields that have a default.
            if !field.isRequired, let names = rows.columnNames, !names.containsBytes(of: field.name) { continue }
            columns.append((field.name, try rows.column(.name(field.name))))
        }
        self.columns = columns
    }

    /// The file, for errors.
    var path: String { rows.path }

    /// The next rows, `count` at most; none at the end.
    func next(_ count: Int) throws(BelfryError) -> [JSON] {
        var found: [JSON] = []
        while found.count < count, let event = try rows.next() {
            switch event {
            case .problem(let problem): throw problem.error(in: rows.path)
            case .row(let row):
                var members = JSON.Members()
                for (field, column) in columns {
                    guard let value = row.value(column) else { continue }
                    if isDelimited, case .string(let text) = value {
                        members[field] = tower.value(ofCell: text, field: field, separator: separator)
                    } else {
                        members[field] = value
                    }
                }
                try requireFields(members, row)
                found.append(.object(members))
            }
        }
        return found
    }

    /// Names all that a row lacks at once, and what it has: names that are not the tower's are the usual reason.
    private func requireFields(_ members: JSON.Members, _ row: Row) throws(BelfryError) {
        var missing = fields.filter { $0.isRequired && members[$0.name] == nil }
        guard !missing.isEmpty || members.isEmpty else { return }
        let has = rows.columnNames ?? row.fieldNames
        // Of a tower that needs no field, a row with none of them is as good as empty, and one with others is a mistake.
        if members.isEmpty, !has.isEmpty, fields.allSatisfy({ !has.containsBytes(of: $0.name) }) { missing = fields }
        guard !missing.isEmpty else { return }
        throw BelfryError(
            .invalidInput,
            "The row has no value for \(missing.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")), which the "
                + "tower reads.",
            at: .line(row.line, of: rows.path),
            remedy: has.isEmpty
                ? "The row is empty." : "It has the fields: \(has.prefix(20).joined(separator: ", ")).")
    }
}
