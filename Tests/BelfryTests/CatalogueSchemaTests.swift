import Files
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

    /// Catalogues of the time before migrations have the same tables.
    @Test func oneWithoutMigrationsIsReadAndThenBroughtUpToDate() throws {
        try withTemporaryDirectory { folder in
            let path = try catalogue(folder, "DROP TABLE grdb_migrations")
            let before = try System.read(path)
            #expect(try note(path, .read) == Note(text: "kept"))
            #expect(try System.read(path) == before, "reading changes nothing")
            #expect(try note(path, .create) == Note(text: "kept"))
            let applied = try DatabaseQueue(path: path).read { try CatalogueSchema.migrator.appliedIdentifiers($0) }
            #expect(applied == Set(CatalogueSchema.migrator.migrations))
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

    /// Whatever a file from a stranger calls `points`, nothing is read from it that would trap.
    @Test(arguments: [
        "ALTER TABLE points ADD COLUMN extra TEXT",
        "ALTER TABLE points RENAME COLUMN payload TO cargo",
        "CREATE TABLE extra (a TEXT)",
        "CREATE VIEW extra AS SELECT 1",
        "CREATE TRIGGER extra AFTER INSERT ON points BEGIN DELETE FROM points; END",
        "DROP TABLE points; CREATE VIEW points AS SELECT 1 AS id, 'x' AS segment, 1 AS row, 1 AS key, 1 AS payload, 1 AS checksum",
        """
        DROP TABLE points; CREATE TABLE points (id ANY NOT NULL PRIMARY KEY, segment INTEGER, row INTEGER, key TEXT, \
        payload TEXT, checksum INTEGER)
        """,
        """
        DROP TABLE segments; CREATE TABLE segments (number INTEGER PRIMARY KEY, rows TEXT NOT NULL, \
        checksum INTEGER NOT NULL) STRICT
        """,
        """
        DROP TABLE segments; CREATE TABLE segments (number INTEGER PRIMARY KEY, rows INTEGER, \
        checksum INTEGER NOT NULL) STRICT
        """,
    ])
    func otherTablesAreRefused(sql: String) throws {
        try withTemporaryDirectory { folder in
            let path = try catalogue(folder, sql)
            for access in [Catalogue.Access.read, .create] {
                let error = #expect(throws: BelfryError.self) { try note(path, access) }
                #expect(error?.code == .corruptData, "\(error!)")
            }
        }
    }
}
