public import Files
import Vectors

extension Tower {
    /// Whether it is a cross-encoder: it reads a query and a text together, and says how well the text answers (Nogueira and
    /// Cho, 2019, Passage re-ranking with BERT). It gives no vectors.
    public var isReranker: Bool { manifest.isReranker }

    /// How well each of `texts` answers `query`, in their order: the greater the better. What is too long is cut at the end
    /// of the longer of the two.
    ///
    /// - Parameters:
    ///   - threads: How many workers, the caller's thread being one of them. The scores do not depend on it.
    /// - Throws: `wrongTower` for a tower that is no reranker; `cancelled` between batches when the caller's task is
    ///   cancelled.
    public func scores(of texts: [String], for query: String, threads: Int = 2) throws(BelfryError) -> [Float] {
        try requireReranker()
        guard let model = model as? TextModel else { preconditionFailure("a reranker is a model of texts") }
        let scores = try model.embed(texts, with: query, EmbeddingJob(threads: threads))
        return (0..<scores.rows).map { scores[$0][0] }
    }

    /// Refuses a tower that gives vectors.
    package func requireReranker() throws(BelfryError) { try manifest.requireReranker(at: path) }
}

extension TowerManifest {
    /// Refuses a tower that gives vectors.
    package func requireReranker(at path: String) throws(BelfryError) {
        guard !isReranker else { return }
        throw BelfryError(
            .wrongTower, "The tower is no reranker: it gives vectors.", at: .init(file: path),
            remedy: "Name a tower that was imported from a cross-encoder.")
    }
}
