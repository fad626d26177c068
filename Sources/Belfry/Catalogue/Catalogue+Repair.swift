import Files
import GRDB

extension Catalogue.Transaction {
    /// Removes points, users, and what users have seen, whose rows are not what was written: nobody knows what they were.
    /// - Returns: What they are called, as far as that can be read.
    func removeDamagedRows() throws -> (points: [String], users: [String]) {
        (
            try removeDamaged("points", name: 1),
            try removeDamaged("users", name: 0) + removeDamaged("seen", name: 0)
        )
    }

    /// - Parameter name: the column that people know a row by; the first one is its key.
    private func removeDamaged(_ table: String, name: Int) throws -> [String] {
        var damaged: [(key: DatabaseValue, name: String)] = []
        let rows = try DatabaseRow.fetchCursor(database, sql: "SELECT * FROM \(table)")
        while let row = try rows.next() {
            do {
                try verify(row, table, "")
                if table == "points" { _ = try point(row) }
                if table == "seen" { _ = try seenList(row, "") }
            } catch is BelfryError {
                damaged.append((row[0], Self.name(row[name])))
            }
        }
        let key = table == "points" ? "slot" : "key"
        for row in damaged { try database.execute(sql: "DELETE FROM \(table) WHERE \(key) = ?", arguments: [row.key]) }
        return damaged.map(\.name)
    }
}
