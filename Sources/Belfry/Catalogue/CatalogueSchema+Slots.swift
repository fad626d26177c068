import Files
import GRDB
import Shards

// The second version of the tables: a point has a slot, and the segments say where its vector lies.
extension CatalogueSchema {
    /// Gives every point a slot: the rows of the segments are numbered on, one segment after the other. So the segments
    /// need no file that says it.
    ///
    /// A row that is not what was written stops it: with a new checksum the damage would not be seen any more.
    static func toSlots(_ database: Database) throws {
        let transaction = Catalogue.Transaction(database: database, path: "")
        for table in second {
            try database.execute(sql: "ALTER TABLE \(table.name) RENAME TO old_\(table.name)")
            try database.execute(sql: "CREATE TABLE \(table.name) \(table.sql)")
        }
        let firstSlots = try moveSegments(transaction)
        try movePoints(transaction, firstSlots)
        for table in second { try database.execute(sql: "DROP TABLE old_\(table.name)") }
    }

    /// What the documents of the first version say that is in the segments' rows, and in the state, now.
    private struct Index: Decodable {
        var kind: String
        var files: [String]
        var identities: [String: UInt32]?
    }

    private struct Counts: Decodable {
        var points: Int
        var segments: Int
    }

    private struct Record: Encodable {
        var kind: String
        var files: [String]
        var identities: [String: UInt32]?
        var firstSlot: Slot
    }

    /// Returns the first slot of every segment, and writes the state.
    private static func moveSegments(_ transaction: Catalogue.Transaction) throws -> [Int: Int] {
        let index = try transaction.document("index", as: Index.self)
        var firstSlots: [Int: Int] = [:]
        var slots = 0
        let rows = try DatabaseRow.fetchAll(
            transaction.database, sql: "SELECT * FROM old_segments ORDER BY number")
        for row in rows {
            let name = "\(row[0] as DatabaseValue)"
            try transaction.verify(row, "segments", name)
            let (number, count) = (try transaction.integer(row[0]), try transaction.integer(row[1]))
            guard (0...Int(Slot.max)).contains(count), slots + count <= Int(Slot.max) else {
                throw BelfryError.corrupt(
                    "No segment has the number \(number) and \(count) rows.",
                    at: transaction.place("segments", name))
            }
            // A build that has not finished has segments of vectors and ids alone.
            let record = Record(
                kind: index?.kind ?? "exact", files: index?.files ?? ["ids", "vectors.shard"],
                identities: index?.identities, firstSlot: Slot(slots))
            try transaction.insert(
                .init(number: number, rows: count, record: try Catalogue.Transaction.text(record), dead: []))
            firstSlots[number] = slots
            slots += count
        }
        let counts = try transaction.document("collection", as: Counts.self)
        try transaction.put(
            CatalogueState(
                points: counts?.points ?? slots, segments: counts?.segments ?? rows.count, nextSlot: UInt64(slots)))
        return firstSlots
    }

    private static func movePoints(
        _ transaction: Catalogue.Transaction, _ firstSlots: [Int: Int]
    ) throws {
        let rows = try DatabaseRow.fetchCursor(
            transaction.database, sql: "SELECT * FROM old_points ORDER BY segment, row")
        while let row = try rows.next() {
            let name = Catalogue.Transaction.name(row[0])
            try transaction.verify(row, "points", name)
            let place = try transaction.integer(row[2])
            guard let id = PointID(databaseValue: row[0]), let first = firstSlots[try transaction.integer(row[1])],
                place >= 0, let slot = Slot(exactly: first + min(place, Int(Slot.max)))
            else { throw BelfryError.corrupt("The point lies in no segment.", at: transaction.place("points", name)) }
            try transaction.insert(
                .init(
                    slot: slot, id: id, key: String.fromDatabaseValue(row[3]), payload: try transaction.text(row[4]),
                    version: 0, source: 0))
        }
    }
}
