import CKernels
public import Files

/// What `config.json` of a BERT model says, checked.
public struct BertConfiguration: Hashable, Sendable {
    /// Components of a token's vector.
    public var hiddenSize: Int
    /// Encoder layers.
    public var layers: Int
    /// Attention heads; they share `hiddenSize` evenly.
    public var heads: Int
    /// Components between the two products of a layer's feed-forward part.
    public var intermediateSize: Int
    /// Tokens in the vocabulary.
    public var vocabularySize: Int
    /// Positions that the model has learnt.
    public var maximumPositions: Int
    /// Rows of the token-type table.
    public var tokenTypes: Int
    /// What layer normalisation adds to the variance.
    public var epsilon: Float
    /// `gelu`, `gelu_new`, `relu`, …
    public var activation: String

    static let activations: [String: belfry_activation] = [
        "gelu": BELFRY_GELU_ERF, "gelu_python": BELFRY_GELU_ERF, "gelu_new": BELFRY_GELU_TANH,
        "gelu_pytorch_tanh": BELFRY_GELU_TANH, "relu": BELFRY_RELU,
    ]

    /// Reads the file.
    /// - Throws: `unsupported` with the name of what is not done here.
    public init(_ file: String) throws(BelfryError) {
        let json = try StrictObject(file: file)
        func refuse(_ name: String, _ value: String) -> BelfryError {
            BelfryError(
                .unsupported, "\(name) “\(value)” is not supported.", at: .init(file: file, place: name))
        }
        func count(_ name: String, _ most: Int) throws(BelfryError) -> Int {
            guard let value = try json.integer(name), (1...most).contains(value) else {
                throw .corrupt("\(name) must be a whole number from 1 to \(most).", at: .init(file: file, place: name))
            }
            return value
        }
        let type = try json.string("model_type") ?? "none"
        guard type == "bert" else { throw refuse("model_type", type) }
        hiddenSize = try count("hidden_size", 1 << 16)
        layers = try count("num_hidden_layers", 1 << 10)
        heads = try count("num_attention_heads", 1 << 10)
        intermediateSize = try count("intermediate_size", 1 << 18)
        vocabularySize = try count("vocab_size", 1 << 24)
        maximumPositions = try count("max_position_embeddings", 1 << 16)
        tokenTypes = try count("type_vocab_size", 1 << 10)
        epsilon = Float(try json.number("layer_norm_eps") ?? 1e-12)
        activation = try json.string("hidden_act") ?? "gelu"
        guard hiddenSize % heads == 0 else {
            throw .corrupt("\(heads) heads cannot share \(hiddenSize) components.", at: .init(file: file))
        }
        guard epsilon >= 0, epsilon < 1 else { throw refuse("layer_norm_eps", "\(epsilon)") }
        guard Self.activations[activation] != nil else { throw refuse("hidden_act", activation) }
        let positions = try json.string("position_embedding_type") ?? "absolute"
        guard positions == "absolute" else { throw refuse("position_embedding_type", positions) }
        for name in ["is_decoder", "add_cross_attention"] where try json.bool(name, default: false) {
            throw refuse(name, "true")
        }
    }
}
