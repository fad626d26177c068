package import Files
package import Neighbors
import Shards

extension View {
    /// What a search may expect: see ``plan(k:recall:exact:styles:in:)``.
    package func expectation(
        k: Int, recall: Double? = nil, exact: Bool = false, styles: Set<QueryStyle>? = nil, in space: Int = 0
    ) throws(BelfryError) -> Expectation {
        try plan(k: k, recall: recall, exact: exact, styles: styles, in: space).expectation
    }

    /// How a search is carried out, and what it may expect. What was planned is kept: searches are mostly of few kinds.
    /// - Parameters:
    ///   - k: how many points are asked for, at least 1.
    ///   - recall: from above 0 to 1; nil for the collection's own.
    ///   - exact: whether all rows are to be looked at.
    ///   - styles: how the queries are, if that is known; nil for any kind.
    ///   - space: the place of the space that is searched.
    /// - Throws: `invalidInput` for an impossible recall.
    func plan(
        k: Int, recall: Double?, exact: Bool, styles: Set<QueryStyle>? = nil, in space: Int = 0
    ) throws(BelfryError) -> SearchPlan {
        let target = exact ? 1 : recall ?? configuration.recall
        try SearchPlan.require(recall: target)
        let key = SearchPlan.Key(k: k, target: target, styles: styles, space: space)
        return plans.plan(key) { plan(key) }
    }

    private func plan(_ key: SearchPlan.Key) -> SearchPlan {
        let segments = segments(of: key.space)
        let indexes = segments.compactMap(\.segment.dense?.index)
        let efforts = indexes.map { $0.effort(recall: key.target, k: key.k, for: key.styles) }
        let parts = zip(indexes, efforts).map { Self.expectation($0, $1, key.k, key.target, key.styles) }
        let expectation =
            parts.isEmpty
            ? Expectation(k: key.k, target: key.target, isExact: true, effort: Self.name(.exact), kinds: [])
            : Expectation(ofAll: parts)
        return SearchPlan(target: key.target, efforts: efforts, expectation: expectation)
    }

    private static func expectation(
        _ segment: SegmentIndex, _ effort: SegmentIndex.Effort, _ k: Int, _ target: Double,
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

    private static func name(_ effort: SegmentIndex.Effort) -> String {
        switch effort {
        case .exact: "every row"
        case .graph(let window): "window \(window)"
        case .lists(let probes): "probes \(probes)"
        case .following(let ratio): "slack \(ratio)"
        }
    }
}
