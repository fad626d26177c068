import Belfry
import Files

// What is searched by words, as the configuration of sparse vectors says it:
// `{"words": {"fields": {"title": 2, "description": 1}, "language": "english"}}`.
extension WordIndex {
    /// Reads the member `words` of sparse vectors; nil where there is none.
    /// - Throws: 400 for what no index can have.
    init?(sparseVectors body: Body) throws {
        guard let words = try body.object("words") else { return nil }
        var fields: [Field] = []
        if case .array(let names)? = words["fields"] {
            for (place, name) in names.enumerated() {
                guard let name = name.string else {
                    throw Refusal.format("\(words.path("fields"))[\(place)]", "a text is expected")
                }
                fields.append(Field(name))
            }
        } else {
            guard let weights = try words.object("fields") else {
                throw Refusal.format(words.place, "missing field `fields`")
            }
            for name in weights.json.names { fields.append(Field(name, weight: try weights.number(name) ?? 1)) }
        }
        let language = words.has("language") ? try words.text("language") : "english"
        self.init(fields, language: language == "none" ? nil : language)
        k1 = try words.number("k1") ?? k1
        b = try words.number("b") ?? b
        do throws(BelfryError) {
            try require()
        } catch {
            throw Refusal.bad("\(words.place): \(error.message) \(error.remedy?.description ?? "")")
        }
    }

    /// The member `words`.
    var json: JSON {
        var members: JSON.Members = [
            "fields": .object(JSON.Members(fields.map { ($0.path, .number($0.weight)) })), "k1": .number(k1),
            "b": .number(b),
        ]
        members["language"] = .string(language ?? "none")
        return .object(members)
    }
}
