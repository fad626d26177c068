public import Files
import Foundation
import Vectors

/// Draws answers among the best candidates, so that others than the best are shown now and then, and the log of what was shown
/// and clicked tells what an other ranking would have been worth.
///
/// The place of each answer is drawn in turn among the candidates that are left, with a likelihood in proportion to
/// `exp(score / temperature)`: the model of Plackett (1975) and Luce (1959). That likelihood is the answer's propensity.
public struct Exploration: Hashable, Sendable {
    /// On the scale of the scores: far below their differences the best are drawn, far above all candidates alike.
    public let temperature: Double
    /// The same one draws the same answers.
    public let seed: UInt64
    /// How many of the best are candidates; nil for four times as many as are wanted, and 50 at the least.
    public let candidates: Int?

    /// The most candidates that may be asked for.
    public static let mostCandidates = 10_000

    /// - Throws: `invalidInput` where `temperature` is not above 0 and finite, or `candidates` is not in 1...10,000.
    public init(temperature: Double, seed: UInt64, candidates: Int? = nil) throws(BelfryError) {
        guard temperature > 0, temperature.isFinite else {
            throw BelfryError(.invalidInput, "The temperature \(temperature) is not a number above 0.")
        }
        if let candidates, !(1...Self.mostCandidates).contains(candidates) {
            throw BelfryError(
                .invalidInput, "\(candidates) candidates cannot be drawn from: 1 to \(Self.mostCandidates) can.")
        }
        (self.temperature, self.seed, self.candidates) = (temperature, seed, candidates)
    }

    /// How many candidates there are for so many answers.
    func candidates(for answers: Int) -> Int {
        max(answers, candidates ?? min(max(4 * answers, 50), Self.mostCandidates))
    }

    /// Draws up to `count` of some candidates, of which a larger score is better.
    func draw(
        _ count: Int, scores: [Double], using random: inout SplitMix64
    ) -> [(place: Int, propensity: Double)] {
        var left = Array(scores.indices)
        var drawn: [(place: Int, propensity: Double)] = []
        while drawn.count < count, let best = left.lazy.map({ scores[$0] }).max() {
            let weights = left.map { exp((scores[$0] - best) / temperature) }
            let sum = weights.reduce(0, +)
            var point = Double.random(in: 0..<1, using: &random) * sum
            var choice = 0
            while choice < weights.count - 1, point >= weights[choice] {
                point -= weights[choice]
                choice += 1
            }
            drawn.append((left.remove(at: choice), weights[choice] / sum))
        }
        return drawn
    }
}
