import Files

/// The tokenizer of a folder with `vocab.json` and `merges.txt`: what `tokenizer_config.json` calls a RoBERTa, GPT-2 or
/// CLIP tokenizer, which the transformers library completes with parts that stand in no file.
struct PairFiles {
    private let folder: String
    private let config: StrictObject
    private static let maxBytes = 64 << 20

    init(folder: String) throws(BelfryError) {
        self.folder = folder
        let file = folder + "/tokenizer_config.json"
        guard System.exists(file) else {
            throw BelfryError(
                .unsupported, "Without tokenizer_config.json, vocab.json does not say which tokenizer it belongs to.",
                at: .init(file: folder), remedy: Self.remedy)
        }
        config = try StrictObject(file: file)
    }

    private static let remedy =
        "Save the tokenizer as tokenizer.json: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)."

    func tokenizer() throws(BelfryError) -> PipelineTokenizer {
        let name = try config.string("tokenizer_class") ?? "none"
        var model = PairEncoding.Model(isByteLevel: true)
        let file = folder + "/vocab.json"
        let location = BelfryError.Location(file: file)
        guard let entries = try StrictJSON(file: file, limit: Self.maxBytes).members else {
            throw .corrupt("The file must be an object of tokens and ids.", at: location)
        }
        model.vocabulary = try TokenizerJSON.vocabulary(entries, at: location)
        model.merges = try merges()
        let table = TokenTable(model.vocabulary)
        var template = TokenTemplate()
        var added: [AddedToken] = []
        var normalizer = TextNormalizer()
        var steps: [PreTokenizer.Step] = []
        /// A special token by its name in the configuration, or its usual text.
        func special(_ key: String, _ fallback: String, stripsLeft: Bool = false) throws(BelfryError) -> Int32 {
            let written =
                config[key]?.members == nil ? try config.utf8(key) : try config.object(key)?.utf8("content")
            let token = written ?? Array(fallback.utf8)
            guard let id = table.id(token) else {
                throw .corrupt("The token “\(String(decoding: token, as: UTF8.self))” is not in it.", at: location)
            }
            if !added.contains(where: { $0.id == id }) {
                added.append(AddedToken(content: token, id: id, stripsLeft: stripsLeft))
            }
            return id
        }
        switch name.replacing("Fast", with: "") {
        case "RobertaTokenizer":
            template = TokenTemplate(
                before: [try special("cls_token", "<s>")], after: [try special("sep_token", "</s>")])
            for (key, fallback) in [("pad_token", "<pad>"), ("unk_token", "<unk>")] { _ = try special(key, fallback) }
            _ = try special("mask_token", "<mask>", stripsLeft: true)
            steps = try byteLevel(addsSpace: config.bool("add_prefix_space", default: false))
        case "GPT2Tokenizer":
            _ = try special("unk_token", "<|endoftext|>")
            steps = try byteLevel(addsSpace: config.bool("add_prefix_space", default: false))
        case "CLIPTokenizer":
            template = TokenTemplate(
                before: [try special("bos_token", "<|startoftext|>")],
                after: [try special("eos_token", "<|endoftext|>")])
            let unknown = try special("unk_token", "<|endoftext|>")
            model.unknown = model.vocabulary.first { $0.id == unknown }?.token
            model.endSuffix = Array("</w>".utf8)
            normalizer.steps = [
                .form(.of(.nfc)), .replace(try TextPattern(#"\s+"#, at: location), [0x20]), .lowercase,
            ]
            let words = try TextPattern(
                #"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#, at: location)
            steps = [.split(words, .removed, isInverted: true)] + (try byteLevel(addsSpace: false))
        default:
            throw BelfryError(
                .unsupported, "The tokenizer “\(name)” is not supported from vocab.json.",
                at: config.location("tokenizer_class"), remedy: Self.remedy)
        }
        try refuseMoreTokens(added)
        return try PipelineTokenizer(
            normalizer, PreTokenizer(steps: steps), .pairs(PairEncoding(model, at: location)), added, template,
            largestModelID: model.vocabulary.map(\.id).max() ?? 0, at: location)
    }

    private func byteLevel(addsSpace: Bool) throws(BelfryError) -> [PreTokenizer.Step] {
        let pattern = try TextPattern(TokenizerJSON.byteLevelPattern, at: .init(file: folder))
        let split = PreTokenizer.Step.split(pattern, .isolated, isInverted: false)
        return addsSpace ? [.prefixSpace, split] : [split]
    }

    private func merges() throws(BelfryError) -> [(left: [UInt8], right: [UInt8])] {
        let file = folder + "/merges.txt"
        let text = [UInt8](try System.read(file, limit: Self.maxBytes))
        var merges: [(left: [UInt8], right: [UInt8])] = []
        for (number, line) in text.split(separator: 0x0a).enumerated() {
            let line = line.last == 0x0d ? line.dropLast() : line
            if line.isEmpty || line.starts(with: "#version".utf8) { continue }
            guard let merge = TokenizerJSON.merge(Array(line)) else {
                throw .corrupt("The line is not two tokens.", at: .line(number + 1, of: file))
            }
            merges.append(merge)
        }
        return merges
    }

    /// Refuses tokens that stand beside the vocabulary and would change ids.
    private func refuseMoreTokens(_ added: [AddedToken]) throws(BelfryError) {
        func refuse(_ token: [UInt8], _ place: BelfryError.Location) -> BelfryError {
            BelfryError(
                .unsupported,
                "The added token “\(String(decoding: token, as: UTF8.self))” is not supported beside vocab.json.",
                at: place, remedy: Self.remedy)
        }
        for entry in try config.object("added_tokens_decoder")?.members ?? [] {
            let content = entry.value["content"]?.utf8 ?? []
            guard added.contains(where: { $0.content == content }) else {
                throw refuse(content, config.location("added_tokens_decoder"))
            }
        }
        let file = folder + "/added_tokens.json"
        guard System.exists(file) else { return }
        for (token, id) in try StrictObject(file: file).members
        where !added.contains(where: { $0.content == token && Int($0.id) == id.integer }) {
            throw refuse(token, .init(file: file))
        }
    }
}
