import Files
import GRDB

/// The tables of a catalogue, and how those of an older one become them.
///
/// | table | a row holds |
/// |---|---|
/// | `configuration` | a named JSON document: `collection`, `journal`, `index`, `state` |
/// | `segments` | the number of a segment under `segments/`, its row count, a JSON document of its files, its dead rows |
/// | `users` | a user's id, fields, and the items that the user has had: what a recipe says |
/// | `seen` | a user's id, and a ``SeenList``: what was noted since |
/// | `points` | a point's slot, its id, its key, its payload, the number of the write that made it what it is, and, of one that a build has written, the digest of what its vector was made of |
///
/// Where a point's vector lies, the segments say: a merge of segments changes no point.
///
/// The last column of every row is its ``RowChecksum``. Every change of the tables is a migration of its own at the end of
/// the list, never a change of one that has been released: a writer brings an older catalogue up to date, a reader says
/// what it cannot read.
///
/// A catalogue may come from a stranger: before anything is read from it, all that it defines must be what the migrations
/// define, to the letter. A view, a trigger, a generated column or a table without its key could make a reader trap.
enum CatalogueSchema {
    /// The tables of the first version, in the order in which they were made. The points come last: their pages end with
    /// rows, so that a file that was cut short lacks one.
    private static let first: [(name: String, sql: String)] = [
        (
            "configuration",
            "(name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID"
        ),
        (
            "segments",
            "(number INTEGER NOT NULL PRIMARY KEY, rows INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT"
        ),
        (
            "users",
            """
            (key TEXT NOT NULL PRIMARY KEY, fields TEXT NOT NULL, seen TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT, \
            WITHOUT ROWID
            """
        ),
        (
            "points",
            """
            (id ANY NOT NULL PRIMARY KEY, segment INTEGER NOT NULL, row INTEGER NOT NULL, key TEXT, \
            payload TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID
            """
        ),
    ]

    /// Slots, and what a segment says of itself. An index beside the points keeps their ids: a new point goes to the end of
    /// the table, and only its id into the middle of something.
    static let second: [(name: String, sql: String)] = [
        (
            "segments",
            """
            (number INTEGER NOT NULL PRIMARY KEY, rows INTEGER NOT NULL, record TEXT NOT NULL, dead BLOB NOT NULL, \
            checksum INTEGER NOT NULL) STRICT
            """
        ),
        (
            "points",
            """
            (slot INTEGER NOT NULL PRIMARY KEY, id ANY NOT NULL UNIQUE, key TEXT, payload TEXT NOT NULL, \
            version INTEGER NOT NULL, source INTEGER, checksum INTEGER NOT NULL) STRICT
            """
        ),
    ]

    /// What users have seen.
    static let third: [(name: String, sql: String)] = [
        ("seen", "(key TEXT NOT NULL PRIMARY KEY, points BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT")
    ]

    static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: configuration, segments, users, points") { database in
            // Catalogues of 2026 before this list was kept have these tables already.
            for table in first { try database.execute(sql: "CREATE TABLE IF NOT EXISTS \(table.name) \(table.sql)") }
        }
        migrator.registerMigration("2: slots, versions, dead rows", migrate: toSlots)
        migrator.registerMigration("3: what users have seen") { database in
            for table in third { try database.execute(sql: "CREATE TABLE \(table.name) \(table.sql)") }
        }
        return migrator
    }()

    /// The tables that hold rows of ours, of those that a database has.
    static func tables(in database: Database) throws -> [String] {
        try (first + third).map(\.name).filter { try database.tableExists($0) }
    }

    /// The table in which GRDB notes what was applied.
    private static let notes = definition("grdb_migrations", "(identifier TEXT NOT NULL PRIMARY KEY)")

    /// What a database defines after each migration. It is written down, since to make the tables in memory and look at them
    /// would cost every start some milliseconds; a test does that.
    static let definitions: [Set<String>] = {
        let replaced = Set(second.map(\.name))
        let slotted = first.filter { !replaced.contains($0.name) } + second
        let tables = [first, slotted, slotted + third]
        return tables.map { Set($0.map { definition($0.name, $0.sql) } + [notes]) }
    }()

    private static func definition(_ name: String, _ sql: String) -> String {
        ["table", name, name, "CREATE TABLE \(name) \(sql)"].joined(separator: "\u{0}")
    }

    /// Refuses what this Belfry cannot bring up to date: the catalogue of a newer one, or of one so old that it lacks
    /// tables; and a database that defines anything else than a catalogue does.
    /// - Returns: How many migrations were applied.
    private static func version(_ database: Database, _ path: String) throws -> Int {
        let place = BelfryError.Location(file: path)
        let found = try definitions(in: database)
        let applied = found.contains(notes) ? try migrator.appliedIdentifiers(database) : []
        if let newer = applied.subtracting(migrator.migrations).min() {
            throw BelfryError(
                .unsupported, "The catalogue was changed by a newer belfry (“\(newer)”).", at: place,
                remedy: "Use a newer belfry.")
        }
        let expected = applied.isEmpty ? definitions[0].subtracting([notes]) : definitions[applied.count - 1]
        if found == expected { return applied.count }
        guard !found.isEmpty, found.isStrictSubset(of: expected) else {
            throw BelfryError(
                .corruptData, "The catalogue's tables are not those that Belfry defines.", at: place,
                remedy: Catalogue.wayOut)
        }
        throw tooOld(place)
    }

    /// Whether a catalogue can be read as it is; if not, a writer, or a reader in a copy, brings it up to date.
    static func canBeRead(_ database: Database, _ path: String) throws -> Bool {
        try version(database, path) >= readable
    }

    /// From so many migrations on a catalogue can be read as it is: what it lacks is as if it were empty.
    private static let readable = 2

    /// Makes the tables, or brings those that are there up to date.
    static func migrate(_ queue: DatabaseQueue, _ path: String) throws {
        try queue.read { if try !definitions(in: $0).isEmpty { _ = try version($0, path) } }
        do {
            try migrator.migrate(queue)
        } catch var error as BelfryError {
            // A migration does not know what file it is at.
            error.location?.file = path
            throw error
        }
    }

    private static func tooOld(_ place: BelfryError.Location) -> BelfryError {
        BelfryError(
            .unsupported, "The collection was built by an older belfry: its catalogue lacks tables.", at: place,
            remedy: "Build it again: \(.build(recipe: nil, replacing: true)).")
    }

    /// All that a database defines, with its SQL; but for the indexes that SQLite makes of keys.
    static func definitions(in database: Database) throws -> Set<String> {
        let rows = try DatabaseRow.fetchAll(
            database,
            sql: """
                SELECT type, name, tbl_name, sql FROM sqlite_master \
                WHERE NOT coalesce(type = 'index' AND sql IS NULL AND substr(name, 1, 17) = 'sqlite_autoindex_', 0)
                """)
        return Set(
            rows.map { row in row.databaseValues.map { String.fromDatabaseValue($0) ?? "?" }.joined(separator: "\u{0}")
            })
    }
}
