public import Files

extension WordPieceTokenizer {
    /// The tokenizer of a folder: from `tokenizer.json`, or from `vocab.txt` with `tokenizer_config.json`.
    ///
    /// Truncation and padding that a tokenizer.json bakes in are ignored: the tower says how long a text may be.
    /// - Throws: `unsupported` with the name of a part that is not done here.
    public convenience init(folder: String) throws(BelfryError) {
        let file = folder + "/tokenizer.json"
        if System.exists(file) {
            self.init(try Model(tokenizerJSON: file))
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
    private static let mostBytes = 1 << 22

    /// Reads a tokenizer.json of the HuggingFace `tokenizers` library.
    init(tokenizerJSON file: String) throws(BelfryError) {
        let bytes = try MappedFile(file)
        guard bytes.bytes.count <= 1 << 26 else {
            throw BelfryError(.unsupported, "The tokenizer has more than 64 MiB.", at: .init(file: file))
        }
        let json = try withExtendedLifetime(bytes) { () throws(BelfryError) in
            try StrictJSON(parsing: bytes.bytes, file: file)
        }
        func place(_ part: String) -> BelfryError.Location { .init(file: file, place: part) }
        func refuse(_ part: String, _ type: String?) -> BelfryError {
            BelfryError(
                .unsupported,
                "The \(part) “\(type ?? "none")” is not supported; WordPiece tokenizers of the BERT "
                    + "family are.", at: place(part))
        }
        guard let model = json["model"].present, model["type"]?.string == "WordPiece" else {
            throw refuse("model", json["model"].present?["type"]?.string)
        }
        guard let entries = model["vocab"]?.members else {
            throw .corrupt("The vocabulary is not an object.", at: place("model.vocab"))
        }
        var ids: [[UInt8]: Int32] = [:]
        for (token, value) in entries {
            guard let id = value.integer, id >= 0, id < 1 << 24 else {
                throw .corrupt(
                    "The id of “\(String(decoding: token, as: UTF8.self))” is not a count.", at: place("model.vocab"))
            }
            vocabulary.append((token, Int32(id)))
            ids[token] = Int32(id)
        }
        if let prefix = model["continuing_subword_prefix"].present {
            guard let bytes = prefix.utf8 else { throw refuse("continuing_subword_prefix", nil) }
            continuingPrefix = bytes
        }
        if let longest = model["max_input_chars_per_word"].present {
            guard let count = longest.integer, (1...10_000).contains(count) else {
                throw refuse("max_input_chars_per_word", longest.integer.map(String.init))
            }
            longestWord = count
        }
        guard let name = model["unk_token"]?.utf8, let id = ids[name] else {
            throw .corrupt("The unknown token is not in the vocabulary.", at: place("model.unk_token"))
        }
        unknown = id
        try checkSize(file)

        guard let normalizer = json["normalizer"].present, normalizer["type"]?.string == "BertNormalizer" else {
            throw refuse("normalizer", json["normalizer"].present?["type"]?.string)
        }
        self.normalizer.cleansText = normalizer["clean_text"]?.bool ?? true
        self.normalizer.separatesIdeographs = normalizer["handle_chinese_chars"]?.bool ?? true
        self.normalizer.lowercases = normalizer["lowercase"]?.bool ?? true
        self.normalizer.stripsAccents = normalizer["strip_accents"]?.bool ?? self.normalizer.lowercases
        guard json["pre_tokenizer"].present?["type"]?.string == "BertPreTokenizer" else {
            throw refuse("pre_tokenizer", json["pre_tokenizer"].present?["type"]?.string)
        }
        for entry in json["added_tokens"].present?.array ?? [] {
            guard let content = entry["content"]?.utf8, let id = entry["id"]?.integer, id >= 0, id < 1 << 24 else {
                throw .corrupt("An added token needs a content and an id.", at: place("added_tokens"))
            }
            added.append(
                .init(
                    content: content, id: ids[content] ?? Int32(id), isSingleWord: entry["single_word"]?.bool ?? false,
                    stripsLeft: entry["lstrip"]?.bool ?? false, stripsRight: entry["rstrip"]?.bool ?? false,
                    isNormalized: entry["normalized"]?.bool ?? !(entry["special"]?.bool ?? false)))
        }
        try readTemplate(json["post_processor"].present, place("post_processor"), refuse)
    }

    private func checkSize(_ file: String) throws(BelfryError) {
        guard vocabulary.reduce(0, { $0 + $1.token.count }) <= Self.mostBytes else {
            throw BelfryError(.unsupported, "The vocabulary has more than 4 MiB of text.", at: .init(file: file))
        }
    }

    private mutating func readTemplate(
        _ processor: StrictJSON?, _ place: BelfryError.Location, _ refuse: (String, String?) -> BelfryError
    ) throws(BelfryError) {
        guard let processor else { return }
        switch processor["type"]?.string {
        case "BertProcessing", "RobertaProcessing":
            guard let first = processor["cls"]?.array?.last?.integer, let last = processor["sep"]?.array?.last?.integer,
                (0..<1 << 24).contains(first), (0..<1 << 24).contains(last)
            else { throw .corrupt("The tokens of the template have no ids.", at: place) }
            before = [Int32(first)]
            after = [Int32(last)]
        case "TemplateProcessing":
            var sawText = false
            for piece in processor["single"]?.array ?? [] {
                if let text = piece["Sequence"] {
                    guard !sawText, text["id"]?.string == "A", text["type_id"]?.integer == 0 else {
                        throw refuse("template with another sequence than one A of type 0", nil)
                    }
                    sawText = true
                    continue
                }
                guard let special = piece["SpecialToken"], let name = special["id"]?.string,
                    special["type_id"]?.integer == 0,
                    let ids = processor["special_tokens"]?[name]?["ids"]?.array
                else { throw refuse("template with a token that is unknown or not of type 0", nil) }
                for id in ids {
                    guard let id = id.integer, (0..<1 << 24).contains(id) else {
                        throw .corrupt("The template's token “\(name)” has no id.", at: place)
                    }
                    if sawText { after.append(Int32(id)) } else { before.append(Int32(id)) }
                }
            }
            guard sawText else { throw .corrupt("The template has no place for the text.", at: place) }
        default: throw refuse("post_processor", processor["type"]?.string)
        }
    }

    /// Reads `vocab.txt`, one token a line, and what `tokenizer_config.json` says about it.
    init(vocabularyOf folder: String) throws(BelfryError) {
        let file = folder + "/vocab.txt"
        let lines = [UInt8](try System.read(file, limit: Self.mostBytes * 2))
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
        var config = StrictJSON.object([])
        let configFile = folder + "/tokenizer_config.json"
        if System.exists(configFile) { config = try StrictJSON(file: configFile) }
        if config["do_basic_tokenize"]?.bool == false {
            throw BelfryError(.unsupported, "do_basic_tokenize false is not supported.", at: .init(file: configFile))
        }
        normalizer.lowercases = config["do_lower_case"]?.bool ?? true
        normalizer.stripsAccents = config["strip_accents"]?.bool ?? normalizer.lowercases
        normalizer.separatesIdeographs = config["tokenize_chinese_chars"]?.bool ?? true
        func special(_ name: String, _ usual: String) throws(BelfryError) -> Int32 {
            // An added token is written as its text or as an object with a content.
            let token = config[name]?.utf8 ?? config[name]?["content"]?.utf8 ?? Array(usual.utf8)
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
    }
}

extension StrictJSON {
    /// Parses a small file.
    init(file: String) throws(BelfryError) {
        let bytes = try MappedFile(file)
        self = try withExtendedLifetime(bytes) { () throws(BelfryError) in
            try StrictJSON(parsing: bytes.bytes, file: file)
        }
    }
}
