public import Files
package import Neighbors
public import Shards
public import Towers
package import Vectors

extension VectorCollection {
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
    ///   - scope: which points may be answered; all of them without it.
    ///   - styles: how the queries are, if that is known: the recall is kept for all of these; nil for any kind.
    ///   - threads: how many threads search, at most.
    /// - Throws: `invalidInput` for a wrong dimension, a component that is not finite, a zero vector under cosine, or an
    ///   impossible recall; `corruptData` with the place.
    package func search(
        _ queries: Matrix, k: Int, recall: Double? = nil, exact: Bool = false, scope: Scope = Scope(),
        styles: Set<QueryStyle>? = nil, threads: Int = 1
    ) throws(BelfryError) -> [[Hit]] {
        let found = try nearest(
            queries, k: k, recall: recall, exact: exact, scope: scope, styles: styles, threads: threads)
        var answers: [[Hit]] = []
        for nearest in found.points { answers.append(try hits(nearest)) }
        return answers
    }

    /// The `k` points nearest to a query: a text, a point, a user, a session, examples.
    ///
    /// A point does not find itself, nor examples and sessions their own points, nor users what they have had.
    /// - Parameters:
    ///   - within: only points whose payload has these values are answered.
    ///   - tower: embeds the query in the place of the collection's own query tower.
    /// - Throws: as the search for vectors; `wrongTower` where `tower` gives vectors of another space than the
    ///   collection's; `notFound` for a point or a user that is not there.
    public func search(
        _ query: Query, k: Int, recall: Double? = nil, exact: Bool = false, within: [Condition] = [],
        tower: Tower? = nil, threads: Int = 1
    ) throws(BelfryError) -> [Hit] {
        let asked = try ask([query], tower: tower)
        let scope = Scope(leavingOut: asked.leftOut, within: try points(where: within))
        return try search(
            asked.vectors, k: k, recall: recall, exact: exact, scope: scope, styles: query.styles, threads: threads)[0]
    }

    /// The `k` points nearest to a text, embedded by the collection's own tower or by `tower`.
    /// - Throws: `wrongTower` where `tower` gives vectors of another space than the collection's.
    public func search(
        _ text: String, k: Int, recall: Double? = nil, exact: Bool = false, tower: Tower? = nil, threads: Int = 1
    ) throws(BelfryError) -> [Hit] {
        try search(.text(text), k: k, recall: recall, exact: exact, tower: tower, threads: threads)
    }

    /// The `k` points nearest to the point that `name` names, itself left out.
    public func similar(
        to name: String, k: Int, recall: Double? = nil, exact: Bool = false, threads: Int = 1
    ) throws(BelfryError) -> [Hit] {
        try search(.point(name), k: k, recall: recall, exact: exact, threads: threads)
    }

    func hits(_ nearest: [Found]) throws(BelfryError) -> [Hit] {
        var hits: [Hit] = []
        for (point, found) in zip(try storedPoints(nearest.map(\.id)), nearest) {
            let score = configuration.metric.score(found.distance)
            hits.append(Hit(id: found.id, key: point.key, score: score, payload: try point.payload()))
        }
        return hits
    }
}

extension VectorCollection.Hit {
    /// The id as the rows wrote it.
    public var name: String { key ?? id.description }
    /// The id in JSON: a number, or a text.
    public var idJSON: JSON {
        if case .number(let number) = id { .unsigned(number) } else { .string(name) }
    }
}
