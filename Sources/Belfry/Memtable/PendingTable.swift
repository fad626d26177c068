import Neighbors
import Shards
import Vectors

/// Where vectors of one space go that are in no segment yet.
enum PendingTable: Sendable {
    case dense(Memtable)
    case sparse(SparseMemtable)
    case multi(MultiMemtable)

    /// An empty table for a space.
    init(_ space: VectorSpace, rowLimit: Int, byteLimit: Int) {
        switch space.kind {
        case .dense:
            self = .dense(
                Memtable(
                    dimension: space.dimension, metric: space.metric, rowLimit: rowLimit, byteLimit: byteLimit))
        case .sparse: self = .sparse(SparseMemtable(rowLimit: rowLimit, byteLimit: byteLimit))
        case .multi:
            self = .multi(MultiMemtable(dimension: space.dimension, rowLimit: rowLimit, byteLimit: byteLimit))
        }
    }

    /// How many vectors it has.
    var count: Int {
        switch self {
        case .dense(let table): table.count
        case .sparse(let table): table.count
        case .multi(let table): table.count
        }
    }

    /// How many vectors it takes at the most.
    var capacity: Int {
        switch self {
        case .dense(let table): table.capacity
        case .sparse(let table): table.rowLimit
        case .multi(let table): table.rowLimit
        }
    }

    /// Whether it takes so much more.
    func hasRoom(for amount: NewVectors.Amount) -> Bool {
        switch self {
        case .dense(let table): table.count + amount.vectors <= table.capacity
        case .sparse(let table): table.hasRoom(for: amount.vectors, components: amount.parts)
        case .multi(let table): table.hasRoom(for: amount.vectors, vectors: amount.parts)
        }
    }

    /// Whether half of its memory is used.
    var isHalfFull: Bool {
        switch self {
        case .dense(let table): table.count * 2 > table.capacity
        case .sparse(let table): table.bytes * 2 > table.byteLimit
        case .multi(let table): table.bytes * 2 > table.byteLimit
        }
    }

    /// The vectors that it has now.
    var rows: PendingRows {
        switch self {
        case .dense(let table): .dense(table.view())
        case .sparse(let table): .sparse(table.view())
        case .multi(let table): .multi(table.view())
        }
    }
}

/// The vectors that a table had at one moment. Their tags are slots.
enum PendingRows: Sendable {
    case dense(MemtableView)
    case sparse(SparseMemtableView)
    case multi(MultiMemtableView)

    var count: Int {
        switch self {
        case .dense(let rows): rows.count
        case .sparse(let rows): rows.count
        case .multi(let rows): rows.count
        }
    }

    /// The slot of a row.
    func slot(_ row: Int) -> Slot {
        switch self {
        case .dense(let rows): rows.tag(row)
        case .sparse(let rows): rows.tag(row)
        case .multi(let rows): rows.tag(row)
        }
    }

    /// The vector of a row.
    func vector(_ row: Int) -> PointVector {
        switch self {
        case .dense(let rows): .dense(rows.row(row))
        case .sparse(let rows): .sparse(rows.row(row))
        case .multi(let rows): .multi(rows.row(row))
        }
    }
}
