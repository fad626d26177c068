import Files
import GRDB

extension Catalogue {
    /// Every problem that the catalogue shows: the schema, SQLite's own check, every row's checksum.
    static func check(_ path: String) -> [BelfryError] {
        do throws(BelfryError) {
            let problems = try Catalogue(path, .read).problems()
            return try sizeProblem(path).map { [$0] + problems } ?? problems
        } catch {
            return [error]
        }
    }

    /// What is wrong with the file's length: a page at its end that holds no row is missed by nothing else. (The places of page
    /// size, counters and page count: SQLite's file format, section 1.3.)
    private static func sizeProblem(_ path: String) throws(BelfryError) -> BelfryError? {
        let file = try MappedFile(path)
        defer { withExtendedLifetime(file) {} }
        // While somebody writes, and where somebody was killed, the file is of no one moment.
        guard file.bytes.count >= 100, !hasJournal(path) else { return nil }
        func word(_ place: Int) -> UInt32 {
            file.bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self).bigEndian
        }
        let size = Int(file.bytes.loadUnaligned(fromByteOffset: 16, as: UInt16.self).bigEndian)
        let wanted = Int(word(28)) * (size == 1 ? 65_536 : size)
        guard word(24) == word(92), wanted != file.bytes.count else { return nil }
        return .corrupt(
            "The file has \(file.bytes.count) bytes; its header says \(wanted).", at: .init(file: path))
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
