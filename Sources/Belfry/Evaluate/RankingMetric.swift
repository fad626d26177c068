import Foundation

/// A figure between 0 and 1 for how well a ranking answers one query: greater is better.
///
/// A point is relevant if its grade is above 0. Only the first `k` answers count; where there are fewer, the ranks that are
/// left are filled by nothing relevant. Precision, recall, average precision and nDCG are those of `trec_eval`
/// (`P_k`, `recall_k`, `map_cut_k`, `ndcg_cut_k`), which has the grade itself as a gain.
public enum RankingMetric: String, CaseIterable, Codable, Sendable {
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

    /// The metric of `ranking` at `k`.
    func value(_ ranking: JudgedRanking, k: Int) -> Double {
        precondition(k > 0 && !ranking.ideal.isEmpty, "a query with something relevant")
        let first = ranking.grades.prefix(k)
        let found = Double(first.count { $0 > 0 })
        let all = Double(ranking.ideal.count)
        switch self {
        case .precision: return found / Double(k)
        case .recall: return found / all
        // 2pr / (p + r), where p = found / k and r = found / all.
        case .f1: return 2 * found / (Double(k) + all)
        case .hitRate: return found > 0 ? 1 : 0
        case .mrr: return first.firstIndex { $0 > 0 }.map { 1 / Double($0 + 1) } ?? 0
        case .ndcg:
            let gain = Gain(greatest: ranking.ideal[0])
            return gain.sum(first) / gain.sum(ranking.ideal.prefix(k))
        case .map:
            var (seen, sum) = (0.0, 0.0)
            for (index, grade) in first.enumerated() where grade > 0 {
                seen += 1
                sum += seen / Double(index + 1)
            }
            return sum / all
        }
    }

    /// The gains 2^grade − 1 of any finite grades, as parts of one number near the greatest of them: from grade 1,024 on
    /// they are beyond f64, and of a tiny grade nothing would be left.
    private struct Gain {
        private let scale: Double
        private let isSmall: Bool

        init(greatest: Double) {
            isSmall = greatest < 1
            scale = isSmall ? expm1(greatest * M_LN2) : greatest.rounded(.up)
        }

        /// The discounted sum. A scale that is a power of two changes no digit of a quotient.
        func sum(_ grades: ArraySlice<Double>) -> Double {
            var sum = 0.0
            for (index, grade) in grades.enumerated() where grade > 0 {
                let gain = isSmall ? expm1(grade * M_LN2) / scale : exp2(grade - scale) - exp2(-scale)
                sum += gain / log2(Double(index + 2))
            }
            return sum
        }
    }
}

/// A metric at a number of answers, as `recall@10`.
public struct RankingFigure: Hashable, Sendable, CustomStringConvertible {
    /// The metric.
    public var metric: RankingMetric
    /// How many answers count.
    public var k: Int

    /// `recall@10`.
    public var description: String { "\(metric.rawValue)@\(k)" }

    /// All metrics at all numbers of answers.
    static func all(_ metrics: [RankingMetric], _ counts: [Int]) -> [RankingFigure] {
        metrics.flatMap { metric in counts.map { RankingFigure(metric: metric, k: $0) } }
    }
}

/// A ranking, as the judgements see it.
struct JudgedRanking {
    /// The grades of the answers, best answer first; 0 for what is not relevant.
    var grades: [Double]
    /// The grades of all that is relevant, greatest first.
    var ideal: [Double]
}
