import Foundation

/// How much a search of lists looks at: from it follow recall and cost.
package struct ListsEffort: Hashable, Sendable {
    /// How many of the nearest lists are scanned.
    package var probes: Int
    /// How many of the rows with the best estimates are looked at again on the codes, at least the `k` wanted.
    package var rerank: Int

    /// An effort of one's own.
    package init(probes: Int, rerank: Int) {
        precondition(probes > 0 && rerank > 0)
        (self.probes, self.rerank) = (probes, rerank)
    }

    /// Everything: all lists, and all rows again on the codes.
    package static func all(_ lists: ListsReader) -> ListsEffort {
        ListsEffort(probes: max(1, lists.listCount), rerank: max(1, lists.rowCount))
    }

    /// At most 24 efforts, each dearer than the one before and with no lower recall on average: from one list to all of
    /// them, in steps of one factor, and from little more than `k` rows again to some four times as many.
    package static func ladder(lists: Int, k: Int) -> [ListsEffort] {
        let rungs = 24
        var ladder: [ListsEffort] = []
        for rung in 0..<rungs {
            let share = Double(rung) / Double(rungs - 1)
            let probes = Int(pow(Double(max(lists, 1)), share).rounded())
            guard probes > ladder.last?.probes ?? 0 else { continue }
            let rerank = Double(2 * k + 6) + share * Double(2 * k + 18)
            ladder.append(ListsEffort(probes: probes, rerank: Int(rerank)))
        }
        return ladder
    }
}

/// What searches have cost since the searcher was made.
package struct SearchCost: Hashable, Sendable {
    /// Lists that were scanned.
    package var lists = 0
    /// Rows in them.
    package var rowsScanned = 0
    /// Rows that were looked at again.
    package var rowsReranked = 0
    /// Rows that were read from the shard.
    package var rowsSettled = 0
    /// Bytes of centroids and of lists.
    package var bytes = 0
}
