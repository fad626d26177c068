public import Files
public import Shards
public import Towers
public import Vectors

extension Collection {
    /// One answer of a search.
    public struct Hit: Sendable {
        /// The point's id.
        public let id: PointID
        /// The id as the rows wrote it, where that is neither a number nor a UUID.
        public let key: String?
        /// The score in the collection's metric: see ``Metric/score(_:)``.
        public let score: Float
        /// The payload: a JSON object.
        public let payload: JSON
    }

    /// The `k` points nearest to each row of `queries`, nearest first, with the scores of the stored vectors; points at
    /// the same distance in the order of their ids.
    ///
    /// An exact search keeps that order at the k-th place as well: of several points at that distance, those with the
    /// smaller ids are answered. An index answers with any of them.
    /// - Parameters:
    ///   - queries: one query per row, of the collection's dimension.
    ///   - recall: the share of the true nearest to be found, on average over many queries, from above 0 to 1: see
    ///     ``expectation(k:recall:exact:)``; nil for the collection's own.
    ///   - exact: whether all rows are looked at, so that nothing is missed.
    ///   - own: for a query that is a point of the collection: its place. The query does not find itself.
    ///   - threads: how many threads search, at most.
    /// - Throws: `invalidInput` for a wrong dimension, a component that is not finite, a zero vector under cosine, or an
    ///   impossible recall; `corruptData` with the place.
    public func search(
        _ queries: Matrix, k: Int, recall: Double? = nil, exact: Bool = false, own: Place? = nil, threads: Int = 1
    ) throws(BelfryError) -> [[Hit]] {
        var answers: [[Hit]] = []
        for nearest in try nearest(queries, k: k, recall: recall, exact: exact, own: own, threads: threads) {
            answers.append(try hits(nearest))
        }
        return answers
    }

    /// The `k` points nearest to a text, embedded by the collection's own tower or by `tower`.
    /// - Throws: `wrongTower` where `tower` is not the one that filled the collection.
    public func search(
        _ text: String, k: Int, recall: Double? = nil, exact: Bool = false, tower: Tower? = nil, threads: Int = 1
    ) throws(BelfryError) -> [Hit] {
        let tower = if let tower { tower } else { try loadTower() }
        try verify(tower)
        let query = try tower.embed([text], as: .query)
        return try search(query, k: k, recall: recall, exact: exact, threads: threads)[0]
    }

    /// The `k` points nearest to the point that `name` names, itself left out.
    public func similar(
        to name: String, k: Int, recall: Double? = nil, exact: Bool = false, threads: Int = 1
    ) throws(BelfryError) -> [Hit] {
        let point = try point(name)
        return try search(
            Matrix([point.vector]), k: k, recall: recall, exact: exact, own: point.place, threads: threads)[0]
    }

    func hits(_ nearest: [Found]) throws(BelfryError) -> [Hit] {
        let rows = try catalogue.read { transaction in try nearest.map { try transaction.point($0.id) } }
        var hits: [Hit] = []
        for (row, found) in zip(rows, nearest) {
            guard let row else {
                throw .corrupt("Point \(found.id) has a vector but no row.", at: .init(file: catalogue.path))
            }
            let score = configuration.metric.score(found.distance)
            hits.append(Hit(id: found.id, key: row.key, score: score, payload: try payload(of: row)))
        }
        return hits
    }
}

extension Collection {
    /// The tower that came with the collection.
    public func loadTower() throws(BelfryError) -> Tower {
        do throws(BelfryError) {
            let tower = try Tower.load(layout.tower(configuration.tower.name))
            if isInPlace { return tower }
        } catch {
            if isInPlace { throw error }
        }
        throw BelfryError(
            .conflict, "A build has replaced the collection since it was opened.", at: .init(file: path),
            remedy: "Open it again.")
    }

    /// Refuses a tower that does not compute what the collection's tower computed.
    ///
    /// The fingerprints are compared first; then one canary is embedded, which also sees weights that were changed
    /// under an unchanged manifest.
    public func verify(_ tower: Tower) throws(BelfryError) {
        let own = configuration.tower
        guard tower.fingerprint == own.fingerprint else {
            throw BelfryError(
                .wrongTower,
                "The collection was filled by tower \(own.name) (fingerprint \(own.fingerprint.prefix(12))), but the "
                    + "query goes through \(tower.path) (fingerprint \(tower.fingerprint.prefix(12))): their vectors "
                    + "do not compare.",
                at: .init(file: path),
                remedy: "Search without --tower, or build the collection again with the other tower.")
        }
        guard let canary = own.canaries.first else { return }
        let vector = try tower.embed([canary.text])[0]
        let difference = zip(vector, canary.vector).map { abs($0 - $1) }.max() ?? .infinity
        guard vector.count == canary.vector.count, difference <= 1e-3 else {
            throw BelfryError(
                .wrongTower,
                "Tower \(tower.path) has the right fingerprint, but embeds \(canary.text.debugDescription) otherwise "
                    + "than when the collection was built (largest difference \(difference)).",
                at: .init(file: path), remedy: "Run belfry check on the collection: a file of the tower has changed.")
        }
    }
}

extension Collection.Hit {
    /// The id as the rows wrote it.
    public var name: String { key ?? id.description }
    /// The id in JSON: a number, or a text.
    public var idJSON: JSON {
        if case .number(let number) = id { .unsigned(number) } else { .string(name) }
    }
}
