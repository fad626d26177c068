import Shards

/// A point as it was written, or that it was deleted, since the catalogue was last brought up to date.
struct PendingPoint: Sendable {
    var id: PointID
    /// The LSN of the write.
    var version: UInt64
    /// What it is now; nil where it was deleted.
    var content: Content?

    struct Content: Sendable {
        /// The id as it was written, where it is neither a number nor a UUID.
        var key: String?
        /// A JSON object.
        var payload: String
        /// As in the catalogue: the digest of what a build has made the vector of; nil for a point that no build has written.
        var source: Int64?
        /// The rows of its vectors in the memtables; of a space that has none here, the vector is where it was before, if
        /// there is one.
        var rows = SpaceRows()
    }
}

/// A row in each space, or none.
struct SpaceRows: Equatable, Sendable {
    private var first: Int?
    // Nearly all collections have one space: nothing is allocated for their points.
    private var others: [Int: Int] = [:]

    /// The row in the space of this place.
    subscript(space: Int) -> Int? {
        get { space == 0 ? first : others[space] }
        set { if space == 0 { first = newValue } else { others[space] = newValue } }
    }
}
