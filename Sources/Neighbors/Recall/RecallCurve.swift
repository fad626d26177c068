/// How recall and cost grow with the effort, for one `k`: what a calibration has seen, level by level.
public struct RecallCurve: Hashable, Sendable {
    /// One level of the ladder.
    public struct Level: Hashable, Sendable {
        /// How many queries found 0, 1, … `k` of their true neighbours.
        var found: [UInt32]
        /// What was missed, in neighbours, over all queries, where a query counts with the most that it missed at this
        /// level or at any dearer one.
        var losses: UInt64
        /// Distances computed, over all queries.
        var evaluations: UInt64
        /// Bytes read, over all queries.
        var bytes: UInt64
    }

    /// How many rows each query asked for.
    public let k: Int
    /// How many queries were asked.
    public let queries: Int
    /// The levels, cheap to dear.
    let levels: [Level]

    /// The curve of what was observed.
    init(_ observations: RecallObservations) {
        let (k, queries) = (observations.k, observations.queries)
        var levels = [Level](
            repeating: Level(found: [UInt32](repeating: 0, count: k + 1), losses: 0, evaluations: 0, bytes: 0),
            count: observations.levels)
        for query in 0..<queries {
            // From the dearest down: a level is charged with the worst that comes after it.
            var worst = 0
            for level in levels.indices.reversed() {
                let outcome = observations[level, query]
                worst = max(worst, k - Int(outcome.found))
                levels[level].found[Int(outcome.found)] += 1
                levels[level].losses += UInt64(worst)
                levels[level].evaluations += UInt64(outcome.evaluations)
                levels[level].bytes += UInt64(outcome.bytes)
            }
        }
        self.init(k: k, queries: queries, levels: levels)
    }

    init(k: Int, queries: Int, levels: [Level]) { (self.k, self.queries, self.levels) = (k, queries, levels) }

    // MARK: the choice

    /// The cheapest level whose mean recall on new queries is at least `target`; nil if no level can promise that.
    ///
    /// Conformal risk control (Angelopoulos, Bates, Fisch, Lei and Schuster, arXiv 2208.02814): with losses in [0, 1]
    /// that do not grow with the level, the first level with
    ///
    ///     (sum of losses + 1) / (queries + 1) ≤ 1 - target
    ///
    /// has an expected loss of at most `1 - target` on one more query of the same kind, for any number of queries and
    /// any distribution; the 1 is the most that the new query can miss. The expectation is over calibration and new
    /// query together: it is a promise about the mean, not about each query, and not about queries of another kind.
    func level(guaranteeing target: Double) -> Int? {
        levels.firstIndex { level in
            Double(level.losses) / Double(k) + 1 <= (1 - target) * Double(queries + 1)
        }
    }

    // MARK: what to expect

    /// The mean recall of the calibration queries at a level.
    public func recall(_ level: Int) -> Double {
        let found = levels[level].found.enumerated().reduce(UInt64(0)) { $0 + UInt64($1.offset) * UInt64($1.element) }
        return Double(found) / (Double(queries) * Double(k))
    }

    /// The share of the calibration queries whose recall at a level was below `target`.
    public func shareBelow(_ target: Double, _ level: Int) -> Double {
        let below = levels[level].found.enumerated().reduce(UInt64(0)) { sum, bin in
            Double(bin.offset) < target * Double(k) - 1e-9 ? sum + UInt64(bin.element) : sum
        }
        return Double(below) / Double(queries)
    }

    /// The recall that all calibration queries but the worst `percent` in 100 reached at a level.
    public func percentile(_ percent: Double, _ level: Int) -> Double {
        // The least number of queries that make up so many in 100.
        let rank = max(1, (percent / 100 * Double(queries)).rounded(.up))
        var seen: UInt64 = 0
        for (found, count) in levels[level].found.enumerated() {
            seen += UInt64(count)
            if Double(seen) >= rank { return Double(found) / Double(k) }
        }
        return 1
    }

    /// Distances that a calibration query computed at a level, on average.
    public func evaluations(_ level: Int) -> Double { Double(levels[level].evaluations) / Double(queries) }

    /// Bytes that a calibration query read at a level, on average.
    public func bytes(_ level: Int) -> Double { Double(levels[level].bytes) / Double(queries) }
}
