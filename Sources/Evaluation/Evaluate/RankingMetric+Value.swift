import Foundation
import Recipes

extension RankingMetric {
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

/// A ranking, as the judgments see it.
struct JudgedRanking {
    /// The grades of the answers, best answer first; 0 for what is not relevant.
    var grades: [Double]
    /// The grades of all that is relevant, greatest first.
    var ideal: [Double]
}
