import Files
import GRDB

/// The tables of a catalogue, and how those of an older one become them.
///
/// | table | a row holds |
/// |---|---|
/// | `configuration` | a named JSON document: `collection`, `journal`, `index` |
/// | `segments` | the number and the row count of a segment under `segments/` |
/// | `users` | a user's id, fields, and the items that the user has had |
/// | `points` | a point's id, the segment and row of its vector, its key and its payload |
///
/// The last column of every row is its ``RowChecksum``. Every change of the tables is a migration of its own at the end of
/// the list, never a change of one that has been released: a writer brings an older catalogue up to date, a reader says
/// what it cannot read.
enum CatalogueSchema {
    /// What a table must look like before anything is read from it.
    struct Table {
        let name: String
        /// The columns with their types, in order.
        let columns: [String]
    }

    /// After the last migration.
    static let tables = [
        Table(
            name: "configuration", columns: ["name TEXT NOT NULL", "value TEXT NOT NULL", "checksum INTEGER NOT NULL"]),
        Table(
            name: "segments",
            columns: ["number INTEGER NOT NULL", "rows INTEGER NOT NULL", "checksum INTEGER NOT NULL"]),
        Table(
            name: "users",
            columns: ["key TEXT NOT NULL", "fields TEXT NOT NULL", "seen TEXT NOT NULL", "checksum INTEGER NOT NULL"]),
        Table(
            name: "points",
            columns: [
                "id ANY NOT NULL", "segment INTEGER NOT NULL", "row INTEGER NOT NULL", "key TEXT",
                "payload TEXT NOT NULL", "checksum INTEGER NOT NULL",
            ]),
    ]

    private static let first = "1: configuration, segments, users, points"

    /// The tables in the order in which they are made: equal catalogues have equal bytes. The points come last: their pages
    /// end with rows, so that a file that was cut short lacks one.
    static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        // Catalogues of 2026 before this list was kept have these tables already.
        migrator.registerMigration(first) { database in
            for table in [
                """
                configuration (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT, \
                WITHOUT ROWID
                """,
                "segments (number INTEGER NOT NULL PRIMARY KEY, rows INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT",
                """
                users (key TEXT NOT NULL PRIMARY KEY, fields TEXT NOT NULL, seen TEXT NOT NULL, checksum INTEGER NOT NULL) \
                STRICT, WITHOUT ROWID
                """,
                """
                points (id ANY NOT NULL PRIMARY KEY, segment INTEGER NOT NULL, row INTEGER NOT NULL, key TEXT, \
                payload TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID
                """,
            ] {
                try database.execute(sql: "CREATE TABLE IF NOT EXISTS \(table)")
            }
        }
        return migrator
    }()

    /// Whether the database has no tables at all.
    static func isMissing(in database: Database) throws -> Bool { try shapes(database).isEmpty }

    /// Refuses a catalogue that this Belfry does not read: of a newer one, of an older one, or with other tables than the
    /// migrations make, whatever they are called. Every later read relies on the columns.
    static func verify(_ database: Database, _ path: String) throws {
        let place = BelfryError.Location(file: path)
        var applied = try migrator.appliedIdentifiers(database)
        let known = migrator.migrations
        if let newer = applied.subtracting(known).min() {
            throw BelfryError(
                .unsupported, "The catalogue was changed by a newer belfry (“\(newer)”).", at: place,
                remedy: "Use a newer belfry.")
        }
        let shapes = try self.shapes(database)
        if applied.isEmpty { applied.insert(first) }
        let isWhole = known.allSatisfy(applied.contains) && tables.allSatisfy { shapes[$0.name] != nil }
        guard isWhole || shapes.isEmpty else {
            throw BelfryError(
                .unsupported, "The collection was built by an older belfry: its catalogue lacks tables.", at: place,
                remedy: "Build it again: \(.build(recipe: nil, replacing: true)).")
        }
        guard shapes == Dictionary(uniqueKeysWithValues: tables.map { ($0.name, $0.columns) }) else {
            throw BelfryError(
                .corruptData, "The catalogue's tables are not those that Belfry defines.", at: place,
                remedy: "Build the collection again with \(.setting(.replacing)), or restore a copy.")
        }
    }

    /// What all tables look like, and whatever else the database has: only strict tables look like ours.
    private static func shapes(_ database: Database) throws -> [String: [String]] {
        var shapes: [String: [String]] = [:]
        let objects = try DatabaseRow.fetchAll(
            database,
            sql: """
                SELECT name, type, (SELECT strict FROM pragma_table_list(sqlite_master.name)) AS strict FROM sqlite_master \
                WHERE name NOT LIKE 'sqlite_%' AND name <> 'grdb_migrations'
                """)
        for object in objects {
            let isStrict = object["type"] == "table" && object["strict"] == 1
            let columns = try DatabaseRow.fetchAll(
                database, sql: "SELECT name, type, [notnull] FROM pragma_table_info(?)", arguments: [object["name"]])
            shapes[text(object["name"])] =
                (isStrict ? [] : ["not a strict table"])
                + columns.map { column in
                    text(column["name"]) + " " + text(column["type"]) + (column["notnull"] == 1 ? " NOT NULL" : "")
                }
        }
        return shapes
    }

    private static func text(_ value: DatabaseValue) -> String { String.fromDatabaseValue(value) ?? "?" }
}
