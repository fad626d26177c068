import Files
import TestSupport
import Testing
import Vectors

@testable import Belfry

@Suite struct ExampleScoreTests {
    private static func sigmoid(_ x: Float) -> Float { x / (1 + abs(x)) }
    private static func half(_ x: Float) -> Float { 0.5 * (sigmoid(x) + 1) }

    /// The score of one row, as the formulas are written down.
    private static func score(_ form: ExampleScore, _ s: [Float]) -> Float {
        switch form {
        case .bestScore(let positives, _):
            let (p, n) = (s.prefix(positives).max() ?? -.infinity, s.dropFirst(positives).max() ?? -.infinity)
            return p > n ? half(p) : -half(n)
        case .sumScores(let positives, _):
            return s.prefix(positives).reduce(0, +) - s.dropFirst(positives).reduce(0, +)
        case .discovery(let pairs):
            var rank = 0
            for pair in 0..<pairs {
                let (positive, negative) = (s[1 + 2 * pair], s[2 + 2 * pair])
                rank += positive == negative ? 0 : positive > negative ? 1 : -1
            }
            return Float(rank) + half(s[0])
        case .context(let pairs):
            var sum: Float = 0
            for pair in 0..<pairs { sum += sigmoid(min(s[2 * pair] - s[2 * pair + 1] - Float.ulpOfOne, 0)) }
            return sum
        }
    }

    private static func form(_ random: inout SeededGenerator) -> ExampleScore {
        let (a, b) = (Int.random(in: 1...4, using: &random), Int.random(in: 0...4, using: &random))
        return [
            ExampleScore.bestScore(positives: a, negatives: b), .bestScore(positives: b, negatives: a),
            .sumScores(positives: a, negatives: b), .sumScores(positives: b, negatives: a), .discovery(pairs: b),
            .context(pairs: b),
        ].randomElement(using: &random)!
    }

    @Test func blocksOfRowsAreScoredRowByRow() {
        var random = SeededGenerator()
        for round in 0..<300 {
            let form = Self.form(&random)
            let rows = Int.random(in: 0...1_300, using: &random)
            let stride = rows + Int.random(in: 0...5, using: &random)
            let values: [Float] = [-3, -1, -0.5, 0, 0.25, 1, 7]
            let similarities = (0..<form.examples * stride + 1).map { _ in values.randomElement(using: &random)! }
            var scores = [Float](repeating: .nan, count: rows + 1)
            form.score(similarities, stride: stride, count: rows, into: &scores)
            for row in 0..<rows {
                let wanted = Self.score(form, (0..<form.examples).map { similarities[$0 * stride + row] })
                #expect(scores[row] == wanted, "\(round), row \(row) of \(rows), \(form), \(random)")
            }
            #expect(scores[rows].isNaN, "what lies behind the rows is not written")
        }
    }

    @Test func scoresAreOfTheirRange() {
        var random = SeededGenerator()
        for _ in 0..<2_000 {
            let form = Self.form(&random)
            let similarities = (0..<form.examples + 1).map { _ in 10 * random.gaussian() }
            var score: Float = 0
            form.score(similarities, stride: 1, count: 1, into: &score)
            switch form {
            case .bestScore: #expect(abs(score) <= 1)
            case .discovery(let pairs): #expect(abs(score - 0.5) <= Float(pairs) + 0.5)
            case .context(let pairs): #expect(score <= 0 && score >= -Float(pairs))
            default: break
            }
        }
    }
}
