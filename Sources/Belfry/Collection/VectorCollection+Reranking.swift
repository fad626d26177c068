public import Files
import Synchronization
public import Towers

extension VectorCollection {
    /// How answers are read with a text.
    /// - Parameters:
    ///   - tower: a cross-encoder in the place of the collection's own.
    ///   - fields: the payload fields that are read; nil for ``readFields``.
    /// - Returns: Nil where the collection has no cross-encoder of its own, and none is given.
    /// - Throws: `invalidInput` for an empty text, or no fields; `wrongTower` for one that is no cross-encoder.
    public func reranking(
        with text: String, by tower: Tower? = nil, of fields: [String]? = nil
    ) throws(BelfryError) -> Reranking? {
        let base = base
        let own = base.configuration.reranker
        guard let reader = if let tower { tower } else { try base.reranker() } else { return nil }
        var reranking = try Reranking(by: reader, with: text, of: (fields ?? readFields).paths())
        if let own, tower == nil {
            reranking.top = own.top
            reranking.budget = own.milliseconds.map { .milliseconds(Int(min(max($0, 0), 1e9).rounded(.up))) }
        }
        return reranking
    }

    /// The payload fields that are read of an answer where nobody names them: those of the collection's own cross-encoder, those
    /// that are searched by words, or those that a table shows.
    public var readFields: [String] {
        let words = configuration.spaces.lazy.compactMap(\.words).first?.fields.map(\.path)
        return configuration.reranker?.fields ?? words ?? configuration.show.map { JSONPath(member: $0).description }
    }
}

extension CollectionBase {
    /// The cross-encoder that came with the collection. It is loaded and verified once.
    func reranker() throws(BelfryError) -> Tower? {
        guard let own = configuration.reranker else { return nil }
        if let loaded = loadedReranker.withLock({ $0 }) { return loaded }
        let tower: Tower
        do throws(BelfryError) {
            tower = try Tower.load(layout.tower(own.tower.name))
            guard isInPlace else { throw replaced }
        } catch {
            throw isInPlace ? error : replaced
        }
        guard tower.isReranker, tower.fingerprint == own.tower.fingerprint else {
            throw BelfryError(
                .wrongTower, "The tower is not the reranker that the collection was given.",
                at: .init(file: tower.path),
                remedy: "Run \(.check) on the collection: a file of the tower has changed.")
        }
        loadedReranker.withLock { $0 = tower }
        return tower
    }
}
