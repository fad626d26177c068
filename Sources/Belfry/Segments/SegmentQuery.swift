import Neighbors
import Vectors

/// What is asked of one segment.
struct SegmentQuery {
    let queries: Matrix
    let k: Int
    /// For each query the rows that it must not find: its own, those that it was made of; empty if there are none for any.
    let excludedRows: [[Int]]
    /// The only rows that may be found; nil for all.
    let kept: RowSet?
    let threads: Int

    /// How many of a segment's `rows` may be found.
    func candidates(of rows: Int) -> Int { kept?.count ?? rows }

    func excludedRows(_ query: Int) -> [Int] { excludedRows.isEmpty ? [] : excludedRows[query] }
}

/// What one segment answers to one query.
struct SegmentAnswer {
    var rows: [Neighbor]
    var verdict: SegmentSearcher.Verdict
    /// What was looked at for it.
    var work: SearchWork
}
