public import Files
import Neighbors
import Shards
import Towers
import Vectors

extension VectorCollection {
    /// How one search went: what answered, what it looked at, and how long each step took.
    public struct Explanation: Codable, Sendable {
        /// What finds near rows: `hnsw`, `ivf` or `exact`.
        public var index: String
        /// What the search could expect.
        public var expectation: Expectation
        /// Where that comes from, as `calibrated on 1,000 rows of the data`; nil where the index was not calibrated.
        public var source: String?
        /// Why the recipe's users or queries are not where it comes from; nil where they are, or where it names none.
        public var fallback: String?
        /// What such a search finds: see ``CollectionGroup/Found/recall``.
        public var recall: Double?
        /// Whether the query is unlike all that the recall was measured on.
        public var isUnlike: Bool
        /// Whether all rows were looked at.
        public var isScanned: Bool
        /// Distances that this query estimated or computed.
        public var evaluations: Int
        /// Rows that were estimated again on the codes of all components.
        public var reranked: Int
        /// Rows read from the shard because the codes left it in doubt who is among the nearest; nil for a scan.
        public var settled: Int?
        /// Rows read from the shard for the scores of the answers.
        public var scored: Int
        /// Milliseconds that embedding the text took; nil for a query that is a point.
        public var embedMilliseconds: Double?
        /// Milliseconds of the search, the first since the collection was opened.
        public var searchMilliseconds: Double
        /// Milliseconds of the same search once more, when what it needs is in memory.
        public var secondSearchMilliseconds: Double
        /// Milliseconds that fetching the payload took.
        public var payloadMilliseconds: Double
        /// How many answers there are.
        public var answers: Int
    }

    /// Searches for a text, or for what is near a point, and says how that went.
    /// - Parameter query: the text or the point.
    /// - Throws: as the search for a query.
    public func explain(
        _ query: Query, k: Int, recall: Double? = nil, exact: Bool = false
    ) throws(BelfryError) -> Explanation {
        if query.isEmbedded { _ = try towers() }
        let asked = try Self.timed { () throws(BelfryError) in try ask([query]) }
        let (matrix, leftOut) = (asked.result.vectors, asked.result.leftOut)
        let search: () throws(BelfryError) -> Nearest = { () throws(BelfryError) in
            try self.nearest(
                matrix, k: k, recall: recall, exact: exact, scope: Scope(leavingOut: leftOut),
                styles: query.styles, threads: 1)
        }
        let first = try Self.timed(search)
        let second = try Self.timed(search)
        let payload = try Self.timed { () throws(BelfryError) in try self.hits(first.result.points[0]) }
        var (evaluations, reranked, settled) = (0, 0, Int?(0))
        let expectation = try expectation(k: k, recall: recall, exact: exact, styles: query.styles)
        for (segment, effort) in zip(
            segments, try plan(k: k, recall: recall, exact: exact, styles: query.styles).efforts)
        {
            let rows = segment.vectors.rowCount
            let wanted = min(k + leftOut[0].count, rows)
            let searcher = segment.index.makeSearcher()
            _ = try searcher.search(matrix.pointer, k: wanted, effort: effort)
            let trace = searcher.trace
            evaluations += trace.evaluations
            reranked += trace.reranked
            settled = settled.flatMap { sum in trace.settled.map { sum + $0 } }
        }
        return Explanation(
            index: index.kind.rawValue, expectation: expectation, source: calibrationSource,
            fallback: calibrationFallback,
            recall: first.result.verdicts[0].recall, isUnlike: first.result.verdicts[0].isUnlike,
            isScanned: first.result.verdicts[0].isScanned,
            evaluations: evaluations, reranked: reranked, settled: settled,
            scored: expectation.isExact ? 0 : first.result.points[0].count,
            embedMilliseconds: query.isEmbedded ? asked.milliseconds : nil,
            searchMilliseconds: first.milliseconds, secondSearchMilliseconds: second.milliseconds,
            payloadMilliseconds: payload.milliseconds, answers: payload.result.count)
    }

    private static func timed<Result>(
        _ work: () throws(BelfryError) -> Result
    ) throws(BelfryError) -> (result: Result, milliseconds: Double) {
        let start = ContinuousClock.now
        let result = try work()
        return (result, (ContinuousClock.now - start) / .milliseconds(1))
    }
}

extension VectorCollection.Query {
    /// Whether a tower makes its vector.
    fileprivate var isEmbedded: Bool {
        switch self {
        case .text, .fields, .user, .session: true
        case .point, .examples: false
        }
    }

    /// How queries of this kind are; nil for any.
    var styles: Set<QueryStyle>? {
        switch self {
        case .text: QueryStyle.texts
        case .point: [.rows]
        case .user, .fields: [.users, .given]
        case .session: [.given]
        // A mean of rows is not like a row.
        case .examples: nil
        }
    }
}
