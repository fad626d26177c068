package import Files
package import Neighbors
package import Vectors

extension VectorCollection {
    /// What searches at one recall found of what exact search finds, over some queries.
    package struct Audit: Codable, Sendable {
        /// The recall that was asked for.
        package var target: Double
        /// How many points each query asked for.
        package var k: Int
        /// How hard the index works, as it says itself.
        package var effort: String
        /// How many queries were asked.
        package var queries: Int
        /// The mean of their recalls. A point counts if it is as near as the k-th of the exact search.
        package var recall: Double
        /// The share of the queries below the target.
        package var shareBelowTarget: Double
        /// The share of the queries below the target less 0.15.
        package var shareLow: Double
        /// The recall that all but one in twenty reach.
        package var fifthPercentile: Double
        /// The share of the queries that missed the nearest point.
        package var shareMissingNearest: Double
        /// Distances that a query estimated or computed, on average.
        package var evaluations: Double
        /// The share of the queries for which all points were looked at, though nobody asked for that.
        package var shareScanned: Double
        /// The share of the queries that are unlike all that the index was calibrated on.
        package var shareUnlike: Double
        /// The share of the queries whose recall is not known.
        package var shareUnknown: Double
        /// The recall of every query, in their order.
        package var recalls: [Double]
    }

    /// Asks queries of the index and of the exact search, and compares.
    /// - Parameters:
    ///   - queries: one per row.
    ///   - targets: the recalls that are asked for, from above 0 to 1.
    ///   - styles: how the queries are, if that is known; nil for any kind.
    ///   - filter: what answers must pass; nil for all points.
    ///   - threads: how many threads the exact search has.
    ///   - progress: hears how many of how many searches are done.
    /// - Throws: as a search.
    package func audit(
        _ queries: Matrix, k: Int, targets: [Double], styles: Set<QueryStyle>? = nil, where filter: Filter? = nil,
        threads: Int = 1, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(BelfryError) -> [Audit] {
        let view = view
        let space = try configuration.place(ofSpace: "")
        let scope = SearchScope(kept: try view.points(where: filter, in: space))
        let truth = try view.nearest(
            queries, k: k, recall: nil, exact: true, scope: scope, threads: threads, in: space
        ).points
        var audits: [Audit] = []
        for (place, target) in targets.enumerated() {
            var found: [NearestPoints] = []
            let before = view.evaluations
            for query in 0..<queries.rows {
                found.append(
                    try view.nearest(
                        queries.prefix(query + 1).suffix(1), k: k, recall: target, exact: false, scope: scope,
                        styles: styles, threads: 1, in: space))
                if query % 64 == 0 { progress(place * queries.rows + query, targets.count * queries.rows) }
            }

            audits.append(
                try Self.audit(
                    found, truth, k, view.expectation(k: k, recall: target, styles: styles, in: space),
                    evaluations: view.evaluations - before))
        }
        return audits
    }

    private static func audit(
        _ found: [NearestPoints], _ truth: [[FoundPoint]], _ k: Int, _ expectation: Expectation, evaluations: Int
    ) -> Audit {
        let verdicts = found.map { $0.verdicts[0] }
        var (recalls, missed) = ([Double](), 0)
        for (answer, truth) in zip(found, truth) {
            guard let nearest = truth.first?.distance, let last = truth.last?.distance else { continue }
            recalls.append(Double(answer.points[0].count { $0.distance <= last }) / Double(truth.count))
            if !answer.points[0].contains(where: { $0.distance <= nearest }) { missed += 1 }
        }
        let count = Double(max(1, recalls.count))
        func share(below bound: Double) -> Double { Double(recalls.count { $0 < bound - 1e-9 }) / count }
        func share(_ isSo: (SearchVerdict) -> Bool) -> Double { Double(verdicts.count(where: isSo)) / count }
        let target = expectation.target
        return Audit(
            target: target, k: k, effort: expectation.effort, queries: recalls.count,
            recall: recalls.reduce(0, +) / count, shareBelowTarget: share(below: target),
            shareLow: share(below: target - RecallPromise.margin),
            fifthPercentile: recalls.isEmpty ? 1 : recalls.sorted()[recalls.count / 20],
            shareMissingNearest: Double(missed) / count, evaluations: Double(evaluations) / count,
            shareScanned: expectation.isExact ? 0 : share(\.isScanned),
            shareUnlike: share(\.isUnlike), shareUnknown: share { $0.recall == nil }, recalls: recalls)
    }
}

extension VectorCollection.Audit {
    /// The figures for programs.
    package var json: JSON { JSON(encoding: self) }
}
