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
    func encode(_ text: String, limit: Int, into ids: inout [Int32])
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
    /// The tokenizer of `folder`.
    /// - Throws: `notFound` if there is none, `unsupported` with the name of a part that is not done here.
    public static func load(folder: String) throws(BelfryError) -> any Tokenizer {
        try WordPieceTokenizer(folder: folder)
    }

    /// The names of the files in `folder` that `load(folder:)` reads: what a copy of the tokenizer needs.
    public static func files(folder: String) throws(BelfryError) -> [String] {
        if System.exists(folder + "/tokenizer.json") { return ["tokenizer.json"] }
        return ["vocab.txt", "tokenizer_config.json"].filter { System.exists(folder + "/" + $0) }
    }
}
