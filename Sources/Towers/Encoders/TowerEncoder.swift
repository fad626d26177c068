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
