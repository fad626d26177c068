import Files
import Foundation
import Recipes
import TestSupport
import Testing

@testable import Evaluation

@Suite struct RankingMetricTests {
    /// Four relevant, of which the ranking finds three at ranks 2, 3 and 5.
    private static let ranking = JudgedRanking(grades: [0, 3, 1, 0, 2], ideal: [3, 2, 1, 1])

    private static let byHand: [(RankingMetric, Int, Double)] = [
        (.precision, 1, 0), (.precision, 3, 2.0 / 3), (.precision, 10, 0.3),
        (.recall, 3, 0.5), (.recall, 10, 0.75),
        (.f1, 1, 0), (.f1, 3, 4.0 / 7), (.f1, 10, 3.0 / 7),
        (.hitRate, 1, 0), (.hitRate, 2, 1), (.mrr, 1, 0), (.mrr, 5, 0.5),
        // (1/2 + 2/3) / 4 and (1/2 + 2/3 + 3/5) / 4.
        (.map, 3, 7.0 / 24), (.map, 5, 53.0 / 120),
        // Gains 7, 1, 3 at ranks 2, 3, 5 over gains 7, 3, 1, 1 at ranks 1 to 4.
        (.ndcg, 1, 0), (.ndcg, 2, 0.49663926), (.ndcg, 5, 0.61862756),
    ]

    @Test func areWhatTheyAreByHand() {
        for (metric, k, expected) in Self.byHand {
            #expect(abs(metric.value(Self.ranking, k: k) - expected) < 1e-8, "\(metric)@\(k)")
        }
    }

    @Test func aPerfectRankingIsOne() {
        let best = JudgedRanking(grades: [2, 1, 1], ideal: [2, 1, 1])
        for metric in RankingMetric.allCases { #expect(abs(metric.value(best, k: 3) - 1) < 1e-12, "\(metric)") }
        let none = JudgedRanking(grades: [], ideal: [1])
        for metric in RankingMetric.allCases { #expect(metric.value(none, k: 3) == 0, "\(metric)") }
    }

    /// Any finite grades give a figure between 0 and 1.
    @Test func gradesOfAnySize() {
        for (great, small, expected) in [
            (1_024.0, 1.0, 0.5), (1e308, 5, 0.5), (1_024, 1_023, 0.8262346), (5e-324, 5e-324, 1),
            (1e-17, 5e-18, 0.8262346),
            (3, 1e-17, 0.5),
        ] {
            // The greater grade at rank 3: 1 / log2(4) of the best, and what the smaller one adds at rank 1.
            let ranking = JudgedRanking(grades: [small, 0, great], ideal: [great, small])
            let value = RankingMetric.ndcg.value(ranking, k: 10)
            #expect(value.isFinite && value >= 0 && value <= 1)
            if great > 1e3, small < 10 { #expect(abs(value - expected) < 1e-9, "\(great) \(small)") }
        }
        // 2^1024 - 1 beside 2^1023 - 1: as 2 beside 1.
        let near = JudgedRanking(grades: [1_023, 1_024], ideal: [1_024, 1_023])
        let discount = 1 / log2(3.0)
        #expect(abs(RankingMetric.ndcg.value(near, k: 2) - (0.5 + discount) / (1 + discount * 0.5)) < 1e-12)
        // Of tiny grades the gain is as the grade.
        let tiny = JudgedRanking(grades: [1e-17, 2e-17], ideal: [2e-17, 1e-17])
        #expect(abs(RankingMetric.ndcg.value(tiny, k: 2) - (0.5 + discount) / (1 + discount * 0.5)) < 1e-9)
    }

    /// `Fixtures/rankings/make_rankings.py` made these with trec_eval and scikit-learn.
    @Test func areThoseOfTrecEval() throws {
        let path = TestData.root + "/Tests/EvaluationTests/Fixtures/rankings/rankings.json"
        let golden = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: path)), source: path)
        let (ks, queries) = (golden["k"]?.array ?? [], golden["queries"]?.array ?? [])
        #expect(ks.count == 4 && queries.count == 25)
        for query in queries {
            var judged = JudgedRanking(grades: [], ideal: [])
            judged.grades = query["ranking"]!.array!.map { query["grades"]![$0.string!]?.number ?? 0 }
            judged.ideal = query["grades"]!.names.compactMap { query["grades"]![$0]?.number }.filter { $0 > 0 }
                .sorted(by: >)
            for metric in RankingMetric.allCases {
                for k in ks.compactMap(\.integer) {
                    let expected = query["expected"]!["\(RankingFigure(metric: metric, k: k))"]!.number!
                    #expect(abs(metric.value(judged, k: k) - expected) < 1e-9, "\(metric)@\(k)")
                }
            }
        }
    }
}

@Suite struct BootstrapTests {
    @Test func theSameForAnyNumberOfThreads() {
        var random = SeededGenerator()
        let values = (0..<3 * 400).map { _ in Double.random(in: 0...1, using: &random) }
        let one = Bootstrap(seed: 3).intervals(values, columns: 3, threads: 1)
        #expect(one == Bootstrap(seed: 3).intervals(values, columns: 3, threads: 4))
        #expect(one != Bootstrap(seed: 4).intervals(values, columns: 3, threads: 4))
        #expect(one.count == 3)
    }

    /// Of many values, the interval is the normal approximation's: the mean ± 1.96 standard errors.
    @Test func isAsWideAsTheStandardErrorSays() {
        var random = SeededGenerator()
        let values = (0..<2_000).map { _ in Double(random.gaussian()) }
        let mean = values.reduce(0, +) / 2_000
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 1_999
        let error = (variance / 2_000).squareRoot()
        let interval = Bootstrap(seed: 1).intervals(values, columns: 1, threads: 2)[0]
        #expect(abs(interval.lowerBound - (mean - 1.96 * error)) < 0.3 * error, "\(random)")
        #expect(abs(interval.upperBound - (mean + 1.96 * error)) < 0.3 * error, "\(random)")
    }

    @Test func oneQueryHasNoWidth() {
        #expect(Bootstrap(seed: 1).intervals([0.25, 1], columns: 2, threads: 2) == [0.25...0.25, 1...1])
        #expect(Bootstrap(seed: 1).intervals([], columns: 2, threads: 2).isEmpty)
    }
}
