public import Files

/// Text to token ids, as the model was trained with them.
///
/// A tokenizer can be used from many threads at once. What tokenizers here do *not* do: pairs of texts, offsets,
/// decoding.
public protocol Tokenizer: Sendable {
    /// The greatest id that the tokenizer can give.
    var largestID: Int { get }
    /// How many tokens the template adds to every text: 2 for `[CLS] … [SEP]`.
    var templateCount: Int { get }
    /// Whether upper case is made lower case before anything is looked up.
    var lowercases: Bool { get }
    /// Appends the ids of `text` with the template's tokens around; `limit` counts both, and cuts the text's end.
    /// - Returns: False if the tokenizer's patterns would take too long to cut the text: then ids are missing.
    @discardableResult
    func encode(_ text: String, limit: Int, into ids: inout [Int32]) -> Bool
}

extension Tokenizer {
    /// The ids of `text` with the template's tokens around; `limit` counts both, and cuts the text's end.
    public func encode(_ text: String, limit: Int = .max) -> [Int32] {
        var ids: [Int32] = []
        encode(text, limit: limit, into: &ids)
        return ids
    }
}

/// Reads the tokenizer of a model's folder, whichever kind it is.
public enum Tokenizers {
    /// The tokenizer of `folder`, of the first of these that is there:
    ///
    /// | File | Tokenizer |
    /// |---|---|
    /// | `tokenizer.json` | WordPiece of the BERT family, BPE or Unigram with the parts that the file names |
    /// | `vocab.txt` | WordPiece, with `tokenizer_config.json` |
    /// | `vocab.json` and `merges.txt` | BPE of RoBERTa, GPT-2 or CLIP, as `tokenizer_config.json` says |
    /// | one `*.model` | SentencePiece, unigram or BPE, without tokens around the text |
    /// - Throws: `notFound` if there is none, `unsupported` with the name of a part that is not done here.
    public static func load(folder: String) throws(BelfryError) -> any Tokenizer {
        let files = try files(folder: folder)
        switch files.first {
        case "tokenizer.json": return try TokenizerJSON(file: folder + "/tokenizer.json").tokenizer()
        case "vocab.txt": return try WordPieceTokenizer(folder: folder)
        case "vocab.json": return try PairFiles(folder: folder).tokenizer()
        case let model?: return try SentencePieceTokenizer(SentencePieceFile(folder + "/" + model))
        case nil:
            throw BelfryError(
                .notFound,
                "There is no tokenizer: neither tokenizer.json nor vocab.txt, vocab.json and merges.txt, or a .model.",
                at: .init(file: folder),
                remedy: "Save the model's tokenizer beside it (tokenizer.save_pretrained(folder)).")
        }
    }

    /// The same, by tables that were made of its file before, if they are there.
    static func load(
        folder: String, prepared: String, madeOf digest: String?
    ) throws(BelfryError) -> any Tokenizer {
        if let digest, let tables = PreparedTokenizer(prepared, madeOf: digest),
            let tokenizer = WordPieceTokenizer(tables)
        {
            return tokenizer
        }
        return try load(folder: folder)
    }

    /// The names of the files in `folder` that `load(folder:)` reads: what a copy of the tokenizer needs.
    package static func files(folder: String) throws(BelfryError) -> [String] {
        func present(_ names: String...) -> [String] { names.filter { System.exists(folder + "/" + $0) } }
        let json = present("tokenizer.json")
        if !json.isEmpty { return json }
        let extras = present("tokenizer_config.json", "added_tokens.json")
        if !present("vocab.txt").isEmpty { return ["vocab.txt"] + extras }
        if present("vocab.json", "merges.txt").count == 2 { return ["vocab.json", "merges.txt"] + extras }
        guard System.isDirectory(folder) else { return [] }
        let models = try System.list(folder).filter { $0.hasSuffix(".model") }.sorted()
        guard let model = models.first else { return [] }
        guard models.count == 1 else {
            throw BelfryError(
                .unsupported, "There are \(models.count) .model files: which one is the tokenizer?",
                at: .init(file: folder))
        }
        // What the transformers library does to a SentencePiece model's ids differs from model to model.
        guard extras.isEmpty else {
            throw BelfryError(
                .unsupported, "\(extras[0]) changes the ids of \(model): not supported.",
                at: .init(file: folder + "/" + extras[0]),
                remedy: "Save the tokenizer as tokenizer.json: "
                    + "AutoTokenizer.from_pretrained(folder).save_pretrained(folder).")
        }
        return [model]
    }

    // What is said of a text that `encode` gives up.
    static let tooLongToCut = "The tokenizer's pattern takes too many attempts to cut the text into tokens."
    static let tooLongToCutRemedy: Remedy = "Shorten the text, or take a model whose tokenizer has a simpler pattern."
}
