package import Files

/// What the tower reads of a row: text with `{field}` in place of values.
///
/// A field that is absent or blank leaves nothing behind, and white space at both ends is cut, so that
/// `{title}\n{description}` of a row without a description is its title. `{{` and `}}` stand for braces.
package struct TextTemplate: Hashable, Sendable {
    enum Part: Hashable {
        case literal(String)
        case field(String)
    }

    /// The template as the recipe writes it.
    package let source: String
    let parts: [Part]

    /// The fields that the template names, in order.
    package var fields: [String] {
        parts.compactMap { if case .field(let name) = $0 { name } else { nil } }
    }

    /// Parses a template.
    /// - Throws: `invalidInput` for a lone brace, an empty name, or a template that names no field.
    package init(_ source: String) throws(BelfryError) {
        self.source = source
        var parts: [Part] = []
        var literal = ""
        var rest = Substring(source)
        func failure(_ message: String) -> BelfryError {
            BelfryError(.invalidInput, "The text template \(source.debugDescription) \(message)")
        }
        while let character = rest.popFirst() {
            switch character {
            case "{" where rest.first == "{", "}" where rest.first == "}":
                literal.append(rest.removeFirst())
            case "{":
                guard let end = rest.firstIndex(of: "}") else { throw failure("has a { without its }.") }
                let name = String(rest[..<end])
                guard !name.isEmpty, !name.contains("{") else { throw failure("names no field between { and }.") }
                if !literal.isEmpty { parts.append(.literal(literal)) }
                literal = ""
                parts.append(.field(name))
                rest = rest[rest.index(after: end)...]
            case "}":
                throw failure("has a } without its {; write }} for a brace.")
            default:
                literal.append(character)
            }
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        self.parts = parts
        if fields.isEmpty { throw failure("names no field, so every row would read the same.") }
    }

    /// The text for one row, or nil where none of the fields has a value.
    func text(_ value: (String) -> String?) -> String? {
        var text = ""
        var found = false
        for part in parts {
            switch part {
            case .literal(let literal): text += literal
            case .field(let name):
                guard let value = value(name)?.trimmed, !value.isBlank else { continue }
                text += value
                found = true
            }
        }
        return found ? text.trimmed : nil
    }
}
