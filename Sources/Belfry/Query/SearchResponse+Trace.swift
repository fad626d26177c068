public import Files

extension SearchResponse {
    /// How one search went: what answered, what it looked at, and how long each step took.
    public struct Trace: Codable, Sendable {
        /// What finds near rows: `hnsw`, `ivf` or `exact`; of several collections one after the other.
        public var index: String
        /// What the search could expect; of several collections of the one that finds least.
        public var expectation: Expectation
        /// Where that comes from, as `calibrated on 1,000 rows of the data`; nil where the index was not calibrated.
        public var source: String?
        /// Why the recipe's users or queries are not where it comes from; nil where they are, or where it names none.
        public var fallback: String?
        /// What such a search finds: see ``SearchResponse/recall``.
        public var recall: Double?
        /// Whether the query is unlike all that the recall was measured on.
        public var isUnlike: Bool
        /// Whether all rows were looked at.
        public var isScanned: Bool
        /// Distances that the query estimated or computed.
        public var evaluations: Int
        /// Rows that were estimated again on the codes of all components.
        public var reranked: Int
        /// Rows read from the shard because the codes left it in doubt who is among the nearest; nil for a scan.
        public var exactlyReranked: Int?
        /// Rows read from the shard for the scores of the answers.
        public var scored: Int
        /// Milliseconds that embedding the query took; nil for one that no tower embeds.
        public var embedMilliseconds: Double?
        /// Milliseconds of the search.
        public var searchMilliseconds: Double
        /// Milliseconds that fetching the payload took.
        public var payloadMilliseconds: Double
        /// How many answers there are.
        public var answers: Int
    }
}

extension SearchResponse.Trace {
    /// The trace for programs.
    public var json: JSON { JSON(encoding: self) }
}
