/// Which rows a search may answer with: true keeps.
///
/// It is made once, for a query or for all queries that ask for the same, of what a filter lets through and of what was
/// deleted; whoever searches asks it and nothing else.
public struct RowFilter: Hashable, Sendable {
    /// The rows that are kept, of all rows that there are.
    package let rows: RowSet

    /// How many rows are kept.
    public var count: Int { rows.count }

    /// Keeps these rows.
    public init(_ rows: RowSet) { self.rows = rows }

    /// The filter over rows `0..<count` that keeps those of `kept`, or all, but for `removed`; nil where there
    /// is neither.
    public init?(of count: Int, keeping kept: RowSet?, except removed: RowSet? = nil) {
        let removed = removed?.count == 0 ? nil : removed
        guard kept != nil || removed != nil else { return nil }
        let rows =
            if let kept { kept.capacity == count ? kept : RowSet(capacity: count).union(kept) } else {
                RowSet(capacity: count) { _ in ~0 }
            }
        self.rows = removed.map { rows.subtracting($0) } ?? rows
    }

    /// Whether a search may answer with `row`.
    public func keeps(_ row: Int) -> Bool { rows.contains(row) }

    /// The rows that are kept, in order.
    package var listed: [UInt32] { rows.listed }
}
