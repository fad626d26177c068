import Files
import Foundation
import GRDB
import Shards

extension Catalogue {
    /// Reads and writes rows, with their checksums, inside one transaction.
    struct Transaction {
        let database: Database
        let path: String

        // MARK: Configuration

        /// The document called `name`, or nil.
        func document<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value? {
            let row = try DatabaseRow.fetchOne(
                database, sql: "SELECT * FROM configuration WHERE name = ?", arguments: [name])
            guard let row else { return nil }
            try verify(row, "configuration", name)
            do {
                return try JSONDecoder().decode(type, from: Data(try text(row[1]).utf8))
            } catch {
                throw BelfryError(
                    .corruptData, "The document does not decode.", at: place("configuration", name), cause: error)
            }
        }

        /// Writes the document called `name`.
        func put(_ name: String, _ document: some Encodable) throws {
            try write("INSERT OR REPLACE", "configuration", [name.databaseValue, Self.text(document).databaseValue])
        }

        /// A document as it is kept.
        static func text(_ document: some Encodable) throws -> String {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(document), as: UTF8.self)
        }

        /// How far the catalogue is.
        func state() throws -> CatalogueState {
            let state = try document("state", as: CatalogueState.self) ?? CatalogueState()
            // Counting on from any of them must not overflow, whatever the checksum says.
            guard state.lsn <= LSN.limit, state.nextSlot <= UInt64(Slot.max), state.points >= 0, state.segments >= 0,
                0..<Int.max ~= state.schema ?? 0,
                state.vectors?.values.allSatisfy({ $0 >= 0 }) ?? true
            else { throw BelfryError.corrupt("The state is none.", at: place("configuration", "state")) }
            return state
        }

        func put(_ state: CatalogueState) throws { try put("state", state) }

        /// Changes nothing, but makes this a transaction that writes: when it is on disk, so are all before it.
        func confirm() throws { try put(state()) }

        /// How many times kinds of vector were added or dropped.
        func schema() throws -> Int { try document("state", as: CatalogueState.self)?.schema ?? 0 }

        /// The last write of the log that the catalogue has: the state without the rest, since searches ask for it.
        func lsn() throws -> UInt64 {
            let statement = try database.cachedStatement(
                sql: "SELECT json_extract(value, '$.lsn') FROM configuration WHERE name = 'state'")
            guard let lsn = try Int64.fetchOne(statement), lsn >= 0 else { return 0 }
            return UInt64(lsn)
        }

        /// Removes the document called `name`, if it is there.
        func remove(_ name: String) throws {
            try database.execute(sql: "DELETE FROM configuration WHERE name = ?", arguments: [name])
        }

        // MARK: Segments

        /// All segments, in the order of their numbers.
        func segments() throws -> [SegmentRow] {
            var last = -1
            return try DatabaseRow.fetchAll(database, sql: "SELECT * FROM segments ORDER BY number").map { row in
                try verify(row, "segments", "\(row[0] as DatabaseValue)")
                let segment = SegmentRow(
                    number: try integer(row[0]), rows: try integer(row[1]), record: try text(row[2]),
                    dead: [UInt8](try data(row[3])))
                // Sums of them must not be beyond 64 bits, whatever the checksum says.
                guard segment.number > last, segment.number < 1 << 40, (0...Int(UInt32.max)).contains(segment.rows)
                else {
                    throw BelfryError.corrupt(
                        "No segment has the number \(segment.number) and \(segment.rows) rows.",
                        at: place("segments", "\(segment.number)"))
                }
                last = segment.number
                return segment
            }
        }

        func insert(_ segment: SegmentRow) throws { try write("INSERT", "segments", values(segment)) }

        /// Writes a segment in the place of what was known of it.
        func replace(_ segment: SegmentRow) throws { try write("INSERT OR REPLACE", "segments", values(segment)) }

        private func values(_ segment: SegmentRow) -> [DatabaseValue] {
            [
                segment.number.databaseValue, segment.rows.databaseValue, segment.record.databaseValue,
                Data(segment.dead).databaseValue,
            ]
        }

        func removeSegments() throws { try database.execute(sql: "DELETE FROM segments") }

        func removeSegment(_ number: Int) throws {
            try database.execute(sql: "DELETE FROM segments WHERE number = ?", arguments: [number])
        }

        // MARK: Points

        func insert(_ point: PointRow) throws { try write("INSERT", "points", values(point)) }

        /// Writes a point in the place of what was known of it.
        func replace(_ point: PointRow) throws { try write("INSERT OR REPLACE", "points", values(point)) }

        private func values(_ point: PointRow) -> [DatabaseValue] {
            [
                Int64(point.slot).databaseValue, point.id.databaseValue, point.key.databaseValue,
                point.payload.databaseValue, Int64(bitPattern: point.version).databaseValue,
                point.source.databaseValue,
            ]
        }

        func removePoint(_ slot: Slot) throws {
            try database.cachedStatement(sql: "DELETE FROM points WHERE slot = ?").execute(arguments: [Int64(slot)])
        }

        /// The point called `id`, or nil.
        func point(_ id: PointID) throws -> PointRow? {
            try point(where: "id", id.databaseValue)
        }

        /// The point of a slot, or nil.
        func point(slot: Slot) throws -> PointRow? {
            try point(where: "slot", Int64(slot).databaseValue)
        }

        private func point(where column: String, _ value: DatabaseValue) throws -> PointRow? {
            let row = try DatabaseRow.fetchOne(
                database.cachedStatement(sql: "SELECT * FROM points WHERE \(column) = ?"), arguments: [value])
            return try row.map { try point($0) }
        }

        /// Hands every point to `body`, in the order of their ids.
        func forEachPoint(_ body: (PointRow) throws -> Void) throws {
            let rows = try DatabaseRow.fetchCursor(database, sql: "SELECT * FROM points ORDER BY id")
            while let row = try rows.next() { try body(point(row)) }
        }

        func point(_ row: DatabaseRow) throws -> PointRow {
            let value: DatabaseValue = row[1]
            try verify(row, "points", Self.name(value))
            guard let id = PointID(databaseValue: value), let slot = Slot(exactly: try integer(row[0])) else {
                throw BelfryError.corrupt(
                    "The id is neither a number nor a UUID, or the slot is none.",
                    at: place("points", Self.name(value)))
            }
            return PointRow(
                slot: slot, id: id, key: String.fromDatabaseValue(row[2]), payload: try text(row[3]),
                version: UInt64(bitPattern: Int64(try integer(row[4]))),
                source: (row[5] as DatabaseValue).isNull ? nil : Int64(try integer(row[5])))
        }

        // MARK: Users

        func insert(_ user: User) throws {
            let seen = JSON.array(user.seen.map { .string($0) }).text()
            try write(
                "INSERT", "users", [user.key.databaseValue, user.fields.text().databaseValue, seen.databaseValue])
        }

        func removeUsers() throws { try database.execute(sql: "DELETE FROM users") }

        /// The user called `key`, or nil.
        func user(_ key: String) throws -> User? {
            let key = key.wholeNumberName ?? key
            let row = try DatabaseRow.fetchOne(
                database.cachedStatement(sql: "SELECT * FROM users WHERE key = ?"), arguments: [key])
            guard let row else { return nil }
            try verify(row, "users", key)
            let source = "\(path), user \(key)"
            let seen = try JSON(parsing: Data(try text(row[2]).utf8), source: source)
            return User(
                key: key, fields: try JSON(parsing: Data(try text(row[1]).utf8), source: source),
                seen: seen.array?.compactMap(\.string) ?? [])
        }

        /// Whether there are users at all.
        func hasUsers() throws -> Bool {
            try Bool.fetchOne(database, sql: "SELECT EXISTS (SELECT 1 FROM users)") ?? false
        }

        // MARK: Values

        /// SQLite holds a column to its type when it writes, not when it reads: a file made by other means may lie.
        func integer(_ value: DatabaseValue) throws -> Int {
            guard let number = Int.fromDatabaseValue(value) else { throw otherType(value, "an integer") }
            return number
        }

        func text(_ value: DatabaseValue) throws -> String {
            guard let text = String.fromDatabaseValue(value) else { throw otherType(value, "a text") }
            return text
        }

        private func data(_ value: DatabaseValue) throws -> Data {
            guard let data = Data.fromDatabaseValue(value) else { throw otherType(value, "bytes") }
            return data
        }

        private func otherType(_ value: DatabaseValue, _ wanted: String) -> BelfryError {
            .corrupt("The catalogue holds \(value) where \(wanted) belongs.", at: .init(file: path))
        }

        // MARK: Checksums

        func write(_ verb: String, _ table: String, _ values: [DatabaseValue]) throws {
            let places = values.map { _ in "?" }.joined(separator: ", ")
            let statement = try database.cachedStatement(sql: "\(verb) INTO \(table) VALUES (\(places), ?)")
            try statement.execute(arguments: StatementArguments(values + [RowChecksum.of(table, values).databaseValue]))
        }

        /// Throws unless the row's last column is the checksum of the others. It has all columns of its table, in order.
        func verify(_ row: DatabaseRow, _ table: String, _ name: @autoclosure () -> String) throws {
            // By place: looking columns up by name takes longer than the checksum.
            let last = row.count - 1
            let values = (0..<last).map { row[$0] as DatabaseValue }
            guard (row[last] as DatabaseValue) == RowChecksum.of(table, values).databaseValue else {
                throw BelfryError.corrupt("The row is not what was written.", at: place(table, name()))
            }
        }

        /// What a row is called in errors: its first column, an id as people write it.
        static func name(_ value: DatabaseValue) -> String {
            PointID(databaseValue: value)?.description ?? String.fromDatabaseValue(value) ?? "\(value)"
        }

        func place(_ table: String, _ name: String) -> BelfryError.Location {
            .init(file: path, place: "table \(table), row \(name)")
        }
    }
}

extension PointID {
    /// A number as its 64 bits, a UUID as its 16 bytes.
    var databaseValue: DatabaseValue {
        switch self {
        case .number(let number): Int64(bitPattern: number).databaseValue
        case .uuid(let uuid): withUnsafeBytes(of: uuid.uuid) { Data($0) }.databaseValue
        }
    }

    init?(databaseValue: DatabaseValue) {
        switch databaseValue.storage {
        case .int64(let number): self = .number(UInt64(bitPattern: number))
        case .blob(let data) where data.count == 16:
            self = .uuid(data.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) })
        default: return nil
        }
    }
}
