package import Files

extension WordPieceTokenizer {
    /// The tokenizer of a folder: from `tokenizer.json`, or from `vocab.txt` with `tokenizer_config.json`.
    ///
    /// Truncation and padding that a tokenizer.json bakes in are ignored: the tower says how long a text may be.
    /// - Throws: `unsupported` with the name of a part that is not done here.
    package convenience init(folder: String) throws(BelfryError) {
        let file = folder + "/tokenizer.json"
        if System.exists(file) {
            self.init(try Model(TokenizerJSON(file: file)))
        } else if System.exists(folder + "/vocab.txt") {
            self.init(try Model(vocabularyOf: folder))
        } else {
            throw BelfryError(
                .notFound, "There is no tokenizer: neither tokenizer.json nor vocab.txt.", at: .init(file: folder),
                remedy: "Save the model's tokenizer beside it (tokenizer.save_pretrained(folder)).")
        }
    }
}

extension WordPieceTokenizer.Model {
    /// More bytes of vocabulary than any model has, and few enough for the trie's 24-bit nodes.
    private static let maxBytes = 1 << 22
    /// Reads a tokenizer.json whose model is WordPiece.
    init(_ file: TokenizerJSON) throws(BelfryError) {
        let model = try file.part("model", "WordPiece")
        vocabulary = try file.vocabulary(model)
        let table = TokenTable(vocabulary)
        if let prefix = try model.utf8("continuing_subword_prefix") { continuingPrefix = prefix }
        if let count = try model.integer("max_input_chars_per_word") {
            guard (1...10_000).contains(count) else { throw file.refuse("max_input_chars_per_word", "\(count)") }
            longestWord = count
        }
        guard let name = try model.utf8("unk_token"), let id = table.id(name) else {
            throw .corrupt("The unknown token is not in the vocabulary.", at: file.place("model.unk_token"))
        }
        unknown = id
        try checkSize(file.json.file)

        let normalizer = try file.part("normalizer", "BertNormalizer")
        self.normalizer.cleansText = try normalizer.bool("clean_text", default: true)
        self.normalizer.separatesIdeographs = try normalizer.bool("handle_chinese_chars", default: true)
        self.normalizer.lowercases = try normalizer.bool("lowercase", default: true)
        self.normalizer.stripsAccents = try normalizer.bool("strip_accents", default: self.normalizer.lowercases)
        _ = try file.part("pre_tokenizer", "BertPreTokenizer")
        added = try file.addedTokens(vocabularyCount: vocabulary.count) { table.id($0) }
        let template = try file.template()
        before = template.before
        after = template.after
    }

    private func checkSize(_ file: String) throws(BelfryError) {
        guard vocabulary.reduce(0, { $0 + $1.token.count }) <= Self.maxBytes else {
            throw BelfryError(.unsupported, "The vocabulary has more than 4 MiB of text.", at: .init(file: file))
        }
    }

    /// Reads `vocab.txt`, one token a line, and what `tokenizer_config.json` says about it.
    init(vocabularyOf folder: String) throws(BelfryError) {
        let file = folder + "/vocab.txt"
        let lines = [UInt8](try System.read(file, limit: Self.maxBytes * 2))
        var ids: [[UInt8]: Int32] = [:]
        var rest = lines[...]
        while !rest.isEmpty {
            var line = rest.prefix { $0 != 0x0a }
            rest = rest.dropFirst(line.count + 1)
            if line.last == 0x0d { line.removeLast() }
            let id = Int32(vocabulary.count)
            guard String(validating: line, as: UTF8.self) != nil else {
                throw .corrupt("The token is not UTF-8.", at: .line(Int(id) + 1, of: file))
            }
            vocabulary.append((Array(line), id))
            ids[Array(line)] = id
        }
        try checkSize(file)
        let configFile = folder + "/tokenizer_config.json"
        let config =
            System.exists(configFile)
            ? try StrictObject(file: configFile) : try StrictObject(.object([]), file: configFile)
        guard try config.bool("do_basic_tokenize", default: true) else {
            throw BelfryError(
                .unsupported, "do_basic_tokenize false is not supported.", at: config.location("do_basic_tokenize"))
        }
        normalizer.lowercases = try config.bool("do_lower_case", default: true)
        normalizer.stripsAccents = try config.bool("strip_accents", default: normalizer.lowercases)
        normalizer.separatesIdeographs = try config.bool("tokenize_chinese_chars", default: true)
        func special(_ name: String, _ fallback: String) throws(BelfryError) -> Int32 {
            // An added token is written as its text or as an object with a content.
            let written =
                config[name]?.members == nil ? try config.utf8(name) : try config.object(name)?.utf8("content")
            let token = written ?? Array(fallback.utf8)
            guard let id = ids[token] else {
                throw .corrupt(
                    "The token “\(String(decoding: token, as: UTF8.self))” is not in it.", at: .init(file: file))
            }
            added.append(.init(content: token, id: id))
            return id
        }
        unknown = try special("unk_token", "[UNK]")
        before = [try special("cls_token", "[CLS]")]
        after = [try special("sep_token", "[SEP]")]
        if ids[Array("[PAD]".utf8)] != nil { _ = try special("pad_token", "[PAD]") }
        if ids[Array("[MASK]".utf8)] != nil { _ = try special("mask_token", "[MASK]") }
        try refuseMoreTokens(config, folder: folder)
    }

    /// Refuses tokens that stand beside a vocabulary file and would change ids: all but the five that every BERT has.
    private func refuseMoreTokens(_ config: StrictObject, folder: String) throws(BelfryError) {
        func refuse(_ token: [UInt8], _ place: BelfryError.Location) -> BelfryError {
            BelfryError(
                .unsupported,
                "The added token “\(String(decoding: token, as: UTF8.self))” is not supported beside vocab.txt.",
                at: place, remedy: "Save the tokenizer as tokenizer.json, which says all about such tokens.")
        }
        func isKnown(_ token: [UInt8], _ id: Int?) -> Bool {
            added.contains { $0.content == token && (id == nil || Int($0.id) == id) }
        }
        for text in try config.array("additional_special_tokens") ?? [] {
            throw refuse(text.utf8 ?? text["content"]?.utf8 ?? [], config.location("additional_special_tokens"))
        }
        if let more = try config.object("added_tokens_decoder") {
            for (name, value) in more.members {
                let entry = try StrictObject(
                    value, file: config.file, place: more.place + "." + String(decoding: name, as: UTF8.self))
                let content = try entry.utf8("content") ?? []
                var isPlain = isKnown(content, Int(String(decoding: name, as: UTF8.self)) ?? -1)
                for flag in ["lstrip", "rstrip", "single_word", "normalized"] {
                    isPlain = try !entry.bool(flag, default: false) && isPlain
                }
                guard isPlain else { throw refuse(content, .init(file: config.file, place: entry.place)) }
            }
        }
        let file = folder + "/added_tokens.json"
        guard System.exists(file) else { return }
        for (token, id) in try StrictObject(file: file).members where !isKnown(token, id.integer ?? -1) {
            throw refuse(token, .init(file: file, place: String(decoding: token, as: UTF8.self)))
        }
    }
}
