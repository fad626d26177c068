import Files
import Foundation
import GRDB
import TestSupport
import Testing

@testable import Belfry

/// A catalogue is brought up to date by migrations, and never read where its tables are not what they make.
@Suite struct CatalogueSchemaTests {
    private struct Note: Codable, Equatable { var text: String }

    /// A catalogue with one document, changed by `sql`.
    private func catalogue(_ folder: String, _ sql: String) throws -> String {
        let path = folder + "/catalog.sqlite"
        let catalogue = try Catalogue(path, .create)
        try catalogue.write { try $0.put("note", Note(text: "kept")) }
        try catalogue.close()
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
        return path
    }

    private func note(_ path: String, _ access: Catalogue.Access) throws -> Note? {
        try Catalogue(path, access).read { try $0.document("note", as: Note.self) }
    }

    /// What is written down of each version is what its migrations make.
    @Test func definitionsAreWhatTheMigrationsMake() throws {
        let migrations = CatalogueSchema.migrator.migrations
        #expect(CatalogueSchema.definitions.count == migrations.count)
        for (migration, expected) in zip(migrations, CatalogueSchema.definitions) {
            let queue = try DatabaseQueue()
            try CatalogueSchema.migrator.migrate(queue, upTo: migration)
            #expect(try queue.read { try CatalogueSchema.definitions(in: $0) } == expected)
        }
    }

    /// Catalogues of the first version, and of the time before migrations, which have the same tables.
    @Test(arguments: [false, true]) func anOlderOneIsReadAndThenBroughtUpToDate(isBeforeMigrations: Bool) throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/catalog.sqlite"
            let queue = try DatabaseQueue(path: path)
            try CatalogueSchema.migrator.migrate(queue, upTo: CatalogueSchema.migrator.migrations[0])
            try queue.write { database in
                try Catalogue.Transaction(database: database, path: path).put("note", Note(text: "kept"))
                if isBeforeMigrations { try database.execute(sql: "DROP TABLE grdb_migrations") }
            }
            try queue.close()
            let before = try System.read(path)
            #expect(try note(path, .read) == Note(text: "kept"))
            #expect(try System.read(path) == before, "reading changes nothing")
            #expect(try note(path, .create) == Note(text: "kept"))
            let applied = try DatabaseQueue(path: path).read { try CatalogueSchema.migrator.appliedIdentifiers($0) }
            #expect(applied == Set(CatalogueSchema.migrator.migrations))
        }
    }

    /// One that lacks the latest table alone is read as it is: a copy of a large catalogue takes a second.
    @Test func oneWithoutWhatUsersHaveSeenIsReadInItsPlace() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/catalog.sqlite"
            let queue = try DatabaseQueue(path: path)
            try CatalogueSchema.migrator.migrate(queue, upTo: CatalogueSchema.migrator.migrations[1])
            let reader = try Catalogue(path, .read)
            #expect(try reader.read { try $0.seen(by: "u") } == nil)
            #expect(try reader.problems().isEmpty)
            // It is read where it lies: what another connection writes is seen.
            try queue.write {
                try Catalogue.Transaction(database: $0, path: path).put("note", Note(text: "new"))
            }
            #expect(try reader.read { try $0.document("note", as: Note.self) } == Note(text: "new"))
            try queue.close()
            let list = SeenList([.init(id: .number(7), slot: 3, seconds: 9)])
            let writer = try Catalogue(path, .create)
            try writer.write { try $0.put(list, seenBy: "u") }
            #expect(try reader.read { try $0.seen(by: "u") } == list)
        }
    }

    @Test(arguments: [Catalogue.Access.read, .create])
    func aNewerOneIsRefused(access: Catalogue.Access) throws {
        try withTemporaryDirectory { folder in
            let path = try catalogue(folder, "INSERT INTO grdb_migrations VALUES ('9: shelves')")
            let before = try System.read(path)
            let error = #expect(throws: BelfryError.self) { try note(path, access) }
            #expect(error?.code == .unsupported && error?.message.contains("9: shelves") == true, "\(error!)")
            #expect(try System.read(path) == before)
        }
    }

    @Test(arguments: [Catalogue.Access.read, .create])
    func anOlderOneIsRefusedWithTheWayOut(access: Catalogue.Access) throws {
        try withTemporaryDirectory { folder in
            let path = try catalogue(folder, "DROP TABLE users")
            let error = #expect(throws: BelfryError.self) { try note(path, access) }
            #expect(error?.code == .unsupported, "\(error!)")
            #expect(error?.remedy?.actions == [.build(recipe: nil, replacing: true)])
        }
    }

    /// A table's definition as it is, with one thing changed.
    private static func points(_ old: String, _ new: String) -> String {
        let sql = """
            CREATE TABLE points (slot INTEGER NOT NULL PRIMARY KEY, id ANY NOT NULL UNIQUE, key TEXT, payload TEXT NOT NULL, \
            version INTEGER NOT NULL, source INTEGER, checksum INTEGER NOT NULL) STRICT
            """
        return "DROP TABLE points; " + sql.replacing(old, with: new)
    }

    private static let strangers = [
        "ALTER TABLE points ADD COLUMN extra TEXT",
        "ALTER TABLE points RENAME COLUMN payload TO cargo",
        points("version INTEGER NOT NULL", "version INTEGER"),
        points("version INTEGER", "version TEXT"),
        points(" STRICT", " STRICT, WITHOUT ROWID"),
        points(" STRICT", ""),
        points(" PRIMARY KEY", ""),
        points(" UNIQUE", ""),
        points("key TEXT,", "key TEXT COLLATE NOCASE,"),
        points("key TEXT,", "g INTEGER AS (NULL), key TEXT,"),
        "CREATE TABLE extra (a TEXT)",
        "CREATE TABLE sqliteXextra (a TEXT)",
        "CREATE INDEX extra ON points (payload)",
        "CREATE VIEW extra AS SELECT 1",
        "DROP TABLE points; CREATE VIEW points AS SELECT 'x' AS slot, 1 AS id, 1 AS key, 1 AS payload, 1 AS version, 1 AS source, 1 AS checksum",
        "CREATE TRIGGER extra AFTER INSERT ON points BEGIN DELETE FROM points; END",
        "CREATE TRIGGER points AFTER INSERT ON configuration BEGIN DELETE FROM points; END",
        "CREATE TRIGGER grdb_migrations AFTER INSERT ON configuration BEGIN DELETE FROM points; END",
        """
        DROP TABLE grdb_migrations; CREATE VIEW grdb_migrations AS \
        WITH RECURSIVE n(identifier) AS (SELECT 1 UNION ALL SELECT identifier + 1 FROM n) SELECT identifier FROM n
        """,
        "DELETE FROM grdb_migrations; DROP TABLE grdb_migrations; CREATE TABLE grdb_migrations (identifier)",
        "DROP TABLE points; CREATE VIRTUAL TABLE points USING fts5(slot, id, key, payload, version, source, checksum)",
    ]

    /// Whatever a stranger's file defines, nothing is read from it, and nothing of it runs.
    @Test(arguments: strangers)
    func otherDefinitionsAreRefused(sql: String) throws {
        try withTemporaryDirectory { folder in
            let path = try catalogue(folder, sql)
            let before = try System.read(path)
            for access in [Catalogue.Access.read, .create] {
                let error = #expect(throws: BelfryError.self) { try note(path, access) }
                #expect(error?.code == .corruptData, "\(error!)")
                #expect(try System.read(path) == before)
            }
        }
    }

    /// SQLite holds columns to their types when it writes alone: a file may be made by other means.
    @Test func valuesOfOtherTypesAreDamage() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/catalog.sqlite"
            let catalogue = try Catalogue(path, .create)
            try catalogue.close()
            let loose =
                "CREATE TABLE segments (number INTEGER NOT NULL PRIMARY KEY, rows, record, dead, checksum INTEGER NOT NULL)"
            let queue = try DatabaseQueue(path: path)
            try queue.writeWithoutTransaction { database in
                let strict = try String.fetchOne(database, sql: "SELECT sql FROM sqlite_master WHERE name = 'segments'")
                try database.execute(sql: "DROP TABLE segments; \(loose)")
                let values = [1.databaseValue, "many".databaseValue, "{}".databaseValue, Data().databaseValue]
                let checksum = RowChecksum.of("segments", values)
                try database.execute(
                    sql: "INSERT INTO segments VALUES (1, 'many', '{}', X'', ?)", arguments: [checksum])
                try database.execute(sql: "PRAGMA writable_schema = ON")
                try database.execute(
                    sql: "UPDATE sqlite_master SET sql = ? WHERE name = 'segments'", arguments: [strict])
            }
            try queue.close()
            let read = try Catalogue(path, .read)
            let error = #expect(throws: BelfryError.self) { try read.read { try $0.segments() } }
            #expect(error?.code == .corruptData && error?.message.contains("an integer") == true, "\(error!)")
        }
    }
}
