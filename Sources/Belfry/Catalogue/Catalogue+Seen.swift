import Files
import Foundation
import GRDB
import Shards

extension Catalogue.Transaction {
    /// What a user has seen; nil where nothing was ever noted.
    func seen(by user: String) throws -> SeenList? {
        guard try hasSeen() else { return nil }
        let row = try DatabaseRow.fetchOne(
            database.cachedStatement(sql: "SELECT * FROM seen WHERE key = ?"), arguments: [user])
        return try row.map { try seenList($0, user) }
    }

    /// Writes what a user has seen in the place of what was known.
    func put(_ list: SeenList, seenBy user: String) throws {
        guard list.marks.isEmpty else {
            return try write("INSERT OR REPLACE", "seen", [user.databaseValue, list.bytes.databaseValue])
        }
        try database.cachedStatement(sql: "DELETE FROM seen WHERE key = ?").execute(arguments: [user])
    }

    /// Hands on what every user has seen.
    func forEachSeen(_ body: (_ user: String, SeenList) throws -> Void) throws {
        guard try hasSeen() else { return }
        let rows = try DatabaseRow.fetchCursor(database, sql: "SELECT * FROM seen ORDER BY key")
        while let row = try rows.next() {
            let user = try text(row[0])
            try body(user, seenList(row, user))
        }
    }

    /// What a row of the table holds.
    func seenList(_ row: DatabaseRow, _ user: String) throws -> SeenList {
        try verify(row, "seen", user)
        guard let bytes = Data.fromDatabaseValue(row[1]), let list = SeenList(bytes: bytes) else {
            throw BelfryError.corrupt("What the user has seen is no list of points.", at: place("seen", user))
        }
        return list
    }

    func removeSeen() throws { try database.execute(sql: "DELETE FROM seen") }

    /// Whether there is such a table: a catalogue of before is read as it is until somebody writes to it.
    private func hasSeen() throws -> Bool {
        let statement = try database.cachedStatement(sql: "SELECT 1 FROM sqlite_master WHERE name = 'seen'")
        return try Bool.fetchOne(statement) ?? false
    }
}
