import Files
import Vectors

// Cross-encoders: a query and a text are read together.
extension TextModel {
    /// The fields of a pair.
    static let pairFields = ["query", "text"].map { TowerField(name: $0, type: .text, isRequired: true) }

    /// What a cross-encoder says of each text with the query, one row each.
    func embed(_ texts: [String], with query: String, _ job: EmbeddingJob) throws(BelfryError) -> Matrix {
        let ids = try tokens(query, limit: longestCompared)
        return try embed(texts, extra: ids.count, job) { (number, workspace) throws(BelfryError) in
            try self.append(ids, texts[number], to: workspace)
        }
    }

    /// What a cross-encoder says of each pair, one row each.
    func embed(pairs: [(query: String, text: String)], _ job: EmbeddingJob) throws(BelfryError) -> Matrix {
        try embed(pairs.map { $0.query + $0.text }, extra: 0, job) { (number, workspace) throws(BelfryError) in
            try self.append(
                self.tokens(pairs[number].query, limit: self.longestCompared), pairs[number].text, to: workspace)
        }
    }

    private func append(_ query: [Int32], _ text: String, to workspace: Workspace) throws(BelfryError) {
        guard let pairs else { preconditionFailure("only a cross-encoder reads pairs") }
        // What is cut depends on which one is longer.
        let text = try tokens(text, limit: max(maximumTokens, query.count + 1))
        let begin = workspace.ids.count
        workspace.seconds.append(pairs.append(query, text, limit: maximumTokens, to: &workspace.ids))
        workspace.texts.append(begin..<workspace.ids.count)
    }

    /// Tokens of a query that are looked at. It keeps at most the model's length of them; but what is cut of two long texts
    /// depends on which one is longer, and beyond this nobody asks.
    private var longestCompared: Int { 16 * maximumTokens }

    private func tokens(_ text: String, limit: Int) throws(BelfryError) -> [Int32] {
        guard let ids = pairs?.tokens(text, limit: limit) else { throw tooLongToCut(text) }
        return ids
    }
}
