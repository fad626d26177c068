import Vectors

/// A segment, and which of its rows are still a point's.
struct LiveSegment: Sendable {
    var segment: CollectionSegment
    /// Rows whose point was deleted, or has its vector elsewhere now; nil where there are none.
    var dead: RowSet?

    /// How many rows are alive.
    var count: Int { segment.rows - (dead?.count ?? 0) }

    func isDead(_ row: Int) -> Bool { dead?.contains(row) == true }

    mutating func kill(_ row: Int) {
        if dead == nil { dead = RowSet(capacity: segment.rows) }
        dead?.insert(row)
    }
}
