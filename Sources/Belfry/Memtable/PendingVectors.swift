import Files
import Neighbors
import Shards
import Vectors

/// The vectors of one space that were written and are in no segment yet.
struct PendingVectors: Sendable {
    /// The number of the segment that they will be; ``PointPlace`` means them by it until then.
    let number: Int
    let table: PendingTable
    /// The vectors of the table that are seen.
    private(set) var rows: PendingRows
    /// Rows whose point was written again, or deleted.
    private(set) var dead: RowSet
    /// How many rows there are to be at the most; the table may have room for more.
    let limit: Int

    /// None yet.
    init(_ table: PendingTable, number: Int, limit: Int) {
        (self.table, rows, self.number, self.limit) = (table, table.rows, number, min(limit, table.capacity))
        dead = RowSet(capacity: table.capacity)
    }

    /// How many rows are alive.
    var liveRows: Int { rows.count - dead.count }

    /// The rows that are alive.
    var alive: [Int] { (0..<rows.count).filter { !dead.contains($0) } }

    /// The same in a larger table, as long as nothing was put into this one.
    func enlarged(to larger: PendingVectors) -> PendingVectors {
        precondition(table.count == 0, "rows never move")
        var enlarged = larger
        for row in dead.listed { enlarged.kill(Int(row)) }
        return enlarged
    }

    /// Whether there is room for so many more.
    func hasRoom(for amount: NewVectors.Amount) -> Bool {
        table.count + amount.vectors <= limit && table.hasRoom(for: amount)
    }

    /// Whether it is time to seal them.
    var areMany: Bool { table.count * 2 > limit || table.isHalfFull }

    /// Notes that the vector of a row is not its point's any more.
    mutating func kill(_ row: Int) { dead.insert(row) }

    /// Sees the rows that the table has now.
    mutating func takeRows() { rows = table.rows }
}

extension PendingRows {
    /// Writes some rows as a segment without an index.
    /// - Parameter ids: whose the rows are.
    func write(
        _ chosen: [Int], ids: [PointID], _ space: VectorSpace, in folder: SegmentFolder
    ) throws(BelfryError) {
        switch self {
        case .dense(let all):
            let rows = Matrix(rows: chosen.count, columns: space.dimension)
            for (new, row) in chosen.enumerated() { _ = rows.row(new).update(fromContentsOf: all.row(row)) }
            let builder = SegmentBuilder(metric: space.metric, kind: .exact, elementType: space.element)
            try builder.build(rows, ids: { ids[$0] }, in: folder.path)
        case .sparse(let all):
            try SparseSegment.write(folder.path) { append throws(BelfryError) in
                for (new, row) in chosen.enumerated() { try append(all.row(row), ids[new]) }
            }
        case .multi(let all):
            try MultiSegment.write(folder.path, space) { append throws(BelfryError) in
                for (new, row) in chosen.enumerated() { try append(all.row(row), ids[new]) }
            }
        }
    }
}
