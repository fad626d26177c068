package import Files

/// One row of a file: its columns or fields, and the line on which it starts.
package struct Row: Sendable {
    enum Content: Sendable {
        /// The columns' text without quotes, one behind the other, and where each ends. It is valid UTF-8.
        case delimited([UInt8], ends: [Int])
        case object(JSON.Members)
    }

    /// The line (counted from 1) on which the row starts.
    package let line: Int
    /// The row's number in the file, from 1.
    var number = 0
    let content: Content

    /// How many columns or fields the row has.
    package var count: Int {
        switch content {
        case .delimited(_, let ends): ends.count
        case .object(let members): members.count
        }
    }

    /// The text of a column; nil for a JSON field that is missing or null.
    ///
    /// A JSON number, boolean, array or object is given as its JSON text.
    package func text(_ column: Column) -> String? {
        switch (content, column.place) {
        case (.delimited, .index(let index)): return text(at: index)
        case (_, .rowNumber): return "\(number)"
        default:
            switch field(column) {
            case nil, .null?: return nil
            case .string(let text)?: return text
            case let other?: return other.text()
            }
        }
    }

    /// The value of a column: a string where the file is delimited, or the JSON field as it is. Nil for an empty
    /// column, and for a field that is missing or null.
    package func value(_ column: Column) -> JSON? {
        switch (content, column.place) {
        case (.delimited, .index(let index)): return text(at: index).flatMap { $0.isEmpty ? nil : .string($0) }
        case (_, .rowNumber): return .integer(Int64(number))
        default:
            let value = field(column)
            return value == .null ? nil : value
        }
    }

    /// The fields of a JSON row; none for a row of columns.
    package var members: JSON.Members {
        if case .object(let members) = content { members } else { JSON.Members() }
    }

    /// The names of a JSON row's fields, sorted; empty for a row of columns.
    package var fieldNames: [String] {
        if case .object(let members) = content { members.names } else { [] }
    }

    /// All columns' texts in order; empty for a JSON row.
    package var texts: [String] {
        guard case .delimited(_, let ends) = content else { return [] }
        return ends.indices.compactMap { text(at: $0) }
    }

    private func text(at index: Int) -> String? {
        guard case .delimited(let bytes, let ends) = content, ends.indices.contains(index) else { return nil }
        return String(decoding: bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]], as: UTF8.self)
    }

    private func field(_ column: Column) -> JSON? {
        guard case .object(let members) = content, case .field(let name, let path) = column.place else { return nil }
        // A member whose own name has dots wins over a nested one.
        if let value = members[name] { return value }
        var value: JSON? = members[path[0]]
        for part in path.dropFirst() { value = value?[part] }
        return value
    }
}
