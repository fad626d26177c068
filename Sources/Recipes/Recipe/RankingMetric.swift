/// A figure between 0 and 1 for how well a ranking answers one query: greater is better.
///
/// A point is relevant if its grade is above 0. Only the first `k` answers count; where there are fewer, the ranks that are
/// left are filled by nothing relevant. Precision, recall, average precision and nDCG are those of `trec_eval`
/// (`P_k`, `recall_k`, `map_cut_k`, `ndcg_cut_k`), which has the grade itself as a gain.
package enum RankingMetric: String, CaseIterable, Codable, Sendable {
    /// The relevant among the first `k`, over `k` (Manning, Raghavan, Schütze: Introduction to Information Retrieval,
    /// section 8.4).
    case precision
    /// The relevant among the first `k`, over all that are relevant, whether or not the collection holds them.
    case recall
    /// The harmonic mean of the query's precision and recall at `k`; 0 where both are.
    case f1
    /// 1 if any of the first `k` is relevant.
    case hitRate = "hit_rate"
    /// One over the rank, from 1, of the first relevant answer; 0 if it is not among the first `k` (Voorhees, TREC-8,
    /// 1999).
    case mrr
    /// Discounted cumulative gain over that of the best ranking there is: gain 2^grade − 1 (Burges et al., Learning to
    /// rank using gradient descent, 2005), discount log2(rank + 1) (Järvelin and Kekäläinen, Cumulated gain-based
    /// evaluation, 2002).
    case ndcg
    /// Average precision: the precisions at the ranks of the relevant among the first `k`, summed, over all that are
    /// relevant. (Some divide by `k` where that is less: with many relevant points and a small `k` their figure is greater.)
    case map
}

/// A metric at a number of answers, as `recall@10`.
package struct RankingFigure: Hashable, Sendable, CustomStringConvertible {
    /// The metric.
    package var metric: RankingMetric
    /// How many answers count.
    package var k: Int

    /// A metric at so many answers.
    package init(metric: RankingMetric, k: Int) { (self.metric, self.k) = (metric, k) }

    /// `recall@10`.
    package var description: String { "\(metric.rawValue)@\(k)" }

    /// All metrics at all numbers of answers.
    package static func all(_ metrics: [RankingMetric], _ counts: [Int]) -> [RankingFigure] {
        metrics.flatMap { metric in counts.map { RankingFigure(metric: metric, k: $0) } }
    }
}
