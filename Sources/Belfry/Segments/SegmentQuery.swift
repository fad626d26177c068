import Neighbors
import Vectors

/// What is asked of one segment, beside the queries' vectors.
struct SegmentQuery {
    let k: Int
    /// For each query the rows that it must not find: its own, those that it was made of; empty if there are none for any.
    let excludedRows: [[Int]]
    /// The only rows that may be found, all of them alive; nil for all that are.
    let kept: RowSet?
    /// Rows whose point is gone, lives elsewhere, or is left out for whoever asks; nil where there are none.
    var dead: RowSet?
    /// Whether some are left out for whoever asks.
    var leavesOut = false
    let threads: Int

    /// How many of a segment's `rows` may be found.
    func candidates(of rows: Int) -> Int { kept?.count ?? rows - (dead?.count ?? 0) }

    /// Which of a segment's `rows` may be found; nil for all.
    /// - Parameter excluded: more of them that may not.
    func filter(of rows: Int, except excluded: [Int] = []) -> RowFilter? {
        var removed = kept == nil ? dead : nil
        if !excluded.isEmpty {
            var both = removed ?? RowSet(capacity: rows)
            for row in excluded { both.insert(row) }
            removed = both
        }
        return RowFilter(of: rows, keeping: kept, except: removed)
    }

    func excludedRows(_ query: Int) -> [Int] { excludedRows.isEmpty ? [] : excludedRows[query] }
}

/// What one segment answers to one query.
struct SegmentAnswer {
    var rows: [Neighbor]
    var verdict: SegmentSearcher.Verdict
    /// What was looked at for it.
    var work: SearchWork
}
