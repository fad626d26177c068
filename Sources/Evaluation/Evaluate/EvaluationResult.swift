/// What one evaluation of one collection gave.
public struct EvaluationResult: Codable, Sendable {
    /// The recipe's name, without the variant's.
    public var recipe: String
    /// The evaluation's name in the recipe.
    public var evaluation: String
    /// The recipe's variant; nil for a recipe without.
    public var variant: String?
    /// The collection's directory.
    public var collection: String
    /// What was asked and judged.
    public var counts: Counts
    /// The figures.
    public var figures: [Figure]
    /// What the index costs.
    public var index: IndexCost
    /// What drew samples and intervals.
    public var seed: UInt64

    /// What was asked and judged.
    public struct Counts: Codable, Sendable {
        /// Points in the collection.
        public var points: Int
        /// Queries that the figures are means over.
        public var queries: Int
        /// Queries that there were before `--limit` or `sample` drew some of them.
        public var queriesBeforeSampling: Int
        /// Queries without anything relevant, which are left out.
        public var withoutRelevant: Int
        /// Rows, and queries that the tower refused, which are left out.
        public var badRows: Int
        /// Users whom the collection does not know, answered as the tower was trained for such.
        public var unknownUsers: Int
        /// Relevant points, over all queries.
        public var relevant: Int
        /// Those of them that the collection does not hold: they stay relevant, and no ranking can find them.
        public var missingRelevant: Int
        /// Candidates per query, as a mean; nil where all points are ranked.
        public var candidates: Double?
        /// Candidates that the collection does not hold, over all queries.
        public var missingCandidates: Int
        /// Points per query that are left out of the answers, as a mean, without the query itself.
        public var excluded: Double
        /// Points that `within` lets through, as a mean over queries; nil without it.
        public var within: Double?
    }

    /// A mean over queries and its 95 % interval.
    public struct Mean: Codable, Sendable {
        /// The mean.
        public var mean: Double
        /// The interval's lower end.
        public var low: Double
        /// The interval's upper end.
        public var high: Double
    }

    /// One figure of all systems.
    public struct Figure: Codable, Sendable {
        /// As `recall@10`.
        public var name: String
        /// What others have published.
        public var published: String?
        /// Whether a summary shows it.
        public var isHeadline: Bool
        /// By exact search.
        public var exact: Mean
        /// Through the index.
        public var index: Mean
        /// By the baselines, in the recipe's order.
        public var baselines: [Baseline]
    }

    /// A baseline's figure.
    public struct Baseline: Codable, Sendable {
        /// As the recipe names it.
        public var name: String
        /// The figure.
        public var value: Mean
    }
}
