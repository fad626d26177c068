public import Files
import Neighbors
import Shards

extension Collection {
    /// What a search for `k` points may expect, as the calibration has measured it when the index was built.
    public struct Expectation: Codable, Sendable {
        /// How many points are asked for.
        public var k: Int
        /// The mean recall that is asked for.
        public var target: Double
        /// Whether every row is looked at: nothing is missed then.
        public var isExact: Bool
        /// How hard the index works, as it says itself: `window 24`, `probes 12`, `every row`.
        public var effort: String
        /// The mean recall of the calibration's queries, or 1 if all is scanned; nil where nobody has measured it.
        public var recall: Double?
        /// The share of the calibration's queries that stayed below the target.
        public var shareBelowTarget: Double?
        /// Distances that a query estimates or computes, on average.
        public var evaluations: Double?
        /// Bytes of codes and index that a query reads, on average, without the shard's.
        public var bytes: Double?
    }

    /// What a search may expect.
    /// - Parameters:
    ///   - k: how many points are asked for, at least 1.
    ///   - recall: the mean recall, from above 0 to 1; nil for the collection's own.
    ///   - exact: whether all rows are to be looked at.
    /// - Throws: `invalidInput` for an impossible recall.
    public func expectation(k: Int, recall: Double? = nil, exact: Bool = false) throws(BelfryError) -> Expectation {
        let (target, efforts) = try plan(k: k, recall: recall, exact: exact)
        let parts = zip(segments, efforts).map { Self.expectation($0.index, $1, k, target) }
        var whole = parts.first ?? Expectation(k: k, target: target, isExact: true, effort: Self.name(.exact))
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
        k: Int, recall: Double?, exact: Bool
    ) throws(BelfryError) -> (target: Double, efforts: [Neighbors.Segment.Effort]) {
        let target = exact ? 1 : recall ?? configuration.recall
        guard target > 0, target <= 1 else {
            throw BelfryError(
                .invalidInput, "A recall of \(target) cannot be asked for.",
                remedy: "Name the share of the true nearest that is to be found, above 0 and up to 1, as 0.95.")
        }
        let efforts = segments.map { segment in
            segment.index.effort(recall: target, k: k)
        }
        return (target, efforts)
    }

    private static func combine(
        _ first: Double?, _ second: Double?, _ both: (Double, Double) -> Double
    ) -> Double? {
        guard let first, let second else { return nil }
        return both(first, second)
    }

    private static func expectation(
        _ segment: Neighbors.Segment, _ effort: Neighbors.Segment.Effort, _ k: Int, _ target: Double
    ) -> Expectation {
        var expectation = Expectation(k: k, target: target, isExact: effort == .exact, effort: name(effort))
        if effort == .exact {
            let rows = Double(segment.shard.rowCount)
            (expectation.recall, expectation.shareBelowTarget) = (1, 0)
            (expectation.evaluations, expectation.bytes) = (rows, rows * segment.codes.bytesPerVector)
        } else if let calibration = segment.calibration, let choice = calibration.choice(recall: target, k: k),
            !choice.isExtrapolated
        {
            let curve = calibration.curve(k: k)
            expectation.recall = curve.recall(choice.level)
            expectation.shareBelowTarget = curve.shareBelow(target, choice.level)
            expectation.evaluations = curve.evaluations(choice.level)
            expectation.bytes = curve.bytes(choice.level)
        }
        return expectation
    }

    private static func name(_ effort: Neighbors.Segment.Effort) -> String {
        switch effort {
        case .exact: "every row"
        case .graph(let window): "window \(window)"
        case .lists(let probes): "probes \(probes)"
        }
    }

    /// Where expectations come from, as `calibrated on 1,000 rows of the data`; nil where the index was not calibrated.
    public var calibrationSource: String? {
        guard let calibration = segments.first?.index.calibration, let queries = calibration.curves.first?.queries
        else {
            return nil
        }
        let kind =
            switch calibration.source {
            case .given:
                // A collection of an earlier version does not say which.
                index.queries.map { $0.areUsers ? "users of the recipe" : "queries of the recipe" }
                    ?? "queries that were given"
            case .logged: "queries that were asked before"
            case .ownRows: "rows of the data"
            }
        return "calibrated on \(ProgressLine.grouped(queries)) \(kind)"
    }

    /// Why rows of the data were used although the recipe names queries to calibrate on; nil where it was not so.
    public var calibrationFallback: String? {
        guard let named = index.queries, segments.first?.index.calibration?.source == .ownRows else { return nil }
        return "rows of the data stand in for the recipe's \(named.areUsers ? "users" : "queries"): "
            + (named.count == 0 ? "none" : "only \(ProgressLine.grouped(named.count))")
            + " of them could be used, and a calibration needs \(SegmentBuilder.fewestQueries)"
    }
}
