import Files
import Foundation
import Shards
import Towers

/// What the fields of a row hold: values, lists, ids, and what the tower takes.
extension QueryReader {
    func column(_ field: String) -> Column { columns[field]! }

    func value(_ field: String, _ row: Row) -> JSON? { row.value(column(field)) }

    /// The value of a field; in a delimited file a list or an object stands there as JSON.
    func nested(_ field: String, _ row: Row) -> JSON? {
        let value = value(field, row)
        guard isDelimited, let text = value?.string?.trimmed, text.hasPrefix("[") || text.hasPrefix("{") else {
            return value
        }
        return (try? JSON(parsing: Data(text.utf8), source: field)) ?? value
    }

    /// The elements of a list; one value is a list of one, and an empty field an empty list. In a delimited file commas
    /// stand between them.
    func list(_ field: String, _ row: Row) -> [JSON] {
        guard let value = nested(field, row) else { return [] }
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
        switch value {
        case .string(let text) where !text.trimmed.isEmpty: return text.trimmed
        case .integer(let number): return "\(number)"
        case .unsigned(let number): return "\(number)"
        default:
            throw RowProblem(
                line: row.line, .value,
                "An id in \(what) is \(value.text()); it must be a text or a whole number of 64 bits.")
        }
    }

    /// A field as the tower wants it.
    func member(_ field: String, _ row: Row) -> JSON? {
        guard isDelimited, let tower, let text = row.text(column(field)) else { return value(field, row) }
        let value = tower.value(ofCell: text, field: field)
        return value == .null ? nil : value
    }
}
