import Files

/// What a model's folder says about the ends of its texts: where they are cut, and what fills them up.
///
/// A tower decides both by itself where the model's other files say more; a graph of a fixed length, or one that
/// compares ids with the padding's, needs the padding as it was trained.
struct TokenizerFileSettings {
    /// The length that `tokenizer.json` cuts texts to.
    private(set) var truncation: Int?
    /// The id of the padding.
    private(set) var padding: Int?
    /// Whether the padding comes first.
    private(set) var padsLeft = false

    /// Reads `tokenizer.json`, `tokenizer_config.json` and `config.json` of `folder`, as far as they are there.
    init(folder: String) throws(BelfryError) {
        let name = folder + "/tokenizer.json"
        let file = System.exists(name) ? try TokenizerJSON(file: name) : nil
        if let json = file?.json {
            if let cut = try json.object("truncation"), let length = try cut.integer("max_length"), length > 0 {
                truncation = length
            }
            if let pad = try json.object("padding") {
                padding = TokenizerJSON.id(try pad.integer("pad_id")).map { Int($0) }
                padsLeft = try pad.string("direction") == "Left"
            }
        }
        if System.exists(folder + "/tokenizer_config.json") {
            let json = try StrictObject(file: folder + "/tokenizer_config.json")
            padsLeft = try (json.string("padding_side") ?? (padsLeft ? "left" : "right")) == "left"
            // The token is a text, or an object with its content.
            let token = json["pad_token"]?.utf8 ?? json["pad_token"]?["content"]?.utf8
            if padding == nil, let token, let file { padding = try Self.id(of: token, file.json) }
        }
        guard padding == nil, System.exists(folder + "/config.json") else { return }
        padding = TokenizerJSON.id(try StrictObject(file: folder + "/config.json").integer("pad_token_id"))
            .map { Int($0) }
    }

    /// The id of a token: an added one's, or the vocabulary's.
    private static func id(of token: [UInt8], _ json: StrictObject) throws(BelfryError) -> Int? {
        for added in try json.objects("added_tokens") where try added.utf8("content") == token {
            return try added.integer("id")
        }
        let model = try json.object("model")
        if let entries = model?["vocab"]?.members {
            return entries.first { $0.name == token }?.value.integer
        }
        return model?["vocab"]?.array?.firstIndex { $0.array?.first?.utf8 == token }
    }
}
