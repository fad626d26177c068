package import Files
import Foundation

/// What a payload field holds, and how a text becomes that.
package enum PayloadType: Hashable, Sendable {
    /// The text as it is.
    case string
    /// A whole number of 64 bits; `5.0` is one.
    case integer
    /// A finite number; a whole one of 64 bits keeps all its digits.
    case number
    /// `true`, `yes`, `y`, `t`, `1` and their opposites, in any case.
    case boolean
    /// Strings between separators, without the spaces around them; empty ones are left out. A text in brackets is a list
    /// as JSON or Python writes it: `["a", "b"]`, `['a', 'b']`.
    case list(separator: String)
    /// Any JSON value, or a list or a dictionary as Python writes it.
    case json

    /// The type that a recipe names: `string`, `integer`, `number`, `boolean`, `list` or `json`.
    /// - Parameter separator: what stands between the elements of a list; `,` without it.
    package init(name: String, separator: String? = nil) throws(BelfryError) {
        switch name {
        case "string": self = .string
        case "integer": self = .integer
        case "number": self = .number
        case "boolean": self = .boolean
        case "list" where separator != "": self = .list(separator: separator ?? ",")
        case "list": throw BelfryError(.invalidInput, "The separator of a list cannot be empty.")
        case "json": self = .json
        default:
            throw BelfryError(
                .invalidInput, "There is no payload type '\(name)'.",
                remedy: "The types are: string, integer, number, boolean, list, json.")
        }
    }

    /// The name, as a recipe writes it.
    package var name: String {
        switch self {
        case .string: "string"
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        case .list: "list"
        case .json: "json"
        }
    }

    /// The value that `text` stands for; nil for an empty text, which is an absent field.
    /// - Throws: `invalidInput` that names the field, the text and the type.
    package func convert(_ text: String, field: String) throws(BelfryError) -> JSON? {
        guard !text.isEmpty else { return nil }
        if self == .string { return .string(text) }
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !trimmed.isEmpty else { return nil }
        switch self {
        case .string: return .string(text)
        case .integer:
            if let value = Int64(trimmed) { return .integer(value) }
            if let value = UInt64(trimmed) { return .unsigned(value) }
            // A column with gaps is often written with fractions.
            if let value = WholeNumber(trimmed) { return value.json ?? .integer(0) }
        case .number:
            // Beyond 2^53 an f64 would round a whole number.
            if let value = WholeNumber(trimmed)?.json { return value }
            // Double also reads "nan", "infinity" and hexadecimal, which no JSON number is.
            let digits = trimmed.utf8.allSatisfy { (48...57).contains($0) || "+-.eE".utf8.contains($0) }
            if digits, let value = Double(trimmed), value.isFinite { return .number(value) }
        case .boolean:
            switch trimmed.lowercased() {
            case "true", "yes", "y", "t", "1": return .bool(true)
            case "false", "no", "n", "f", "0": return .bool(false)
            default: if let value = Self.boolean(WholeNumber(trimmed)?.json) { return value }
            }
        case .list(let separator):
            if let elements = Self.elements(trimmed) { return .array(elements) }
            let parts = text.components(separatedBy: separator).map {
                $0.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            return .array(parts.filter { !$0.isEmpty }.map { .string($0) })
        case .json:
            if let value = Self.structure(text), !value.hasZero { return value == .null ? nil : value }
        }
        throw mismatch(text, field: field)
    }

    /// The value that a JSON value stands for: itself where it has the type, otherwise what its text converts to.
    /// - Throws: `invalidInput` that names the field, the value and the type.
    package func convert(_ value: JSON, field: String) throws(BelfryError) -> JSON? {
        switch (self, value) {
        case (_, .null): return nil
        case (.json, _), (.integer, .integer), (.integer, .unsigned), (.boolean, .bool), (.list, .array): return value
        case (.number, .integer), (.number, .unsigned), (.number, .number): return value
        case (.integer, .number(0)): return .integer(0)
        case (.boolean, .integer): if let value = Self.boolean(value) { return value }
        case (_, .string(let text)): return try convert(text, field: field)
        case (.string, .integer), (.string, .unsigned), (.string, .number), (.string, .bool):
            return .string(value.text())
        default: break
        }
        throw mismatch(value.text(), field: field)
    }

    /// The elements of a list in brackets, without nulls and empty texts; nil for a text that is none.
    static func elements(_ text: String) -> [JSON]? {
        guard text.hasPrefix("["), text.hasSuffix("]"), let list = structure(text)?.array,
            !list.contains(where: \.hasZero)
        else { return nil }
        return list.filter { $0 != .null && $0 != .string("") }
    }

    /// What a text of JSON stands for, or one of Python.
    static func structure(_ text: String) -> JSON? {
        (try? JSON(parsing: Data(text.utf8), source: "")) ?? PythonLiteral.json(text)
    }

    /// What 0 and 1 stand for.
    private static func boolean(_ number: JSON?) -> JSON? {
        switch number {
        case .integer(0): .bool(false)
        case .integer(1): .bool(true)
        default: nil
        }
    }

    private func mismatch(_ text: String, field: String) -> BelfryError {
        let shown = text.count > 80 ? text.prefix(80) + "…" : text[...]
        let expected =
            switch self {
            case .string: "a text"
            case .integer: "a whole number"
            case .number: "a number"
            case .boolean: "true or false"
            case .list: "a list"
            case .json: "JSON"
            }
        return BelfryError(.invalidInput, "Field '\(field)' is '\(shown)', but \(expected) is expected.")
    }
}
