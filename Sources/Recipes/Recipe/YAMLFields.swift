import Files
import Yams

/// One mapping of a YAML file, read field by field, with errors that name the line.
///
/// A field that is not one of the known ones is refused before any other is looked at: a misspelt field is an error and
/// not a silent default.
struct YAMLFields {
    let file: String
    private let mapping: Node.Mapping
    private let title: String

    /// The fields of a whole file. Without `known`, names are free.
    init(parsing yaml: String, known: [String]?, file: String) throws(BelfryError) {
        try YAMLText.check(yaml, file: file)
        let node: Node?
        do {
            node = try Yams.compose(yaml: yaml)
        } catch {
            throw Self.failure(error, yaml, file)
        }
        guard let node else { throw BelfryError(.invalidInput, "The recipe is empty.", at: .init(file: file)) }
        try self.init(node, "", known: known, file: file)
    }

    private static func failure(_ error: any Error, _ yaml: String, _ file: String) -> BelfryError {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            BelfryError(
                .invalidInput, "The recipe is not valid YAML: \(problem).", at: .line(mark.line, of: file),
                remedy: unquotedBrace(yaml, mark.line))
        case .duplicatedKeysInMapping(let names, let context):
            BelfryError(
                .invalidInput, "\(names.joined(separator: ", ")) stands there twice.",
                at: .line(context.mark.line, of: file))
        default:
            BelfryError(.invalidInput, "The recipe is not valid YAML.", at: .init(file: file), cause: error)
        }
    }

    /// What to do about a line whose value begins with a brace, which YAML takes for a mapping.
    private static func unquotedBrace(_ yaml: String, _ line: Int) -> String? {
        let lines = yaml.split(separator: "\n", omittingEmptySubsequences: false)
        // The parser may notice it on the line behind.
        for number in [line, line - 1] where lines.indices.contains(number - 1) {
            guard let found = lines[number - 1].firstMatch(of: /^\s*(?:- )?([\w.-]+):\s+(\{[^{}:,"']+\}.*?)\s*$/) else {
                continue
            }
            return quoted(String(found.1), String(found.2))
        }
        return nil
    }

    private static func quoted(_ name: String, _ text: String) -> String {
        "Write a text that begins with a brace in quotes: \(name): \"\(text)\""
    }

    /// The fields of `node`; `title` names it in errors (`rows`, `payload.tags`). Without `known`, names are free.
    init(_ node: Node, _ title: String, known: [String]?, file: String) throws(BelfryError) {
        guard let mapping = node.mapping else {
            throw BelfryError(
                .invalidInput, "\(title.isEmpty ? "The recipe" : title) must be a mapping of fields.",
                at: Self.location(of: node, file))
        }
        self.mapping = mapping
        self.title = title
        self.file = file
        for key in mapping.keys where known?.contains(key.string ?? "") == false {
            throw BelfryError(
                .invalidInput, "\(path(key.string ?? "")) is not a field of a recipe.",
                at: Self.location(of: key, file), remedy: "Fields known here: \(known!.joined(separator: ", ")).")
        }
    }

    static func location(of node: Node, _ file: String) -> BelfryError.Location {
        node.mark.map { .line($0.line, of: file) } ?? .init(file: file)
    }

    /// An error about the value of a field.
    func failure(_ name: String, _ message: String, remedy: Remedy? = nil) -> BelfryError {
        let place = mapping[name].map { Self.location(of: $0, file) } ?? .init(file: file)
        return BelfryError(.invalidInput, "\(path(name)) \(message)", at: place, remedy: remedy)
    }

    /// The names of all fields, in the order of the file.
    var names: [String] { mapping.keys.compactMap(\.string) }

    /// Any value. A name in quotes that would be a number or a boolean without them is one, too.
    func node(_ name: String) -> Node? { mapping[name] ?? mapping.first { $0.key.string == name }?.value }

    /// A text value that must be there.
    func text(_ name: String) throws(BelfryError) -> String {
        guard let text = try optionalText(name) else {
            throw BelfryError(.invalidInput, "\(path(name)) is missing.", at: .init(file: file))
        }
        return text
    }

    /// A text value, or nil where the field is absent.
    func optionalText(_ name: String) throws(BelfryError) -> String? {
        guard let node = node(name) else { return nil }
        guard let scalar = node.scalar else {
            throw failure(
                name, "must be a text.", remedy: node.unquotedField.map { Remedy(Self.quoted(name, "{\($0)}")) })
        }
        return scalar.string
    }

    /// A whole number of at least `minimum`, or nil where the field is absent.
    func optionalCount(_ name: String, minimum: Int = 1) throws(BelfryError) -> Int? {
        guard let node = node(name) else { return nil }
        guard let value = node.int, value >= minimum else {
            throw failure(name, "must be a whole number of at least \(minimum).")
        }
        return value
    }

    /// A number above 0 and up to 1, or nil where the field is absent.
    func optionalShare(_ name: String) throws(BelfryError) -> Double? {
        guard let node = node(name) else { return nil }
        guard let value = node.float, value > 0, value <= 1 else {
            throw failure(name, "must be a number above 0 and up to 1, as 0.95.")
        }
        return value
    }

    /// A finite number, or nil where the field is absent.
    func optionalNumber(_ name: String) throws(BelfryError) -> Double? {
        guard let node = node(name) else { return nil }
        guard let value = node.float, value.isFinite else { throw failure(name, "must be a number.") }
        return value
    }

    /// A list of texts, or nil where the field is absent.
    /// - Parameter what: what it must be, as `a list of names, as [one, two]`.
    func optionalTexts(_ name: String, _ what: String) throws(BelfryError) -> [String]? {
        guard let node = node(name) else { return nil }
        let texts = node.sequence?.compactMap(\.string) ?? []
        guard let sequence = node.sequence, texts.count == sequence.count else {
            throw failure(name, "must be \(what).")
        }
        return texts
    }

    /// `true` or `false`, or nil where the field is absent.
    func optionalBool(_ name: String) throws(BelfryError) -> Bool? {
        guard let node = node(name) else { return nil }
        guard let value = node.bool else { throw failure(name, "must be true or false.") }
        return value
    }

    /// One of the cases of `Choice` by its raw value, or nil where the field is absent.
    func optionalChoice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, of type: Choice.Type
    ) throws(BelfryError) -> Choice? {
        guard let text = try optionalText(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw failure(name, "is \(text.debugDescription); it must be one of \(choices).")
        }
        return choice
    }

    /// A mapping, or nil where the field is absent.
    func optionalFields(_ name: String, known: [String]?) throws(BelfryError) -> YAMLFields? {
        guard let node = node(name) else { return nil }
        return try YAMLFields(node, path(name), known: known, file: file)
    }

    private func path(_ name: String) -> String { title.isEmpty ? name : "\(title).\(name)" }
}

extension Node {
    /// The name of `{name}` that stands without quotes, which YAML takes for a mapping.
    fileprivate var unquotedField: String? {
        guard let mapping, mapping.count == 1, let pair = mapping.first, pair.value.null != nil else { return nil }
        return pair.key.string
    }
}
