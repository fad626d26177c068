/// Which effort keeps a recall target, learned from queries whose true neighbors are known.
///
/// ## Overview
/// 1. The index has a ladder of efforts, from cheapest to most expensive. Queries of several kinds are searched at every
///    level, for every `k` of ``defaultBuckets``, and compared with exact search: ``RecallObservations``.
/// 2. Each kind and `k` gets a ``RecallCurve``: what was found, missed, computed and read at every level.
/// 3. A target chooses the cheapest level that keeps a ``RecallPromise`` for every kind.
/// 4. Of each kind it is kept how far from their nearest rows its queries are: one that is farther than nearly all of
///    every kind is like none of them, and nothing is promised for it.
///
/// A `k` between two buckets takes the larger bucket's level; one above the largest bucket takes that one's, but nobody
/// has measured it, and nothing is promised.
///
/// All figures are counts, never microseconds: the same observations give the same bytes. It knows neither the index
/// nor the queries.
///
/// ## Usage
/// ```swift
/// let calibration = RecallCalibration(levels: ladder, [.init(.rows, observations, reach: Reach(of: distances))])
/// guard let choice = calibration.choice(recall: 0.95, k: 10) else { return exact.search(query, k: 10) }
/// ```
public struct RecallCalibration: Hashable, Sendable {
    /// What was seen of one kind of query.
    public struct Kind: Hashable, Sendable {
        /// What the queries are like.
        public let kind: QueryStyle
        /// A curve per bucket, by growing `k`.
        public let curves: [RecallCurve]
        /// How far the queries are from their nearest rows.
        public let reach: Reach

        /// How many queries were asked.
        public var queries: Int { curves[0].queries }

        /// What was observed for some `k`, all different, of the same queries.
        public init(_ kind: QueryStyle, _ observations: [RecallObservations], reach: Reach) {
            self.init(kind, curves: observations.sorted { $0.k < $1.k }.map { RecallCurve($0) }, reach: reach)
        }

        init(_ kind: QueryStyle, curves: [RecallCurve], reach: Reach) {
            (self.kind, self.curves, self.reach) = (kind, curves, reach)
        }

        /// The curve that answers for `k`: the next larger one, or the largest.
        public func curve(k: Int) -> RecallCurve { curves.first { $0.k >= k } ?? curves[curves.count - 1] }
    }

    /// How far queries are from their nearest rows: see `Metric.farness`.
    public struct Reach: Hashable, Sendable {
        /// Beyond this is one query in a hundred.
        public let usual: Float
        /// Beyond this was none.
        public let farthest: Float

        /// The reach of queries of which one in a hundred is beyond `usual`, and none beyond `farthest`.
        public init(usual: Float, farthest: Float) { (self.usual, self.farthest) = (usual, farthest) }

        /// The reach of some queries; of none, there is no end to it.
        public init(of farness: [Float]) {
            let sorted = farness.filter(\.isFinite).sorted()
            let place = Int((Self.share * Double(sorted.count + 1)).rounded(.up)) - 1
            farthest = sorted.last ?? .infinity
            usual = sorted.isEmpty ? .infinity : sorted[min(place, sorted.count - 1)]
        }

        private static let share = 0.99

        /// Beyond this, hardly one query in ten thousand is: it is as far beyond the farthest as that is beyond the usual.
        /// (Where distances thin out exponentially, that is as improbable again as the farthest was.)
        var beyondDoubt: Float { farthest + (farthest - usual) }
    }

    /// An effort for a target, and what it stands on.
    public struct Choice: Hashable, Sendable {
        /// The level's place in the ladder.
        public let level: Int
        /// The level.
        public let effort: EffortLevel
        /// The `k` that was asked for.
        public let k: Int
        /// The `k` that was calibrated: the next larger one, or the largest.
        public let bucket: Int

        /// Whether `k` is beyond what was calibrated, so that nothing is promised.
        public var isExtrapolated: Bool { k > bucket }
    }

    /// The values of `k` that are calibrated.
    public static let defaultBuckets = [1, 10, 30, 100]

    /// The ladder, from cheapest to most expensive.
    public let levels: [EffortLevel]
    /// What was seen, kind by kind, with curves for the same values of `k`.
    public let kinds: [Kind]

    /// The calibration of what was observed.
    /// - Parameters:
    ///   - levels: the ladder, from cheapest to most expensive, with at most ``levelLimit`` levels of at most
    ///     ``parameterLimit`` integers.
    ///   - kinds: at least one; each with the same `k`s, at most ``curveLimit`` of at most ``bucketLimit`` each, and at
    ///     most ``queryLimit`` queries.
    public init(levels: [EffortLevel], _ kinds: [Kind]) {
        precondition((1...Self.levelLimit).contains(levels.count), "a ladder of up to \(Self.levelLimit) levels")
        precondition(Set(levels.map(\.parameters.count)).count == 1, "levels of one shape")
        precondition(levels[0].parameters.count <= Self.parameterLimit)
        precondition((1...Self.kindLimit).contains(kinds.count))
        precondition(Set(kinds.map { $0.curves.map(\.k) }).count == 1, "the same k for all kinds")
        let curves = kinds[0].curves
        precondition((1...Self.curveLimit).contains(curves.count))
        precondition(Set(curves.map(\.k)).count == curves.count, "one curve for each k")
        precondition(
            kinds.flatMap(\.curves).allSatisfy {
                $0.levels.count == levels.count && $0.k <= Self.bucketLimit && $0.queries <= Self.queryLimit
            })
        self.init(checked: levels, kinds)
    }

    init(checked levels: [EffortLevel], _ kinds: [Kind]) { (self.levels, self.kinds) = (levels, kinds) }

    /// The most levels of a ladder.
    public static let levelLimit = 256
    /// The most integers of a level.
    public static let parameterLimit = 16
    /// The most kinds of query.
    public static let kindLimit = 16
    /// The most curves of a kind.
    public static let curveLimit = 16
    /// The largest `k` that can be calibrated.
    public static let bucketLimit = 10_000
    /// The most queries of a kind.
    public static let queryLimit = Int(UInt16.max)

    /// How far from its nearest row a query of any kind may be: one that is farther than the usual is unlike them all.
    public var reach: Reach {
        Reach(
            usual: kinds.map(\.reach.usual).max() ?? .infinity,
            farthest: kinds.map(\.reach.farthest).max() ?? .infinity)
    }

    /// The kinds of some styles; all of them where nobody knows how the queries are, or where none of those was calibrated.
    public func kinds(of styles: Set<QueryStyle>?) -> [Kind] {
        let some = kinds.filter { styles?.contains($0.kind) ?? true }
        return some.isEmpty ? kinds : some
    }

    /// The cheapest effort that keeps the promise of `target` to new queries of every kind.
    ///
    /// - Parameters:
    ///   - target: from 0 to 1. For 1, and for what no level can promise, exact search is the answer.
    ///   - styles: how the queries are, if that is known; nil for any kind.
    /// - Returns: nil where exact search is needed.
    public func choice(recall target: Double, k: Int, for styles: Set<QueryStyle>? = nil) -> Choice? {
        precondition(k > 0)
        var level = 0
        for kind in kinds(of: styles) {
            guard let own = kind.curve(k: k).level(keeping: RecallPromise(target)) else { return nil }
            level = max(level, own)
        }
        return Choice(level: level, effort: levels[level], k: k, bucket: kinds[0].curve(k: k).k)
    }

    /// Distances that a query computed at a level, on average, in the kind that needs the most.
    func evaluations(_ level: Int, k: Int, for styles: Set<QueryStyle>? = nil) -> Double {
        kinds(of: styles).map { $0.curve(k: k).evaluations(level) }.max() ?? 0
    }
}
