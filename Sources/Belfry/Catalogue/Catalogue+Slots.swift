import Files
import GRDB
import Shards

extension Catalogue.Transaction {
    /// Hands on the slot of every point, in no order.
    func forEachSlot(_ body: (Slot) -> Void) throws {
        let slots = try Int64.fetchCursor(database, sql: "SELECT slot FROM points")
        while let slot = try slots.next() {
            guard let slot = Slot(exactly: slot) else {
                throw BelfryError.corrupt("The slot is none.", at: place("points", "\(slot)"))
            }
            body(slot)
        }
    }

    /// Hands on every point, in the order of the slots.
    func forEachPointBySlot(_ body: (Catalogue.PointRow) throws -> Void) throws {
        let rows = try DatabaseRow.fetchCursor(database, sql: "SELECT * FROM points ORDER BY slot")
        while let row = try rows.next() { try body(point(row)) }
    }

    /// The slot of a point, or nil; its row is not read.
    func slot(of id: PointID) throws -> Slot? {
        let statement = try database.cachedStatement(sql: "SELECT slot FROM points WHERE id = ?")
        return try Int64.fetchOne(statement, arguments: [id.databaseValue]).flatMap { Slot(exactly: $0) }
    }

    /// Removes the points of all slots from one on.
    func removePoints(from slot: Slot) throws {
        try database.execute(sql: "DELETE FROM points WHERE slot >= ?", arguments: [Int64(slot)])
    }

    /// How many points no build has made.
    func pointsWithoutSource() throws -> Int {
        try Int.fetchOne(database, sql: "SELECT count(*) FROM points WHERE source IS NULL") ?? 0
    }

    /// Reads points by their slots, in the order of the slots: whoever asks for nearly all of them goes through the table
    /// once.
    final class SlotCursor {
        private let transaction: Catalogue.Transaction
        private var rows: RowCursor?
        private var row: DatabaseRow?
        private var slot: Int64 = -1
        /// A gap of more slots than this is jumped over.
        private static let jump = 32

        init(_ transaction: Catalogue.Transaction) { self.transaction = transaction }

        /// The point of a slot, which is larger than the one before; nil where there is none.
        func point(_ wanted: Slot) throws -> Catalogue.PointRow? {
            if rows == nil || Int64(wanted) - slot > Self.jump {
                rows = try DatabaseRow.fetchCursor(
                    transaction.database.cachedStatement(sql: "SELECT * FROM points WHERE slot >= ? ORDER BY slot"),
                    arguments: [Int64(wanted)])
                try step()
            }
            while row != nil, slot < Int64(wanted) { try step() }
            guard let row, slot == Int64(wanted) else { return nil }
            return try transaction.point(row)
        }

        private func step() throws {
            row = try rows?.next()
            slot = row.map { $0[0] } ?? .max
        }
    }
}
