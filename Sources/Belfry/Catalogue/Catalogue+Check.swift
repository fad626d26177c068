import Files
import GRDB

extension Catalogue {
    /// Every problem that the catalogue shows: the schema, SQLite's own check, every row's checksum.
    static func check(_ path: String) -> [BelfryError] {
        do throws(BelfryError) {
            return try Catalogue(path, .read).problems()
        } catch {
            return [error]
        }
    }

    /// As ``check(_:)``, through this connection.
    func problems() throws(BelfryError) -> [BelfryError] {
        try read { transaction in
            let place = BelfryError.Location(file: path)
            var problems = try String.fetchAll(transaction.database, sql: "PRAGMA integrity_check")
                .filter { $0 != "ok" }.map { BelfryError.corrupt("SQLite: \($0).", at: place) }
            for table in try CatalogueSchema.tables(in: transaction.database) {
                let rows = try DatabaseRow.fetchCursor(transaction.database, sql: "SELECT * FROM \(table)")
                while let row = try rows.next() {
                    do {
                        // Points are known by their ids, not by their slots.
                        let name = Transaction.name(row[table == "points" ? 1 : 0])
                        if table == "seen" { _ = try transaction.seenList(row, name) }
                        try transaction.verify(row, table, name)
                    } catch let error as BelfryError {
                        problems.append(error)
                    }
                }
            }
            return problems
        }
    }
}
