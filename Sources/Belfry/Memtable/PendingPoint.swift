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
        /// The row of its vector in the memtable; nil where the vector is where it was before.
        var row: Int?
    }
}
