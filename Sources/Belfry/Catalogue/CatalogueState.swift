/// The numbers of writes.
enum LSN {
    /// So that counting on never overflows.
    static let limit: UInt64 = 1 << 62
}

/// How far the catalogue is: the document `state`. It is written in the transaction that brings it there.
struct CatalogueState: Codable, Equatable, Sendable {
    /// How many points there are: a row that was lost shows as a difference.
    var points = 0
    /// How many of them have a vector in each space, by its name; nil where all have one in the only space.
    var vectors: [String: Int]?
    /// How many segments are listed.
    var segments = 0
    /// How many times kinds of vector were added or dropped; nil for never.
    var schema: Int?
    /// The slot of the next new point.
    var nextSlot: UInt64 = 0
    /// The last write of the log that the catalogue has; what follows in the log is newer than the catalogue.
    var lsn: UInt64 = 0
    /// Whether there is a log: where it was not copied along, what was acknowledged would be missing without a sign. Nil in a
    /// collection that nobody has opened for writing.
    var hasLog: Bool?
    /// The last write that the log had when the collection was closed, or copied, last; nil where the catalogue had them all.
    /// The end of a log that is missing or damaged looks like what was never acknowledged: this says that it was.
    var logged: UInt64?

    /// The last write that is known to have been on disk.
    var proven: UInt64 { max(lsn, logged ?? 0) }
}
