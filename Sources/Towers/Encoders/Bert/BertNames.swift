/// What a family's tensors are called, behind the prefix that a model with a head has and a bare encoder has not.
struct BertNames {
    /// The prefix of a model that was saved with a head.
    let prefix: String
    /// What stands before the number of a layer.
    let layer: String
    let query, key, value, attention, attentionNorm, wide, narrow, outputNorm: String

    init(_ family: BertConfiguration.Family) {
        switch family {
        case .bert, .roberta:
            prefix = family == .bert ? "bert." : "roberta."
            layer = "encoder.layer."
            (query, key, value) = ("attention.self.query", "attention.self.key", "attention.self.value")
            (attention, attentionNorm) = ("attention.output.dense", "attention.output.LayerNorm")
            (wide, narrow, outputNorm) = ("intermediate.dense", "output.dense", "output.LayerNorm")
        case .mpnet:
            prefix = "mpnet."
            layer = "encoder.layer."
            (query, key, value) = ("attention.attn.q", "attention.attn.k", "attention.attn.v")
            (attention, attentionNorm) = ("attention.attn.o", "attention.LayerNorm")
            (wide, narrow, outputNorm) = ("intermediate.dense", "output.dense", "output.LayerNorm")
        case .distilbert:
            prefix = "distilbert."
            layer = "transformer.layer."
            (query, key, value) = ("attention.q_lin", "attention.k_lin", "attention.v_lin")
            (attention, attentionNorm) = ("attention.out_lin", "sa_layer_norm")
            (wide, narrow, outputNorm) = ("ffn.lin1", "ffn.lin2", "output_layer_norm")
        }
    }
}
