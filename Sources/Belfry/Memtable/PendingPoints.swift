import HashTreeCollections
import Neighbors
import Shards
import Vectors

/// What was written after the catalogue was last brought up to date with the log: the newest state of every point that was
/// written to, and the vectors that came with it.
///
/// A value: who holds one sees what had been written when it was made. Copies share what they have in common, so that one
/// can be made for every write. Its bounds are the memtable's.
struct PendingPoints: Sendable {
    /// The number of the segment that its rows will be; ``PointPlace`` means them by it until then.
    let number: Int
    /// The vectors. The table's tags are slots.
    private(set) var rows: MemtableView
    /// Rows whose point was written again, or deleted.
    private(set) var dead: RowSet
    /// The points that were written to.
    private var points: TreeDictionary<Slot, PendingPoint> = [:]
    private var slots: TreeDictionary<PointID, Slot> = [:]
    /// Bytes of the points without their vectors.
    private(set) var bytes = 0

    /// How many rows it is to have at the most; the table may have room for more.
    let limit: Int

    /// Nothing yet.
    init(_ memtable: Memtable, number: Int, limit: Int) {
        (rows, self.number, self.limit) = (memtable.view(), number, limit)
        dead = RowSet(capacity: memtable.capacity)
    }

    /// How many rows are alive.
    var liveRows: Int { rows.count - dead.count }

    /// The slot of a point that was written to.
    func slot(of id: PointID) -> Slot? { slots[id] }

    /// What the point of a slot is now; nil where it was not written to.
    subscript(slot: Slot) -> PendingPoint? { points[slot] }

    /// The point that a row, which may be dead, is a vector of.
    func point(ofRow row: Int) -> PendingPoint {
        guard let point = points[rows.tag(row)] else { preconditionFailure("a row of a point that was written") }
        return point
    }

    /// Hands on every point that was written to.
    func forEach(_ body: (Slot, PendingPoint) throws -> Void) rethrows {
        for (slot, point) in points { try body(slot, point) }
    }

    /// Whether nothing was written to it.
    var isUnused: Bool { points.isEmpty }

    /// Notes what a point is now, or that it was deleted.
    mutating func put(_ slot: Slot, _ point: PendingPoint) {
        if let row = points[slot]?.content?.row, row != point.content?.row { dead.insert(row) }
        bytes += Self.overhead + (point.content.map { $0.payload.utf8.count + ($0.key?.utf8.count ?? 0) } ?? 0)
        points[slot] = point
        slots[point.id] = slot
    }

    /// Notes that the vector of a row is not its point's any more.
    mutating func kill(_ row: Int) { dead.insert(row) }

    /// What a point takes beside its payload, about.
    private static let overhead = 200

    /// Sees the rows that the table has now.
    mutating func takeRows() { rows = rows.memtable.view() }
}
