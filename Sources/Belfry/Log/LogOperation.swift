import Shards

/// What one write says: the unit of the write log. Its bytes are described in `LogOperation+Coding.swift`.
///
/// A log says what was asked for and does not judge it: whether a JSON text is JSON, a vector has the right dimension or
/// a point is there is decided by whoever applies the operation, before it is appended.
enum LogOperation: Equatable, Sendable {
    /// Writes a whole point.
    case upsert(point: LogPoint, condition: WriteCondition)
    /// Deletes points.
    case delete(ids: [PointID])
    /// Merges a JSON object into the points' payload.
    case setPayload(ids: [PointID], json: String)
    /// Merges a JSON object into what lies at a path of the points' payload.
    case setPayloadAt(ids: [PointID], path: String, json: String)
    /// Puts a JSON object in the place of the points' payload.
    case overwritePayload(ids: [PointID], json: String)
    /// Puts a JSON object in the place of what lies at a path of the points' payload.
    case overwritePayloadAt(ids: [PointID], path: String, json: String)
    /// Removes fields of the points' payload.
    case deletePayload(ids: [PointID], keys: [String])
    /// Removes what lies at paths of the points' payload; a field whose whole name is such a text is meant by it.
    case deletePayloadAt(ids: [PointID], paths: [String])
    /// Empties the points' payload.
    case clearPayload(ids: [PointID])
    /// Replaces the named vectors of a point; others stay.
    case setVectors(id: PointID, vectors: [String: PointVector])
    /// Removes the named vectors of points.
    case deleteVectors(ids: [PointID], names: [String])
    /// Notes what a user has seen, or is to count as never seen.
    case note(SeenNote, user: String)
    /// Carries out the operations of a batch that is too large for a record, and has a file of its own: ``StagedBatch``.
    case publish(StagedBatch)
}

/// A point as it is written.
struct LogPoint: Equatable, Sendable {
    var id: PointID
    /// The text that the id was made of, if it was made of one.
    var key: String?
    /// By the name of their space.
    var vectors: [String: PointVector]
    /// A JSON object as text.
    var payload: String
}

/// When an upsert is carried out.
public enum WriteCondition: Equatable, Sendable {
    /// Whether the point is there or not.
    case always
    /// Only if the point is not there.
    case insertOnly
    /// Only if the point is there.
    case updateOnly
    /// Only if the point is there in this version.
    case version(UInt64)
}
