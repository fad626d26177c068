package import Files
public import Neighbors
import Shards

extension VectorCollection {
    /// What a search for `k` points may expect, as the calibration has measured it when the index was built.
    public struct Expectation: Codable, Sendable {
        /// How many points are asked for.
        public var k: Int
        /// The recall that is asked for: see ``RecallPromise``.
        public var target: Double
        /// Whether every row is looked at: nothing is missed then.
        public var isExact: Bool
        /// How hard the index works, as it says itself: `slack 1.12`, `every row`.
        public var effort: String
        /// The mean recall of the kind of query that finds least, or 1 if all is scanned; nil where nobody has measured it.
        public var recall: Double?
        /// The share of the queries that stayed below the target, in the kind where most did.
        public var shareBelowTarget: Double?
        /// Distances that a query estimates or computes, on average, in the kind that needs most.
        public var evaluations: Double?
        /// Bytes of codes and index that a query reads, on average, without the shard's, in the kind that needs most.
        public var bytes: Double?
        /// The same for each kind of query; empty if all is scanned, or nobody has measured it.
        public var kinds: [KindExpectation]
    }

    /// What queries of one kind may expect.
    public struct KindExpectation: Codable, Sendable {
        /// What the queries are like.
        public var kind: QueryStyle
        /// How many were asked when the index was built.
        public var queries: Int
        /// Their mean recall.
        public var recall: Double
        /// The share of them that stayed below the target.
        public var shareBelowTarget: Double
        /// The share of them that found less than the target less 0.15.
        public var shareLow: Double
        /// The share of them that missed the nearest point.
        public var shareMissingNearest: Double
        /// Distances that they estimated or computed, on average.
        public var evaluations: Double
        /// Bytes of codes and index that they read, on average.
        public var bytes: Double
    }

    /// What a search may expect.
    /// - Parameters:
    ///   - k: how many points are asked for, at least 1.
    ///   - recall: from above 0 to 1; nil for the collection's own.
    ///   - exact: whether all rows are to be looked at.
    ///   - styles: how the queries are, if that is known; nil for any kind.
    /// - Throws: `invalidInput` for an impossible recall.
    package func expectation(
        k: Int, recall: Double? = nil, exact: Bool = false, styles: Set<QueryStyle>? = nil
    ) throws(BelfryError) -> Expectation {
        let (target, efforts) = try plan(k: k, recall: recall, exact: exact, styles: styles)
        let parts = zip(segments, efforts).map { Self.expectation($0.index, $1, k, target, styles) }
        var whole =
            parts.first ?? Expectation(k: k, target: target, isExact: true, effort: Self.name(.exact), kinds: [])
        for part in parts.dropFirst() {
            whole.isExact = whole.isExact && part.isExact
            whole.effort += ", \(part.effort)"
            whole.recall = Self.combine(whole.recall, part.recall, min)
            whole.shareBelowTarget = Self.combine(whole.shareBelowTarget, part.shareBelowTarget, max)
            whole.evaluations = Self.combine(whole.evaluations, part.evaluations, +)
            whole.bytes = Self.combine(whole.bytes, part.bytes, +)
        }
        return whole
    }

    /// The recall that a search aims at, and how hard each segment is searched for it.
    func plan(
        k: Int, recall: Double?, exact: Bool, styles: Set<QueryStyle>? = nil
    ) throws(BelfryError) -> (target: Double, efforts: [Neighbors.Segment.Effort]) {
        let target = exact ? 1 : recall ?? configuration.recall
        guard target > 0, target <= 1 else {
            throw BelfryError(
                .invalidInput, "A recall of \(target) cannot be asked for.",
                remedy: "Name the share of the true nearest that is to be found, above 0 and up to 1, as 0.95.")
        }
        let efforts = segments.map { segment in
            segment.index.effort(recall: target, k: k, for: styles)
        }
        return (target, efforts)
    }

    static func combine(_ first: Double?, _ second: Double?, _ both: (Double, Double) -> Double) -> Double? {
        guard let first, let second else { return nil }
        return both(first, second)
    }

    private static func expectation(
        _ segment: Neighbors.Segment, _ effort: Neighbors.Segment.Effort, _ k: Int, _ target: Double,
        _ styles: Set<QueryStyle>?
    ) -> Expectation {
        var expectation = Expectation(k: k, target: target, isExact: effort == .exact, effort: name(effort), kinds: [])
        if effort == .exact {
            let rows = Double(segment.shard.rowCount)
            (expectation.recall, expectation.shareBelowTarget) = (1, 0)
            (expectation.evaluations, expectation.bytes) = (rows, rows * segment.codes.bytesPerVector)
        } else if let calibration = segment.calibration,
            let choice = calibration.choice(recall: target, k: k, for: styles),
            !choice.isExtrapolated
        {
            expectation.kinds = calibration.kinds(of: styles).map {
                KindExpectation($0, k: k, target, level: choice.level)
            }
            expectation.recall = expectation.kinds.map(\.recall).min()
            expectation.shareBelowTarget = expectation.kinds.map(\.shareBelowTarget).max()
            expectation.evaluations = expectation.kinds.map(\.evaluations).max()
            expectation.bytes = expectation.kinds.map(\.bytes).max()
        }
        return expectation
    }

    private static func name(_ effort: Neighbors.Segment.Effort) -> String {
        switch effort {
        case .exact: "every row"
        case .graph(let window): "window \(window)"
        case .lists(let probes): "probes \(probes)"
        case .following(let ratio): "slack \(ratio)"
        }
    }

    /// Where expectations come from, as `calibrated on 1,000 rows of the data, 400 single words`; nil where the index was
    /// not calibrated.
    package var calibrationSource: String? {
        guard let calibration = segments.first?.index.calibration else { return nil }
        let kinds = calibration.kinds.map { "\(ProgressLine.grouped($0.queries)) \($0.kind.description)" }
        return "calibrated on \(kinds.joined(separator: ", "))"
    }

    /// Why the index was calibrated on rows of the data alone although the recipe names queries; nil where it was not so.
    package var calibrationFallback: String? {
        guard let named = index.queries, segments.first?.index.calibration?.kinds.map(\.kind) == [.rows] else {
            return nil
        }
        return "rows of the data stand in for the recipe's \(named.areUsers ? "users" : "queries"): "
            + (named.count == 0 ? "none" : "only \(ProgressLine.grouped(named.count))")
            + " of them could be used, and a calibration needs \(SegmentBuilder.minQueries)"
    }
}

extension VectorCollection.KindExpectation {
    fileprivate init(_ kind: RecallCalibration.Kind, k: Int, _ target: Double, level: Int) {
        let curve = kind.curve(k: k)
        self.init(
            kind: kind.kind, queries: kind.queries, recall: curve.recall(level),
            shareBelowTarget: curve.shareBelow(target, level),
            shareLow: curve.shareBelow(target - RecallPromise.margin, level),
            shareMissingNearest: curve.shareMissingNearest(level), evaluations: curve.evaluations(level),
            bytes: curve.bytes(level))
    }
}
