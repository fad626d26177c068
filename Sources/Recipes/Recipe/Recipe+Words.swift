import Belfry
import Files

// What is searched by words.
extension Recipe {
    private enum Search: String, CaseIterable { case meaning, words, hybrid }

    /// How texts are searched for, and in which fields words are looked for.
    ///
    /// ```yaml
    /// search: hybrid                 # or meaning, which is usual, or words
    /// words:
    ///   fields: {title: 2, description: 1}
    ///   language: english            # or none
    /// ```
    /// Without fields, those of the text.
    static func search(
        _ fields: YAMLFields, _ payload: [String: PayloadType], _ input: Input
    ) throws(BelfryError) -> (TextSearch, WordIndex?) {
        let search = try fields.optionalChoice("search", of: Search.self)
        let options = try fields.optionalFields("words", known: ["fields", "language", "k1", "b", "share"])
        guard search ?? .meaning != .meaning || options != nil else { return (.byMeaning, nil) }
        let language = try options?.optionalText("language") ?? "english"
        var index = WordIndex(
            try wordFields(fields, options, payload, input), language: language == "none" ? nil : language)
        index.k1 = try options?.optionalNumber("k1") ?? index.k1
        index.b = try options?.optionalNumber("b") ?? index.b
        do throws(BelfryError) {
            try index.require()
        } catch {
            throw fields.failure("words", "cannot be: \(error.message)", remedy: error.remedy)
        }
        let share = try options?.optionalNumber("share")
        if let share, !(share > 0 && share < 1) {
            throw fields.failure(
                "words", "have the share \(share)",
                remedy: "Take a number between 0 and 1, or write search: meaning, or search: words.")
        }
        switch search {
        case .meaning: return (.byMeaning, index)
        case .words: return (.byWords, index)
        case .hybrid, nil: return (.hybrid(words: share ?? TextSearch.usualShare), index)
        }
    }

    /// What is searched by words, as a build keeps it; nil for nothing.
    package var wordsInWords: String? { words.map { JSON(encoding: $0).text() } }

    private static func wordFields(
        _ fields: YAMLFields, _ options: YAMLFields?, _ payload: [String: PayloadType], _ input: Input
    ) throws(BelfryError) -> [WordIndex.Field] {
        var found: [WordIndex.Field] = []
        if let weights = try options?.optionalFields("fields", known: nil) {
            for name in weights.names {
                found.append(.init(name, weight: try weights.optionalNumber(name) ?? 1))
            }
        } else if case .text(let template) = input.read(asText: true) {
            for name in template.fields where !found.contains(where: { $0.path == name }) { found.append(.init(name)) }
        }
        guard !found.isEmpty else {
            throw fields.failure(
                "search", "looks for words, and it is not said in which fields",
                remedy: "Write words: {fields: {title: 2, description: 1}}.")
        }
        if let unknown = found.first(where: { !payload.keys.containsBytes(of: $0.path) }) {
            throw fields.failure(
                "search", "looks for words in \(unknown.path.debugDescription), which is not in payload",
                remedy: "Words are searched in what is kept of a row: add \(unknown.path): string to payload.")
        }
        // A payload has the columns by their names, whatever is in these.
        return found.map { .init(JSONPath(member: $0.path).description, weight: $0.weight) }
    }
}
