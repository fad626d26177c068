import Foundation

/// How much a search of lists looks at: from it follow recall and cost.
package struct ListsEffort: Hashable, Sendable {
    /// How many of the nearest lists are scanned.
    package var probes: Int
    /// How many of the rows with the best estimates are looked at again on the codes, at least the `k` wanted.
    package var rerank: Int
    /// Ends the scan in the place of `probes`.
    var slack: Slack?

    /// An effort of one's own.
    package init(probes: Int, rerank: Int) {
        precondition(probes > 0 && rerank > 0)
        (self.probes, self.rerank) = (probes, rerank)
    }

    /// Everything: all lists, and all rows again on the codes.
    package static func all(_ lists: ListsReader) -> ListsEffort {
        ListsEffort(probes: max(1, lists.listCount), rerank: max(1, lists.rowCount))
    }

    /// An effort for `k` neighbors: the more of `lists` lists are scanned, the more rows are looked at again, from
    /// little more than `k` to some four times as many.
    package init(probes: Int, lists: Int, k: Int) {
        let share = lists > 1 ? min(1, log(Double(max(probes, 1))) / log(Double(lists))) : 1
        self.init(probes: max(probes, 1), rerank: Int(Double(2 * k + 6) + share * Double(2 * k + 18)))
    }

    /// The effort of a slack for `k` neighbors.
    init(slack: Slack, k: Int) {
        self.init(probes: 1, rerank: max(4 * k + 24, slack.rank))
        self.slack = slack
    }

    /// At most 64 numbers of lists, from one to all of them, in steps of one factor.
    package static func probes(lists: Int) -> [Int] {
        let rungs = 64
        var probes: [Int] = []
        for rung in 0..<rungs {
            let count = Int(pow(Double(max(lists, 1)), Double(rung) / Double(rungs - 1)).rounded())
            if count > probes.last ?? 0 { probes.append(count) }
        }
        return probes
    }
}
