/// How far beyond the nearest rows found so far a search goes on: the effort that follows the query.
///
/// A search stops when the next place to look at is more than `ratio` times as far from the query as the k-th nearest
/// row that it has found. Where rows lie close together at the query's distance, as around a query that is unlike them,
/// many places are within that; where a few rows are much nearer than all others, it stops soon. (Distance-adaptive
/// beam search: Al-Jazzazi et al., arXiv 2505.15636, here also for lists.)
///
/// Distances are squared Euclidean ones between placed rows and queries (see ``Space``); under `ip` a query is first
/// given the length of the longest row, so that the ratio does not depend on its own.
struct Slack: Hashable, Sendable {
    /// How many times as far as the reference the next place may be.
    var ratio: Float
    /// Which of the nearest rows found is the reference, counted from 1.
    var rank: Int
    /// The search ends with what it has found when it has estimated so many rows.
    var limit = Int.max

    /// The slack of a ratio for `k` neighbors. The reference is the tenth nearest at least: of a row that is found at
    /// distance nothing, every other is infinitely many times as far.
    init(ratio: Float, k: Int, limit: Int = .max) { (self.ratio, rank, self.limit) = (ratio, max(k, 10), limit) }

    /// Ratios from cheapest to most expensive, in thousandths: fine where most targets lie.
    static let ladder: [UInt32] =
        [500, 600, 700, 750, 800, 840, 870, 900, 920, 940, 960, 980] + stride(from: 990, to: 1_100, by: 10)
        + stride(from: 1_100, to: 1_300, by: 20) + stride(from: 1_300, to: 1_600, by: 50)
        + [1_600, 1_700, 1_800, 1_900, 2_000, 2_200, 2_400, 2_700, 3_000, 3_500, 4_000, 5_000, 7_000, 10_000]

    /// The ratio of a rung of the ladder.
    static func ratio(_ level: EffortLevel) -> Float { Float(level.parameters[0]) / 1_000 }
}
