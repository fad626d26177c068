import Files
import HashTreeCollections
import Neighbors
import Shards
import Vectors

/// What was written after the catalogue was last brought up to date with the log: the newest state of every point that was
/// written to, and the vectors that came with it.
///
/// A value: who holds one sees what had been written when it was made. Copies share what they have in common, so that one
/// can be made for every write. Its bounds are the memtables'.
struct PendingPoints: Sendable {
    /// The vectors, space by space.
    private(set) var vectors: [PendingVectors]
    /// The points that were written to.
    private var points: TreeDictionary<Slot, PendingPoint> = [:]
    private var slots: TreeDictionary<PointID, Slot> = [:]
    /// The slots that were written to, in order; one that was written to again is there again.
    private(set) var changes: [Slot] = []
    /// What was noted of what users have seen.
    private(set) var seen: TreeDictionary<UTF8Key, SeenChanges> = [:]
    /// Bytes of the points without their vectors, and of what was seen.
    private var bytes = 0

    /// Nothing yet.
    /// - Parameter vectors: of every space of the collection.
    init(_ vectors: [PendingVectors]) { self.vectors = vectors }

    /// The slot of a point that was written to.
    func slot(of id: PointID) -> Slot? { slots[id] }

    /// What the point of a slot is now; nil where it was not written to.
    subscript(slot: Slot) -> PendingPoint? { points[slot] }

    /// The point that a row of a space, which may be dead, is a vector of.
    func point(ofRow row: Int, in space: Int) -> PendingPoint {
        guard let point = points[vectors[space].rows.slot(row)] else {
            preconditionFailure("a row of a point that was written")
        }
        return point
    }

    /// Hands on every point that was written to.
    func forEach<Failure>(_ body: (Slot, PendingPoint) throws(Failure) -> Void) throws(Failure) {
        for (slot, point) in points { try body(slot, point) }
    }

    /// How many points were written to it, or deleted.
    var count: Int { points.count }

    /// Whether nothing was written to it.
    var isUnused: Bool { points.isEmpty && seen.isEmpty }

    /// The space whose segment is to have this number; nil where none is.
    func space(ofSegment number: Int) -> Int? { vectors.firstIndex { $0.number == number } }

    /// Where the vector of a slot lies: nil where this says nothing of it, and `.some(nil)` where there is none.
    func place(of slot: Slot, in space: Int) -> PointPlace?? {
        guard let point = points[slot] else { return nil }
        guard let content = point.content else { return .some(nil) }
        guard let row = content.rows[space] else { return nil }
        return vectors[space].dead.contains(row) ? .some(nil) : PointPlace(segment: vectors[space].number, row: row)
    }

    // MARK: writing

    /// Notes what a point is now, or that it was deleted.
    mutating func put(_ slot: Slot, _ point: PendingPoint) {
        if let before = points[slot]?.content?.rows {
            for space in vectors.indices {
                if let row = before[space], row != point.content?.rows[space] { vectors[space].kill(row) }
            }
        }
        bytes += Self.overhead + (point.content.map { $0.payload.utf8.count + ($0.key?.utf8.count ?? 0) } ?? 0)
        points[slot] = point
        slots[point.id] = slot
        changes.append(slot)
    }

    /// Notes what a user has seen.
    mutating func note(_ note: SeenNote, user: String) {
        seen[UTF8Key(user), default: SeenChanges()].note(note)
        bytes += Self.overhead + user.utf8.count + note.ids.count * Self.markBytes
    }

    /// What a point that was seen takes, about.
    private static let markBytes = 64

    /// What a point takes beside its payload, about.
    private static let overhead = 200

    /// Notes that the vector of a row is not its point's any more.
    mutating func kill(_ row: Int, in space: Int) { vectors[space].kill(row) }

    /// Sees the rows that the tables have now.
    mutating func takeRows() {
        for space in vectors.indices { vectors[space].takeRows() }
    }

    // MARK: room

    /// Whether nothing was put into its tables, whatever is known of points.
    var hasEmptyTables: Bool { vectors.allSatisfy { $0.table.count == 0 } }

    /// Takes larger tables in the place of its empty ones.
    mutating func enlarge(to larger: [PendingVectors]) {
        vectors = zip(vectors, larger).map { $0.enlarged(to: $1) }
    }

    /// Whether a batch with so many vectors in each space can be written to it.
    func hasRoom(for amounts: [NewVectors.Amount]) -> Bool {
        bytes < Self.mostBytes && zip(vectors, amounts).allSatisfy { $0.hasRoom(for: $1) }
    }

    /// Whether it is time to seal it.
    var isLarge: Bool { bytes > Self.mostBytes / 2 || vectors.contains(where: \.areMany) }

    /// Bytes of points and payloads that one table goes with.
    private static let mostBytes = 64 << 20
}
