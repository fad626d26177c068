import Files
import GRDB

extension Catalogue.Transaction {
    /// Removes the rows of a table of points, users or what they have seen that are not what was written: nobody knows what they
    /// were.
    /// - Returns: What people call them, as far as that can be read.
    func removeDamagedRows(of table: String) throws -> [String] {
        let (key, name) = table == "points" ? ("slot", 1) : ("key", 0)
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
        for row in damaged { try database.execute(sql: "DELETE FROM \(table) WHERE \(key) = ?", arguments: [row.key]) }
        return damaged.map(\.name)
    }
}
