import Files

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
        _ kind: EncoderKind, _ paths: TowerFiles, _ products: Products, _ precision: Precision,
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
            try precision.check(
                products, sizes: [configuration.hiddenSize, configuration.intermediateSize],
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
            try precision.requireF32(for: kind, at: paths.folder)
            tokenizer = try FramedTokenizer(Tokenizers.load(folder: paths.folder))
            weights = try Safetensors(paths.path("model.safetensors"))
            encoder = try StaticEncoder(weights)
            try Self.check(tokenizer, encoder.vocabularySize, paths)
            maximumTokens = StaticEncoder.maximumTokens
        case .use:
            try precision.requireF32(for: kind, at: paths.folder)
            tokenizer = try UseEncoder.tokenizer(folder: paths.folder)
            weights = try Safetensors(paths.path("model.safetensors"))
            encoder = try UseEncoder(weights, products)
            try Self.check(tokenizer, encoder.vocabularySize, paths)
            maximumTokens = UseEncoder.maximumTokens
        case .onnx: preconditionFailure("a graph is read by GraphModel")
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
