import Files

/// Reads a tokenizer.json of the HuggingFace `tokenizers` library, part by part.
///
/// Truncation and padding that the file bakes in are ignored: the tower says how long a text may be.
struct TokenizerJSON {
    let json: StrictObject
    /// The file of a model of many languages has about 20 MB.
    private static let maxBytes = 64 << 20
    /// Ids and vocabularies beyond this belong to no model: its embedding would not fit into memory.
    static let maxIDs = 1 << 24
    private static let maxAdded = 1 << 17
    /// Tokens that a template puts around a text.
    private static let maxAround = 64

    init(file: String) throws(BelfryError) {
        try self.init(StrictObject(file: file, limit: Self.maxBytes))
    }

    init(_ json: StrictObject) throws(BelfryError) {
        self.json = json
        // Its length is the tower's matter, but which end is cut is not a setting of towers.
        let direction = try json.object("truncation")?.string("direction") ?? "Right"
        guard direction == "Right" else { throw refuse("truncation.direction", direction) }
    }

    /// What the model is called: `WordPiece`, `BPE`, `Unigram`.
    func modelType() throws(BelfryError) -> String {
        guard let type = try json.object("model")?.string("type") else { throw refuse("model", nil) }
        return type
    }

    /// The tokenizer that the file describes.
    func tokenizer() throws(BelfryError) -> any Tokenizer {
        if try modelType() == "WordPiece" { return WordPieceTokenizer(try .init(self)) }
        return try pipeline()
    }

    func place(_ part: String) -> BelfryError.Location { .init(file: json.file, place: part) }

    func refuse(_ part: String, _ type: String?) -> BelfryError {
        BelfryError(.unsupported, "The \(part) “\(type ?? "none")” is not supported.", at: place(part))
    }

    /// The part `name`, which must be of this type.
    func part(_ name: String, _ type: String) throws(BelfryError) -> StrictObject {
        let part = try json.object(name)
        let found = try part?.string("type")
        guard let part, found == type else { throw refuse(name, found) }
        return part
    }

    static func id(_ number: Int?) -> Int32? {
        number.flatMap { (0..<maxIDs).contains($0) ? Int32($0) : nil }
    }

    /// The tokens of an object `{token: id}`, in the order of the file.
    func vocabulary(_ model: StrictObject) throws(BelfryError) -> [(token: [UInt8], id: Int32)] {
        guard let entries = try model.object("vocab")?.members else {
            throw .corrupt("The vocabulary is missing.", at: place("model.vocab"))
        }
        return try Self.vocabulary(entries, at: place("model.vocab"))
    }

    static func vocabulary(
        _ entries: [(name: [UInt8], value: StrictJSON)], at location: BelfryError.Location
    ) throws(BelfryError) -> [(token: [UInt8], id: Int32)] {
        var vocabulary: [(token: [UInt8], id: Int32)] = []
        vocabulary.reserveCapacity(entries.count)
        for (token, value) in entries {
            guard let id = id(value.integer) else {
                throw .corrupt(
                    "The id of “\(String(decoding: token, as: UTF8.self))” is not a count.", at: location)
            }
            vocabulary.append((token, id))
        }
        return vocabulary
    }

    /// The added tokens, with the ids that the library gives them: one that the model knows has the model's id, others
    /// have the ids after the `vocabularyCount` of the model, whatever the file says.
    func addedTokens(
        vocabularyCount: Int, _ idOfModel: ([UInt8]) -> Int32?
    ) throws(BelfryError) -> [AddedToken] {
        let entries = try json.objects("added_tokens")
        guard entries.count <= Self.maxAdded else { throw refuse("added_tokens of", "\(entries.count) tokens") }
        var added: [AddedToken] = []
        var ids: [[UInt8]: Int32] = [:]
        for entry in entries {
            guard let content = try entry.utf8("content"), Self.id(try entry.integer("id")) != nil else {
                throw .corrupt("An added token needs a content and an id.", at: place(entry.place))
            }
            if content.isEmpty { continue }
            let isSpecial = try entry.bool("special", default: false)
            let id = ids[content] ?? idOfModel(content) ?? Int32(vocabularyCount + ids.count)
            if idOfModel(content) == nil { ids[content] = id }
            added.append(
                .init(
                    content: content, id: id, isSingleWord: try entry.bool("single_word", default: false),
                    stripsLeft: try entry.bool("lstrip", default: false),
                    stripsRight: try entry.bool("rstrip", default: false),
                    isNormalized: try entry.bool("normalized", default: !isSpecial)))
        }
        return added
    }

    /// The tokens that the post-processor puts around a text.
    func template() throws(BelfryError) -> TokenTemplate {
        guard let processor = try json.object("post_processor") else { return TokenTemplate() }
        let template = try template(processor, depth: 0)
        let count = template.before.count + template.after.count
        guard count <= Self.maxAround else { throw refuse("post_processor that adds", "\(count) tokens") }
        return template
    }

    private func template(_ processor: StrictObject, depth: Int) throws(BelfryError) -> TokenTemplate {
        let type = try processor.string("type")
        switch type {
        case "BertProcessing", "RobertaProcessing":
            guard let first = Self.id(try processor.array("cls")?.last?.integer),
                let last = Self.id(try processor.array("sep")?.last?.integer)
            else { throw .corrupt("The tokens of the template have no ids.", at: place(processor.place)) }
            return TokenTemplate(before: [first], after: [last])
        case "TemplateProcessing": return try template(single: processor)
        // It only changes offsets.
        case "ByteLevel": return TokenTemplate()
        case "Sequence":
            guard depth < 8 else { throw refuse("nesting of \(processor.place)", type) }
            var template = TokenTemplate()
            for part in try processor.objects("processors") {
                // Each is applied to what the one before made.
                let outer = try self.template(part, depth: depth + 1)
                template.before = outer.before + template.before
                template.after += outer.after
            }
            return template
        default: throw refuse("post_processor", type)
        }
    }

    private func template(single processor: StrictObject) throws(BelfryError) -> TokenTemplate {
        var template = TokenTemplate()
        var sawText = false
        for piece in try processor.array("single") ?? [] {
            if let text = piece["Sequence"] {
                guard !sawText, text["id"]?.string == "A", text["type_id"]?.integer == 0 else {
                    throw refuse("template with another sequence than one A of type 0", nil)
                }
                sawText = true
                continue
            }
            guard let special = piece["SpecialToken"], let name = special["id"]?.string,
                special["type_id"]?.integer == 0,
                let ids = try processor.object("special_tokens")?.object(name)?.array("ids")
            else { throw refuse("template with a token that is unknown or not of type 0", nil) }
            for id in ids {
                guard let id = Self.id(id.integer) else {
                    throw .corrupt("The template's token “\(name)” has no id.", at: place(processor.place))
                }
                if sawText { template.after.append(id) } else { template.before.append(id) }
            }
        }
        guard sawText else {
            throw .corrupt("The template has no place for the text.", at: place(processor.place))
        }
        return template
    }
}
