package import Files

/// What one evaluation of one collection gave.
package struct EvaluationResult: Codable, Sendable {
    /// The recipe's name, without the variant's.
    package var recipe: String
    /// The evaluation's name in the recipe.
    package var evaluation: String
    /// The recipe's variant; nil for a recipe without.
    package var variant: String?
    /// The collection's directory.
    package var collection: String
    /// What was asked and judged.
    package var counts: Counts
    /// The figures.
    package var figures: [Figure]
    /// The figure that the recipe names first to stand for the evaluation, which words are fitted to; nil where it names none.
    package var headline: String?
    /// What words are best to count for beside the tower, over all queries; nil where the collection has none.
    package var wordsShare: Double?
    /// What the index costs.
    package var index: IndexCost
    /// What drew samples and intervals.
    package var seed: UInt64

    /// What was asked and judged.
    package struct Counts: Codable, Sendable {
        /// Points in the collection.
        package var points: Int
        /// Queries that the figures are means over.
        package var queries: Int
        /// Queries that there were before `--limit` or `sample` drew some of them.
        package var queriesBeforeSampling: Int
        /// Queries without anything relevant, which are left out.
        package var withoutRelevant: Int
        /// Rows, and queries that the tower refused, which are left out.
        package var badRows: Int
        /// Users whom the collection does not know, answered as the tower was trained for such.
        package var unknownUsers: Int
        /// Relevant points, over all queries.
        package var relevant: Int
        /// Those of them that the collection does not hold: they stay relevant, and no ranking can find them.
        package var missingRelevant: Int
        /// Candidates per query, as a mean; nil where all points are ranked.
        package var candidates: Double?
        /// Candidates that the collection does not hold, over all queries.
        package var missingCandidates: Int
        /// Points per query that are left out of the answers, as a mean, without the query itself.
        package var excluded: Double
        /// Points that `within` lets through, as a mean over queries; nil without it.
        package var within: Double?
    }

    /// A mean over queries and its 95 % interval.
    package struct Mean: Codable, Sendable {
        /// The mean.
        package var mean: Double
        /// The interval's lower end.
        package var low: Double
        /// The interval's upper end.
        package var high: Double
    }

    /// One figure of all systems.
    package struct Figure: Codable, Sendable {
        /// As `recall@10`.
        package var name: String
        /// What others have published.
        package var published: String?
        /// Whether a summary shows it.
        package var isHeadline: Bool
        /// By exact search.
        package var exact: Mean
        /// Through the index.
        package var index: Mean
        /// By the baselines, in the recipe's order.
        package var baselines: [Baseline]
        /// By words alone, and mixed with the tower; nil where the collection is not searched by words.
        package var words: Words?
        /// After the collection's cross-encoder has read the best answers; nil where it has none.
        package var reranked: Reranked?
    }

    /// The figures of what a cross-encoder has read.
    package struct Reranked: Codable, Sendable {
        /// In its order.
        package var value: Mean
        /// By how much that is better than the order in which it was found, query by query.
        package var gain: Mean
    }

    /// The figures of searches by words.
    package struct Words: Codable, Sendable {
        /// By words alone.
        package var alone: Mean
        /// Mixed with the tower's exact search, at the share that is best for other queries.
        package var hybrid: Mean
        /// By how much the mix is better than the tower, query by query.
        package var overTower: Mean
        /// By how much it is better than words alone.
        package var overWords: Mean
    }

    /// A baseline's figure.
    package struct Baseline: Codable, Sendable {
        /// As the recipe names it.
        package var name: String
        /// The figure.
        package var value: Mean
    }
}

extension EvaluationResult {
    /// The result for programs.
    package var json: JSON { JSON(encoding: self) }
}
