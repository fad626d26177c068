import Files
import Foundation
import GRDB

// A writer that was killed may leave the database half written, and beside it the journal that undoes that. SQLite does
// so when a connection that may write looks at the database, and refuses one that may not. A writer of the collection
// lets it. A reader changes nothing that is not its own: it undoes it in a copy.
extension Catalogue {
    /// Whether a writer is at work on the database at `path`, or left it half written.
    static func hasJournal(_ path: String) -> Bool {
        guard let file = try? MappedFile(path + "-journal") else { return false }
        return withExtendedLifetime(file) { file.bytes.first.map { $0 != 0 } ?? false }
    }

    /// Refuses a database in the other mode of SQLite, which is never Belfry's: reading one makes files beside it.
    /// (The place of the two bytes: SQLite's file format, section 1.3.)
    static func requireRollbackMode(_ path: String) throws(BelfryError) {
        let file = try MappedFile(path)
        defer { withExtendedLifetime(file) {} }
        guard file.bytes.count < 20 || (file.bytes[18] == 1 && file.bytes[19] == 1) else {
            throw BelfryError(
                .corruptData, "The catalogue is not in the mode in which Belfry writes it.", at: .byte(18, of: path),
                remedy:
                    """
                    Another program has set it: sqlite3 \(path) 'PRAGMA journal_mode = DELETE' sets it back. Or build the \
                    collection again with \(.setting(.replacing)).
                    """)
        }
    }

    /// A connection to a copy of the database at `path`, without what else lies beside it, in which what a killed writer
    /// left half written is undone, and the tables are those of today. The copy's files go away at once: the connection keeps what it has open.
    static func connectToCopy(of path: String) throws -> DatabaseQueue {
        let folder = FileManager.default.temporaryDirectory.path + "/belfry-catalogue-" + UUID().uuidString
        guard mkdir(folder, 0o700) == 0 else { throw System.failure("create the directory", folder) }
        defer { try? System.remove(folder) }
        let copy = folder + "/catalog.sqlite"
        let parts = [("", copy), ("-journal", copy + "-journal")]
        // A writer may come meanwhile and do the same in place.
        var before: [FileState?]
        repeat {
            before = parts.map { FileState(path + $0.0) }
            for (suffix, target) in parts {
                try System.remove(target)
                if System.exists(path + suffix) { try System.copyFile(path + suffix, to: target) }
            }
        } while before != parts.map { FileState(path + $0.0) }
        let queue = try DatabaseQueue(path: copy)
        try CatalogueSchema.migrate(queue, path)
        try queue.close()
        return try connect(copy, .read, named: path)
    }
}
