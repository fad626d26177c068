import Belfry
import Files
import Towers

/// The columns of a file that hold a tower's fields: makes the object that the tower embeds of a row.
struct FieldColumns {
    private let tower: Tower
    private let columns: [(field: String, column: Column, separator: String?)]
    private let isDelimited: Bool

    /// Finds the columns of the tower's fields in `rows`.
    /// - Parameters:
    ///   - names: what the recipe calls fields that it names otherwise than the tower.
    ///   - source: the recipe's names for columns.
    ///   - payload: the recipe's types: what separates a list of the payload separates it for the tower, too.
    /// - Throws: `notFound` for a field that a row must have, `invalidInput` for a name that the tower does not have.
    init(
        _ tower: Tower, _ names: [String: String], in rows: RowReader, _ source: RowSource,
        payload: [String: PayloadType] = [:]
    ) throws(BelfryError) {
        let fields = tower.fields
        try tower.requireFields(Array(names.keys))
        var columns: [(String, Column, String?)] = []
        for field in fields {
            let name = names[field.name] ?? field.name
            do throws(BelfryError) {
                let separator = if case .list(let separator)? = payload[name] { separator } else { String?.none }
                columns.append((field.name, try rows.column(source.reference(name)), separator))
            } catch {
                // A field that may be absent, and that the recipe does not name.
                guard names[field.name] == nil, !field.isRequired, error.code == .notFound else { throw error }
            }
        }
        self.tower = tower
        self.columns = columns
        isDelimited = source.format.kind != .jsonl
    }

    /// The fields of a row that have a value, as the tower wants them.
    /// - Throws: what the tower would refuse.
    func object(_ row: Row) throws(BelfryError) -> JSON {
        var members = JSON.Members()
        for (field, column, separator) in columns {
            let value =
                isDelimited
                ? row.text(column).map { tower.value(ofCell: $0, field: field, separator: separator) }
                : row.value(column)
            if let value, value != .null { members[field] = value }
        }
        let object = JSON.object(members)
        if isDelimited, object.hasZero {
            throw BelfryError(.invalidInput, "A field of the row has the character U+0000 (\\u0000).")
        }
        try tower.check(object)
        return object
    }
}
