public import Files
public import Foundation

/// Which points an operation is about.
public enum PointSelection: Sendable, ExpressibleByArrayLiteral {
    /// These, by their ids or any other text.
    case ids([String])
    /// All that pass a filter when the operation is carried out.
    case matching(Filter)

    /// These points.
    public init(arrayLiteral ids: String...) { self = .ids(ids) }
}

/// One thing that a batch does to a collection's points. Points are named by their ids, or by any other text.
public enum WriteOperation: Sendable {
    /// Writes a whole point, in the place of the one of that id.
    case upsert(WrittenPoint, condition: WriteCondition = .always)
    /// Removes points; one that is not there is none to remove.
    case delete(PointSelection)
    /// Merges an object into the payload of points, or into the objects at a path of it: its members take the place of those
    /// of the same name, and null takes one away.
    case setPayload(PointSelection, JSON, at: JSONPath? = nil)
    /// Puts an object in the place of the payload of points, or of what lies at a path of it.
    case overwritePayload(PointSelection, JSON, at: JSONPath? = nil)
    /// Removes members of the payload of points: fields, or what lies at a ``JSONPath`` like `country.capital`. A field that
    /// has such a text as its whole name is meant by it.
    case deletePayload(PointSelection, keys: [String])
    /// Empties the payload of points.
    case clearPayload(PointSelection)
    /// Puts vectors, by the names of their spaces, in the place of a point's; others stay.
    case setVectors(String, [String: PointVector])
    /// Removes the vectors of points in spaces of these names.
    case deleteVectors(PointSelection, names: [String])
    /// Notes that a user has seen points, which may be none of the collection's yet. Searches for that user leave them out:
    /// see ``SearchRequest/seenBy``.
    case markSeen([String], by: String, at: Date = Date())
    /// Has points count as never seen by a user.
    case forgetSeen([String], by: String)
    /// Has all that a user has seen before some time count as never seen.
    case forgetAllSeen(by: String, before: Date = .distantFuture)
}

/// A point as it is to be written.
public struct WrittenPoint: Sendable {
    /// The id: a whole number of 64 bits, a UUID, or any other text.
    public var id: String
    /// The vectors, by the names of their spaces. A space may have none.
    public var vectors: [String: PointVector]
    /// The payload: an object.
    public var payload: JSON

    /// A point of a collection with one kind of vector.
    public init(id: String, vector: [Float], payload: JSON = [:]) {
        self.init(id: id, vectors: ["": .dense(vector)], payload: payload)
    }

    /// A point.
    public init(id: String, vectors: [String: PointVector], payload: JSON = [:]) {
        (self.id, self.vectors, self.payload) = (id, vectors, payload)
    }
}

/// What a batch has done.
public struct WriteResult: Sendable, Equatable {
    /// The number of the write: every batch has a higher one than all before it. It is the version of the points that the
    /// batch has written.
    public var lsn: UInt64
    /// Operations that have changed something; of those on several points, each point counts.
    public var changed = 0
    /// Upserts that their condition has kept back.
    public var skipped = 0
    /// Points named by an operation that needs them, and not there.
    public var missing = 0

    /// The same, of another number.
    func asOf(_ lsn: UInt64) -> WriteResult {
        var result = self
        result.lsn = lsn
        return result
    }
}

/// What one batch may hold.
public enum WriteLimits {
    /// Operations, and points that they name, in one batch.
    public static let batch = 500_000
    /// Bytes of one batch, about: vectors, payloads, ids.
    public static let batchBytes = 1 << 30
    /// A batch of more operations and points than this has a file of its own beside the log, so that nobody waits for it.
    /// Tests want small ones.
    static let logged = ProcessInfo.processInfo.environment["BELFRY_LARGE_BATCH"].flatMap { Int($0) } ?? 10_000
    /// Terms of one sparse vector.
    public static let terms = 1 << 20
    /// Different words of each payload that are indexed, over all payloads of a batch.
    public static let words = 1 << 25
    /// Bytes of one point's payload as JSON.
    public static let payload = 16 << 20
}
