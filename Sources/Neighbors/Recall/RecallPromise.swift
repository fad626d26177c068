/// What a search is held to when a recall is asked for, for each kind of query by itself.
///
/// A mean alone would let a quarter of the queries miss something, and some of them everything, while the others make up
/// for it. So there are three promises, all of which new queries like the calibration's must keep:
///
/// | promise | at 0.95 |
/// |---|---|
/// | the mean recall is at least the target | 0.95 |
/// | at most one query in twenty finds less than the target less 0.15 | 5 % below 0.8 |
/// | the nearest row is missed in at most a fifth of what the mean may miss, but at least half a percent, and as much as so few queries can tell; where only one row is asked for, this is the mean | 1 % |
public struct RecallPromise: Hashable, Sendable {
    /// The mean recall.
    public let target: Double

    /// What a target promises.
    public init(_ target: Double) { self.target = target }

    /// How much less than the target a query may find before it counts as low.
    public static let margin = 0.15
    /// The share of the queries that may be low.
    static let lowShare = 0.05

    /// The share of so many queries that may miss the nearest row, where more than one row is asked for.
    func nearestMissed(of queries: Int) -> Double { max((1 - target) / 5, 0.005, 1 / Double(queries + 1)) }

    /// The recall below which a query is low, in twentieths, rounded down.
    var lowTwentieths: Int { max(0, Int(((target - Self.margin) * 20 + 1e-9).rounded(.down))) }

    /// Whether counts of the calibration's queries keep the promise for new ones.
    ///
    /// Conformal risk control (Angelopoulos, Bates, Fisch, Lei and Schuster, arXiv 2208.02814): with losses in [0, 1]
    /// that do not grow with the effort, `(sum of losses + 1) / (queries + 1) ≤ bound` holds the expected loss of one
    /// more query of the same kind below the bound, for any number of queries and any distribution; the 1 is the most
    /// that the new query can lose. It is used for each of the three.
    func isKept(by level: RecallCurve.Level, k: Int, queries: Int) -> Bool {
        func holds(_ losses: Double, below bound: Double) -> Bool { losses + 1 <= bound * Double(queries + 1) }
        guard holds(Double(level.losses) / Double(k), below: 1 - target) else { return false }
        guard k > 1 else { return true }
        let low = level.found.prefix(lowTwentieths).reduce(0) { $0 + Int($1) }
        return holds(Double(low), below: Self.lowShare)
            && holds(Double(level.nearestMissed), below: nearestMissed(of: queries))
    }
}
