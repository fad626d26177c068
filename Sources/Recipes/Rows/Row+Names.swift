package import Files
import Foundation

extension JSON {
    /// The name of a point or a user: a text that is not blank, or a whole number of 64 bits; nil for any other value.
    package var name: String? {
        switch self {
        case .string(let text): text.isBlank || text.utf8.contains(0) ? nil : text.trimmed
        case .integer(let number): "\(number)"
        case .unsigned(let number): "\(number)"
        default: nil
        }
    }
}

extension Row {
    /// The name of a point or a user.
    package func name(_ column: Column) throws(RowProblem) -> String {
        guard let value = value(column), value.string?.isBlank != true else {
            throw RowProblem(line: line, .value, "The id is empty.")
        }
        guard let name = value.name else {
            throw RowProblem(
                line: line, .value, "The id is \(value.text()); it must be a text or a whole number of 64 bits.")
        }
        return name
    }

    /// The value of a column; in a delimited row, a list or an object stands there as JSON.
    package func nested(_ column: Column) -> JSON? {
        let value = value(column)
        guard case .delimited = content, let text = value?.string?.trimmed, text.hasPrefix("[") || text.hasPrefix("{")
        else { return value }
        return (try? JSON(parsing: Data(text.utf8), source: "line \(line)")) ?? value
    }

    /// The names of points: a list, or one text with commas between them; empty for an empty cell.
    package func names(_ column: Column) throws(BelfryError) -> [String] {
        guard let value = nested(column),
            let values = try PayloadType.list(separator: ",").convert(value, field: "that lists ids")?.array
        else { return [] }
        var names: [String] = []
        for value in values {
            guard let name = value.name else {
                throw BelfryError(
                    .invalidInput, "An id is \(value.text()); it must be a text or a whole number of 64 bits.")
            }
            names.append(name)
        }
        return names
    }
}
