import Files

/// What makes vectors of token ids: the part of a tower between the tokenizer and the head.
///
/// It is called once for a batch of texts, never for a token.
protocol TowerEncoder: Sendable {
    /// Components of a vector.
    var size: Int { get }
    /// Every id must be below it.
    var vocabularySize: Int { get }
    /// Whether a vector is a whole text's. Otherwise it is a token's, and the head pools them.
    var isPooled: Bool { get }
    /// A few words about the model.
    var summary: String { get }

    /// The vectors of all tokens, [ids.count, size], or if they are pooled of all texts, [texts.count, size]: in the
    /// workspace's memory until its next use.
    ///
    /// `texts` are the ranges of `ids` that belong together, one after another.
    func encode(_ ids: [Int32], texts: [Range<Int>], _ workspace: Workspace) -> UnsafeMutablePointer<Float>
}

/// The families of encoders, by the name that a tower's manifest has for them.
enum EncoderKind: String, CaseIterable {
    case bert, roberta, mpnet, distilbert
    /// A table of token vectors and no more.
    case `static`
    /// The Universal Sentence Encoder.
    case use
    /// A graph in ONNX format with feature columns.
    case onnx

    init(_ family: BertConfiguration.Family) { self = EncoderKind(rawValue: family.rawValue)! }

    /// Whether its text vectors need no pooling.
    var isPooled: Bool { self == .static || self == .use || self == .onnx }
}

/// A tokenizer with the encoder that knows its ids.
struct EncoderParts {
    let tokenizer: any Tokenizer
    let encoder: any TowerEncoder
    /// The encoder's file of weights.
    let weights: Safetensors
    /// The most tokens that the encoder takes, those that the tokenizer adds included.
    let maximumTokens: Int

    /// Reads what a tower of this kind has in its files.
    /// - Parameter tokenizerDigest: Of the tokenizer's file, if its tables may lie beside it.
    init(
        _ kind: EncoderKind, _ paths: TowerFiles, _ products: Products, _ precision: Tower.Precision,
        tokenizerDigest: String? = nil
    ) throws(BelfryError) {
        switch kind {
        case .bert, .roberta, .mpnet, .distilbert:
            let configuration = try BertConfiguration(paths.path("config.json"))
            guard configuration.family.rawValue == kind.rawValue else {
                throw .corrupt(
                    "The model is of the family \(configuration.family.rawValue), not \(kind.rawValue).",
                    at: .init(file: paths.path("config.json"), place: "model_type"))
            }
            try Tower.check(
                precision, products, sizes: [configuration.hiddenSize, configuration.intermediateSize],
                .init(file: paths.path("config.json")))
            tokenizer = try Tokenizers.load(
                folder: paths.folder, prepared: paths.path(PreparedTokenizer.name), madeOf: tokenizerDigest)
            guard tokenizer.templateCount > 0 else {
                throw BelfryError(
                    .unsupported, "The tokenizer adds no tokens to a text, so an empty text would have none at all.",
                    at: .init(file: paths.path("tokenizer.json"), place: "post_processor"),
                    remedy: "Save the tokenizer with its template ([CLS] … [SEP]): "
                        + "AutoTokenizer.from_pretrained(folder).save_pretrained(folder).")
            }
            try Self.check(tokenizer, configuration.vocabularySize, paths)
            weights = try Safetensors(paths.path("model.safetensors"))
            encoder = try BertEncoder(configuration, weights, products)
            maximumTokens = configuration.maximumPositions
        case .static:
            try Tower.refuse(precision, kind, at: paths.folder)
            tokenizer = try FramedTokenizer(Tokenizers.load(folder: paths.folder))
            weights = try Safetensors(paths.path("model.safetensors"))
            encoder = try StaticEncoder(weights)
            try Self.check(tokenizer, encoder.vocabularySize, paths)
            maximumTokens = StaticEncoder.maximumTokens
        case .use:
            try Tower.refuse(precision, kind, at: paths.folder)
            tokenizer = try UseEncoder.tokenizer(folder: paths.folder)
            weights = try Safetensors(paths.path("model.safetensors"))
            encoder = try UseEncoder(weights, products)
            try Self.check(tokenizer, encoder.vocabularySize, paths)
            maximumTokens = UseEncoder.maximumTokens
        case .onnx: preconditionFailure("a graph is read by GraphTower")
        }
    }

    private static func check(
        _ tokenizer: any Tokenizer, _ vocabularySize: Int, _ paths: TowerFiles
    ) throws(BelfryError) {
        guard tokenizer.largestID < vocabularySize else {
            throw .corrupt(
                "The tokenizer gives ids up to \(tokenizer.largestID), but the model knows only "
                    + "\(vocabularySize) tokens.", at: .init(file: paths.folder))
        }
    }
}
