/// Which effort reaches a recall, learned from queries whose true neighbours are known.
///
/// ## Overview
/// 1. The index has a ladder of efforts, cheap to dear. Calibration queries are searched at every level, for every `k`
///    of ``usualBuckets``, and compared with exact search: ``RecallObservations``.
/// 2. Each `k` gets a ``RecallCurve``: what was found, missed, computed and read at every level.
/// 3. A target chooses the cheapest level that can promise it on the mean of new queries of the same kind.
///
/// A `k` between two buckets takes the larger bucket's level. Above the largest bucket the index multiplies its
/// effort's sizes (how much it keeps, how many lists it reads) by `k / bucket`, see ``Choice/scaled(_:)``: what must be
/// found grows so, and the effort with it, but nobody has measured it, and the promise does not hold.
///
/// All figures are counts, never microseconds: the same observations give the same bytes. It knows neither the index
/// nor the queries.
///
/// ## Usage
/// ```swift
/// let calibration = RecallCalibration(levels: ladder, observations, queries: .given)
/// guard let choice = calibration.choice(recall: 0.95, k: 10) else { return exact.search(query, k: 10) }
/// ```
public struct RecallCalibration: Hashable, Sendable {
    /// Where the calibration queries came from, and so for what queries the promise holds.
    public enum QuerySource: UInt32, CaseIterable, Sendable {
        /// Queries that somebody gave.
        case given = 1
        /// Queries that were asked before.
        case logged = 2
        /// Rows of the data themselves, each searched without finding itself.
        case ownRows = 3
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

        /// A size of the effort, grown by `k / bucket` and rounded up where `k` is beyond what was calibrated.
        public func scaled(_ size: Int) -> Int {
            guard isExtrapolated else { return size }
            let (product, overflow) = size.multipliedReportingOverflow(by: k)
            return overflow ? .max : product / bucket + (product % bucket == 0 ? 0 : 1)
        }
    }

    /// The values of `k` that are calibrated.
    public static let usualBuckets = [1, 10, 30, 100]

    /// The ladder, cheap to dear.
    public let levels: [EffortLevel]
    /// A curve per bucket, by growing `k`.
    public let curves: [RecallCurve]
    /// Where the queries came from.
    public let source: QuerySource

    /// The calibration of what was observed.
    /// - Parameters:
    ///   - levels: the ladder, cheap to dear, with at most ``levelLimit`` levels of at most ``parameterLimit`` integers.
    ///   - observations: those of one or more `k`, all different, of at most ``bucketLimit`` each.
    public init(levels: [EffortLevel], _ observations: [RecallObservations], queries source: QuerySource) {
        precondition((1...Self.levelLimit).contains(levels.count), "a ladder of up to \(Self.levelLimit) levels")
        precondition(Set(levels.map(\.parameters.count)).count == 1, "levels of one kind")
        precondition(levels[0].parameters.count <= Self.parameterLimit)
        precondition((1...Self.curveLimit).contains(observations.count))
        precondition(Set(observations.map(\.k)).count == observations.count, "one curve for each k")
        precondition(observations.allSatisfy { $0.levels == levels.count && $0.k <= Self.bucketLimit })
        precondition(observations.allSatisfy { $0.queries <= Int(UInt32.max) })
        self.init(
            checked: levels, observations.sorted { $0.k < $1.k }.map { RecallCurve($0) }, source)
    }

    init(checked levels: [EffortLevel], _ curves: [RecallCurve], _ source: QuerySource) {
        (self.levels, self.curves, self.source) = (levels, curves, source)
    }

    /// The most levels of a ladder.
    public static let levelLimit = 256
    /// The most integers of a level.
    public static let parameterLimit = 16
    /// The most curves.
    public static let curveLimit = 16
    /// The largest `k` that can be calibrated.
    public static let bucketLimit = 10_000

    /// The curve that answers for `k`: the next larger one, or the largest.
    public func curve(k: Int) -> RecallCurve { curves.first { $0.k >= k } ?? curves[curves.count - 1] }

    /// The cheapest effort that can promise a mean recall of `target` on new queries like the calibration's.
    ///
    /// - Parameter target: from 0 to 1. For 1, and for what no level can promise, exact search is the answer.
    /// - Returns: nil where exact search is needed.
    public func choice(recall target: Double, k: Int) -> Choice? {
        precondition(k > 0)
        let curve = curve(k: k)
        guard let level = curve.level(guaranteeing: target) else { return nil }
        return Choice(level: level, effort: levels[level], k: k, bucket: curve.k)
    }
}
