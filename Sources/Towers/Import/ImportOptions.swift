extension Tower {
    /// What an import is told beside the model's own files: what these say already, it need not be told.
    public struct ImportOptions: Sendable {
        /// The configuration of an ONNX model's feature columns, if it is not the `features.json` beside it.
        public var features: String?
        /// The ONNX file to take of a model's folder, as a name in it: `onnx/model_quantized.onnx`.
        public var graph: String?
        /// The output of an ONNX model that is the vector, or the tokens' vectors.
        public var output: String?
        /// How tokens' vectors become a text's, for a model whose files do not say it.
        public var pooling: [Pooling] = []
        /// Whether vectors are divided by their Euclidean length, for a model whose files do not say it.
        public var normalizes = false
        /// The most tokens of a text, instead of what the model's files say.
        public var maximumTokens: Int?
        /// Which route of a model with several is taken: `query` or `document`.
        public var route: String?

        /// Nothing but what the model's files say.
        public init() {}
    }
}
