/// How recall and cost grow with the effort, for one `k` and queries of one kind: what a calibration has seen, level by
/// level.
///
/// A query counts with the least that it found at a level or at any more expensive one, so that what is missed never
/// grows with the effort.
public struct RecallCurve: Hashable, Sendable {
    /// One level of the ladder.
    public struct Level: Hashable, Sendable {
        /// How many queries found 0, 1, … 20 twentieths of their true neighbors, rounded down.
        var found: [UInt32]
        /// Neighbors missed, over all queries.
        var losses: UInt64
        /// Queries that missed the nearest row.
        var nearestMissed: UInt32
        /// Distances computed, over all queries.
        var evaluations: UInt64
        /// Bytes read, over all queries.
        var bytes: UInt64
    }

    /// How many rows each query asked for.
    public let k: Int
    /// How many queries were asked.
    public let queries: Int
    /// The levels, from cheapest to most expensive.
    let levels: [Level]

    /// Into how many parts recall is divided in `Level.found`.
    static let parts = 20

    /// The curve of what was observed.
    init(_ observations: RecallObservations) {
        let (k, queries) = (observations.k, observations.queries)
        var levels = [Level](
            repeating: Level(
                found: [UInt32](repeating: 0, count: Self.parts + 1), losses: 0, nearestMissed: 0, evaluations: 0,
                bytes: 0), count: observations.levels)
        for query in 0..<queries {
            // From the most expensive down: a level is charged with the worst that comes after it.
            var (missed, missesNearest) = (0, false)
            for level in levels.indices.reversed() {
                let outcome = observations[level, query]
                missed = max(missed, k - Int(outcome.found))
                missesNearest = missesNearest || !outcome.hasNearest
                levels[level].found[(k - missed) * Self.parts / k] += 1
                levels[level].losses += UInt64(missed)
                levels[level].nearestMissed += missesNearest ? 1 : 0
                levels[level].evaluations += UInt64(outcome.evaluations)
                levels[level].bytes += UInt64(outcome.bytes)
            }
        }
        self.init(k: k, queries: queries, levels: levels)
    }

    init(k: Int, queries: Int, levels: [Level]) { (self.k, self.queries, self.levels) = (k, queries, levels) }

    /// The cheapest level that keeps a promise to new queries of the kind; nil if no level can.
    func level(keeping promise: RecallPromise) -> Int? {
        levels.firstIndex { promise.isKept(by: $0, k: k, queries: queries) }
    }

    // MARK: what to expect

    /// The mean recall of the calibration's queries at a level.
    public func recall(_ level: Int) -> Double {
        1 - Double(levels[level].losses) / (Double(queries) * Double(k))
    }

    /// The share of the calibration's queries whose recall at a level was below `bound`, which is rounded down to
    /// twentieths.
    public func shareBelow(_ bound: Double, _ level: Int) -> Double {
        let parts = Int((bound * Double(Self.parts) + 1e-9).rounded(.down))
        let below = levels[level].found.prefix(max(0, parts)).reduce(0) { $0 + Int($1) }
        return Double(below) / Double(queries)
    }

    /// The share of the calibration's queries that missed the nearest row at a level.
    public func shareMissingNearest(_ level: Int) -> Double {
        Double(levels[level].nearestMissed) / Double(queries)
    }

    /// Distances that a calibration query computed at a level, on average.
    public func evaluations(_ level: Int) -> Double { Double(levels[level].evaluations) / Double(queries) }

    /// Bytes that a calibration query read at a level, on average.
    public func bytes(_ level: Int) -> Double { Double(levels[level].bytes) / Double(queries) }
}
