import CKernels
package import Files

/// What `config.json` of a BERT-like model says, checked.
package struct BertConfiguration: Hashable, Sendable {
    /// The models that are one and the same encoder up to names, positions and the bias of their attention.
    package enum Family: String, Hashable, Sendable {
        /// Devlin et al., 2018.
        case bert
        /// RoBERTa (Liu et al., 2019), XLM-R and CamemBERT: positions are counted from behind the padding's id.
        case roberta
        /// Song et al., 2020: positions as RoBERTa, no token types, attention that knows distances.
        case mpnet
        /// Sanh et al., 2019: no token types.
        case distilbert

        /// Tokens between two texts that are read together.
        var separators: Int {
            switch self {
            case .bert, .distilbert: 1
            case .roberta, .mpnet: 2
            }
        }
    }

    /// Which names and which positions the model has.
    package var family: Family
    /// Components of a token's vector.
    package var hiddenSize: Int
    /// Encoder layers.
    package var layers: Int
    /// Attention heads; they share `hiddenSize` evenly.
    package var heads: Int
    /// Components between the two products of a layer's feed-forward part.
    package var intermediateSize: Int
    /// Tokens in the vocabulary.
    package var vocabularySize: Int
    /// Positions that the model has learned: the most tokens of a text.
    package var maximumPositions: Int
    /// Rows of the token-type table; 0 if the model has none.
    package var tokenTypes: Int
    /// The id of the padding token where it takes part in the positions: it has the position of its own number, and
    /// other tokens are counted from the next on. Without one the first token has position 0.
    package var padding: Int?
    /// What layer normalization adds to the variance.
    package var epsilon: Float
    /// `gelu`, `gelu_new`, `relu`, …
    package var activation: String

    static let activations: [String: belfry_activation] = [
        "gelu": BELFRY_GELU_ERF, "gelu_python": BELFRY_GELU_ERF, "gelu_new": BELFRY_GELU_TANH,
        "gelu_pytorch_tanh": BELFRY_GELU_TANH, "relu": BELFRY_RELU,
    ]

    private static let families: [String: Family] = [
        "bert": .bert, "roberta": .roberta, "xlm-roberta": .roberta, "camembert": .roberta, "mpnet": .mpnet,
        "distilbert": .distilbert,
    ]

    /// The row of the position table that the first token of a text takes.
    var firstPosition: Int { padding.map { $0 + 1 } ?? 0 }

    /// Reads the file.
    /// - Throws: `unsupported` with the name of what is not done here.
    package init(_ file: String) throws(BelfryError) {
        let json = try StrictObject(file: file)
        func refuse(_ name: String, _ value: String) -> BelfryError {
            BelfryError(
                .unsupported, "\(name) “\(value)” is not supported.", at: .init(file: file, place: name))
        }
        func count(_ name: String, _ maximum: Int) throws(BelfryError) -> Int {
            guard let value = try json.integer(name), (1...maximum).contains(value) else {
                throw .corrupt(
                    "\(name) must be a whole number from 1 to \(maximum).", at: .init(file: file, place: name))
            }
            return value
        }
        let type = try json.string("model_type") ?? "none"
        guard let family = Self.families[type] else {
            var error = refuse("model_type", type)
            error.remedy =
                "These are: \(Self.families.keys.sorted().joined(separator: ", ")). Other models can be "
                + "exported as ONNX."
            throw error
        }
        self.family = family
        let isDistil = family == .distilbert
        hiddenSize = try count(isDistil ? "dim" : "hidden_size", 1 << 16)
        layers = try count(isDistil ? "n_layers" : "num_hidden_layers", 1 << 10)
        heads = try count(isDistil ? "n_heads" : "num_attention_heads", 1 << 10)
        intermediateSize = try count(isDistil ? "hidden_dim" : "intermediate_size", 1 << 18)
        vocabularySize = try count("vocab_size", 1 << 24)
        let positions = try count("max_position_embeddings", 1 << 16)
        let hasTypes = family == .bert || family == .roberta
        tokenTypes = hasTypes ? try count("type_vocab_size", 1 << 10) : 0
        // DistilBERT's is not a setting: its code says 1e-12.
        epsilon = isDistil ? 1e-12 : Float(try json.number("layer_norm_eps") ?? 1e-12)
        let activationName = isDistil ? "activation" : "hidden_act"
        activation = try json.string(activationName) ?? "gelu"
        switch family {
        case .bert, .distilbert: padding = nil
        case .roberta:
            let id = try json.integer("pad_token_id") ?? 1
            guard (0..<positions).contains(id) else {
                throw .corrupt("pad_token_id \(id) is not a position.", at: json.location("pad_token_id"))
            }
            padding = id
        // Its code says 1, whatever the settings say.
        case .mpnet: padding = 1
        }
        maximumPositions = positions
        maximumPositions -= firstPosition
        guard maximumPositions > 0 else {
            throw .corrupt(
                "max_position_embeddings \(positions) leaves no position for a token.",
                at: json.location("max_position_embeddings"))
        }
        guard hiddenSize % heads == 0 else {
            throw .corrupt("\(heads) heads cannot share \(hiddenSize) components.", at: .init(file: file))
        }
        guard epsilon >= 0, epsilon < 1 else { throw refuse("layer_norm_eps", "\(epsilon)") }
        guard Self.activations[activation] != nil else { throw refuse(activationName, activation) }
        let kind = try json.string("position_embedding_type") ?? "absolute"
        guard kind == "absolute" else { throw refuse("position_embedding_type", kind) }
        for name in ["is_decoder", "add_cross_attention"] where try json.bool(name, default: false) {
            throw refuse(name, "true")
        }
        if family == .mpnet {
            // The model's code counts in 32 buckets, whatever the settings say.
            let buckets = try json.integer("relative_attention_num_buckets") ?? RelativeAttention.buckets
            guard buckets == RelativeAttention.buckets else {
                throw refuse("relative_attention_num_buckets", "\(buckets)")
            }
        }
    }
}
