import Belfry
import Files
import Recipes
import Shards
import Towers

/// What the fields of a row hold: values, lists, ids, and what the tower takes.
extension QueryReader {
    func column(_ field: String) -> Column { columns[UTF8Key(field)]! }

    func value(_ field: String, _ row: Row) -> JSON? { row.value(column(field)) }

    /// The elements of a list; one value is a list of one, and an empty field an empty list. In a delimited file commas
    /// stand between them.
    func list(_ field: String, _ row: Row) -> [JSON] {
        guard let value = row.nested(column(field)) else { return [] }
        if let elements = value.array { return elements }
        guard isDelimited, let text = value.string else { return [value] }
        return text.split(separator: ",").map { .string($0.trimmed) }
    }

    func ids(_ field: String?, _ row: Row) throws(RowProblem) -> [PointID] {
        guard let field else { return [] }
        var ids: [PointID] = []
        for element in list(field, row) { ids.append(try id(element, row, field)) }
        return ids
    }

    func id(_ value: JSON, _ row: Row, _ what: String) throws(RowProblem) -> PointID {
        PointName(try name(value, row, what)).id
    }

    func name(_ value: JSON, _ row: Row, _ what: String) throws(RowProblem) -> String {
        guard let name = value.name else {
            throw RowProblem(
                line: row.line, .value,
                "An id in \(what) is \(value.text()); it must be a text or a whole number of 64 bits.")
        }
        return name
    }

    /// A field as the tower wants it.
    func member(_ field: String, _ row: Row) -> JSON? {
        guard isDelimited, let tower, let text = row.text(column(field)) else { return value(field, row) }
        let value = tower.value(ofCell: text, field: field)
        return value == .null ? nil : value
    }
}
