public import Files
public import Shards

/// A point as its catalogue row and its vector describe it.
public struct RetrievedPoint: Sendable {
    /// The id.
    public let id: PointID
    /// The id as it was written, where that is neither a number nor a UUID.
    public let key: String?
    /// The payload: a JSON object.
    public let payload: JSON
    /// The LSN of the write that made it what it is; 0 for one that a build wrote.
    public let version: UInt64
    /// The vectors as stored, by the names of their spaces; of a space that is not there, it has none.
    public let vectors: [String: PointVector]
    /// The vector of a collection whose vectors need no name; nil where the point has none.
    public var vector: [Float]? { vectors[""]?.dense }
}
