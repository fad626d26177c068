package import Files
package import Neighbors
import Shards

extension VectorCollection {
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
        return parts.isEmpty
            ? Expectation(k: k, target: target, isExact: true, effort: Self.name(.exact), kinds: [])
            : Expectation(ofAll: parts)
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
