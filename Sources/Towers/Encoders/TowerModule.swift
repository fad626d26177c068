/// One step after the encoder.
package enum TowerModule: Hashable, Sendable {
    /// One or more kinds of pooling, one after another in the vector.
    case pooling([Pooling])
    /// A product: weights in `file`, then `identity`, `tanh`, `relu`, `gelu`, `sigmoid` or `silu`.
    case dense(file: String, inputs: Int, outputs: Int, bias: Bool, activation: String)
    /// Division by the Euclidean length.
    case normalize
    /// Layer normalization over `size` components: weights in `file`.
    case layerNorm(file: String, size: Int)
    /// The first components only.
    case cut(Int)
}

/// How the tokens' vectors become the text's.
public enum Pooling: String, Hashable, Sendable, CaseIterable {
    /// The vector of the first token.
    case cls
    /// The greatest value of each component.
    case max
    /// The mean of all tokens.
    case mean
    /// The sum over the square root of the number of tokens.
    case meanSqrtLength = "mean_sqrt_len"
    /// The mean weighted by position: the first token counts once, the second twice, …
    case weightedMean = "weightedmean"
    /// The vector of the last token.
    case lastToken = "lasttoken"
}
