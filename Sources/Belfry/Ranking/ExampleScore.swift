/// How a row is scored by its similarities to examples.
///
/// Similarities are larger the nearer: the negative of a `Metric`'s distance, as with Qdrant (so minus the *squared* Euclidean
/// distance). With `σ(x) = x / (1 + |x|)`, all in f32:
///
/// | form | score of a row |
/// |---|---|
/// | best score | `½ (σ(p) + 1)` where the most similar positive `p` is more similar than the most similar negative `n`; else `-½ (σ(n) + 1)` |
/// | sum of scores | the sum over the positives less the sum over the negatives |
/// | discovery | how many pairs' positives are more similar than their negatives, less how many are less similar, plus `½ (σ(t) + 1)` of the target `t` |
/// | context | the sum over pairs of `σ(min(p - n - ε, 0))`, with `ε` = 2^-23: 0 at best |
///
/// Larger is better. Formulas: Qdrant 1.19, `lib/segment/src/vector_storage/query`. What is infinite or no number makes a
/// score that is no number, or does not count.
///
/// ## Usage
/// Rows are scored block by block. Similarities lie example by example, in the order that each case names:
/// ```swift
/// form.score(similarities, stride: rows, count: rows, into: scores)
/// ```
public enum ExampleScore: Hashable, Sendable {
    /// By the most similar example. First come the positives, then the negatives; one of them at least.
    case bestScore(positives: Int, negatives: Int)
    /// By all examples alike. First come the positives, then the negatives.
    case sumScores(positives: Int, negatives: Int)
    /// By zones that pairs cut the space into, and in a zone by a target. First comes the target, then of each pair the
    /// positive and the negative.
    case discovery(pairs: Int)
    /// By pairs alone: of each first the positive, then the negative.
    case context(pairs: Int)

    /// How many examples there are.
    public var examples: Int {
        switch self {
        case .bestScore(let positives, let negatives), .sumScores(let positives, let negatives): positives + negatives
        case .discovery(let pairs): 1 + 2 * pairs
        case .context(let pairs): 2 * pairs
        }
    }
}

extension ExampleScore {
    /// Writes the scores of `count` rows.
    /// - Parameter similarities: of example `e` and row `r` at `e * stride + r`.
    func score(
        _ similarities: UnsafePointer<Float>, stride: Int, count: Int, into scores: UnsafeMutablePointer<Float>
    ) {
        for start in Swift.stride(from: 0, to: count, by: Self.tile) {
            let tile = Tile(
                similarities: similarities + start, stride: stride, count: min(Self.tile, count - start),
                scores: scores + start)
            switch self {
            case .bestScore(let positives, let negatives): tile.best(positives, negatives)
            case .sumScores(let positives, let negatives): tile.sum(positives, negatives)
            case .discovery(let pairs): tile.discovery(pairs)
            case .context(let pairs): tile.context(pairs)
            }
        }
    }

    /// So many rows at a time stay in the first cache with what is noted of them.
    private static let tile = 512
}

/// Some rows: loops over examples without, over rows within.
private struct Tile {
    let similarities: UnsafePointer<Float>
    let stride: Int
    let count: Int
    let scores: UnsafeMutablePointer<Float>

    @inline(__always)
    private func example(_ index: Int) -> UnsafePointer<Float> { similarities + index * stride }

    func best(_ positives: Int, _ negatives: Int) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { worst in
            let worst = worst.baseAddress!
            most(0..<positives, into: scores)
            most(positives..<positives + negatives, into: worst)
            for row in 0..<count {
                let (positive, negative) = (scores[row], worst[row])
                scores[row] = positive > negative ? half(positive) : -half(negative)
            }
        }
    }

    func sum(_ positives: Int, _ negatives: Int) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { worse in
            let worse = worse.baseAddress!
            total(0..<positives, into: scores)
            total(positives..<positives + negatives, into: worse)
            for row in 0..<count { scores[row] -= worse[row] }
        }
    }

    func discovery(_ pairs: Int) {
        scores.initialize(repeating: 0, count: count)
        for pair in 0..<pairs {
            let (positive, negative) = (example(1 + 2 * pair), example(2 + 2 * pair))
            for row in 0..<count {
                scores[row] += positive[row] > negative[row] ? 1 : positive[row] < negative[row] ? -1 : 0
            }
        }
        let target = example(0)
        for row in 0..<count { scores[row] += half(target[row]) }
    }

    func context(_ pairs: Int) {
        scores.initialize(repeating: 0, count: count)
        for pair in 0..<pairs {
            let (positive, negative) = (example(2 * pair), example(2 * pair + 1))
            for row in 0..<count {
                let lead = positive[row] - negative[row] - Float.ulpOfOne
                scores[row] += sigmoid(lead < 0 ? lead : 0)
            }
        }
    }

    private func most(_ examples: Range<Int>, into most: UnsafeMutablePointer<Float>) {
        most.initialize(repeating: -.infinity, count: count)
        for index in examples {
            let example = example(index)
            for row in 0..<count { most[row] = example[row] > most[row] ? example[row] : most[row] }
        }
    }

    private func total(_ examples: Range<Int>, into total: UnsafeMutablePointer<Float>) {
        total.initialize(repeating: 0, count: count)
        for index in examples {
            let example = example(index)
            for row in 0..<count { total[row] += example[row] }
        }
    }

    /// From -1 to 1, faster than with an exponential.
    @inline(__always)
    private func sigmoid(_ x: Float) -> Float { x / (1 + abs(x)) }

    /// From 0 to 1.
    @inline(__always)
    private func half(_ x: Float) -> Float { 0.5 * (sigmoid(x) + 1) }
}
