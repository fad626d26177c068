import CKernels
import Files
import Vectors

// What a calibration asks: one query at all efforts, each going on where the one before has stopped.
extension ListsSearcher {
    /// What searches for each of `ks`, by growing k, find with each of some slack ratios, and what each of them would have
    /// cost, ratio by ratio.
    /// - Parameters:
    ///   - ks: whose slack has the same rank.
    ///   - spare: so many rows are found, and looked at again, in addition: some that will not count.
    func search(
        _ query: UnsafePointer<Float>, ks: [Int], spare: Int, ratios: [Float]
    ) throws(BelfryError) -> [(rows: [Neighbor], cost: SearchCost)?] {
        guard lists.rowCount > 0, let most = ks.last else {
            return ratios.flatMap { _ in ks.map { _ in ([], SearchCost()) } }
        }
        var answers: [(rows: [Neighbor], cost: SearchCost)?] = []
        cost = SearchCost()
        let effort = ListsEffort(slack: Slack(ratio: ratios.last ?? 1, k: most), k: most + spare)
        one.start(
            query, keep: min(max(effort.rerank, most + spare), lists.rowCount),
            wanted: min(Self.ranked, lists.listCount), scratch)
        var followed = Followed()
        for (place, ratio) in ratios.enumerated() {
            let before = followed.done
            followOn(one, Slack(ratio: ratio, k: most), &followed)
            guard place == 0 || followed.done != before else {
                // The same lists hold the same rows.
                answers += answers.suffix(ks.count)
                continue
            }
            let scanned = cost
            var found: [(rows: [Neighbor], cost: SearchCost)?] = []
            one.show()
            // From the largest down: what is shown is cut to what a smaller k looks at again.
            for k in ks.reversed() {
                cost = scanned
                one.cutShown(to: min(rerank(followed.done, k) + spare, lists.rowCount))
                let shown = one.shown.pointee
                found.append((try rerank(one, shown.rows, shown.count, query, k + spare), cost))
            }
            cost = scanned
            answers += found.reversed()
        }
        return answers
    }

    /// How far a search has come that goes on with more slack.
    private struct Followed {
        /// How many lists are scanned.
        var done = 0
        /// After how many lists it has looked last how near the rows are: 2, 4, 8 …
        var looked = 0
        /// The distance of the slack's rank there; nil for too few rows.
        var reference: Float?
    }

    /// Scans what ``follow(_:_:)`` scans with this slack, which has no limit, where a search with less has scanned its part
    /// already: of lists in their order, it is the first ones.
    private func followOn(_ query: ListsQuery, _ slack: Slack, _ followed: inout Followed) {
        func scan(to end: Int) {
            guard end > followed.done else { return }
            probe(query, followed.done..<end)
            followed.done = end
        }
        func look(after end: Int) {
            scan(to: end)
            (followed.looked, followed.reference) = (end, query.reference(slack.rank))
        }
        if followed.looked == 0 { look(after: min(Self.first, query.found)) }
        while followed.looked > 0 {
            let within = query.listsWithin(
                followed.reference.map { slack.ratio * $0 }, beyond: followed.looked, scratch)
            // Rows that come later are no farther: what is too far here is too far there.
            guard within >= 2 * followed.looked else { return scan(to: within) }
            look(after: 2 * followed.looked)
        }
    }
}
