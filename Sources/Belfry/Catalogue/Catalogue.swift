import Files
import Foundation
import GRDB
import Shards
import Synchronization

/// A row that SQLite returned: `Row` is one of a catalogue's source.
typealias DatabaseRow = GRDB.Row

/// The database of one collection: its configuration, its points and its segments.
///
/// Its tables are ``CatalogueSchema``'s. The last column of every row is its ``RowChecksum``; a read verifies it.
/// Its ``CatalogueState`` says how many segments and points there are, so that a lost row is seen as well as a changed one.
///
/// This type does not know what the documents mean, and never touches the files of a segment.
final class Catalogue: Sendable {
    /// A row of `segments`.
    struct SegmentRow: Equatable {
        var number: Int
        var rows: Int
        /// A JSON document of its files.
        var record: String
        /// Which rows are dead, one bit each; empty where none is.
        var dead: [UInt8] = []
    }

    /// A row of `points`.
    struct PointRow: Equatable {
        var slot: Slot
        var id: PointID
        /// The id as the rows wrote it, where it is neither a number nor a UUID.
        var key: String?
        /// A JSON object.
        var payload: String
        /// The LSN of the write that made the point what it is; 0 for one that a build wrote.
        var version: UInt64
        /// The digest of what a build has made the vector of, 0 where that is not known; nil for a point that no build has
        /// written.
        var source: Int64?
    }

    let path: String
    private let queue: DatabaseQueue
    /// What is read where the database is half written, and nobody is at work on it.
    private let copy = Mutex<DatabaseQueue?>(nil)
    /// A connection for what takes long, made when it is needed.
    private let scanning = Mutex<DatabaseQueue?>(nil)
    /// Which file was opened: another collection may be put in the place.
    private let node: UInt64?

    /// So many seconds one waits for another process that reads or writes.
    private static let patience = 10

    /// What helps where a catalogue is lost.
    static let wayOut: Remedy = "Build the collection again with \(.setting(.replacing)), or restore a copy."

    /// How the database is opened.
    enum Access {
        /// Made if it is not there.
        case create
        /// For reading only: nothing is changed on disk, whatever lies there.
        case read
    }

    init(_ path: String, _ access: Access) throws(BelfryError) {
        self.path = path
        node = access == .read ? Self.node(of: path) : nil
        if access == .read, System.isMissing(path) {
            throw BelfryError(
                .notFound, "The collection has no catalogue.", at: .init(file: path),
                remedy: Self.wayOut)
        }
        for end in ["", "-journal", "-wal", "-shm"] { try System.requireFile(path + end) }
        if access == .read { try Self.requireRollbackMode(path) }
        queue = try Self.reporting(path) {
            // SQLite would look into a log, whosever it is, and make a file beside it.
            if access == .read, System.exists(path + "-wal") { return try Self.connectToCopy(of: path) }
            do {
                return try Self.connect(path, access, named: path)
            } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_READONLY_ROLLBACK {
                return try Self.connectToCopy(of: path)
            }
        }
    }

    private static func configuration(_ access: Access) -> Configuration {
        var configuration = Configuration()
        configuration.readonly = access == .read
        configuration.busyMode = .timeout(Double(patience))
        configuration.prepareDatabase { database in
            // A catalogue may come from a stranger, as in a snapshot that was uploaded.
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
            // Less would let a power cut undo a transaction that is done: the journal's end is not on disk by then.
            if access == .create { try database.execute(sql: "PRAGMA synchronous = EXTRA") }
        }
        return configuration
    }

    static func connect(_ path: String, _ access: Access, named name: String) throws -> DatabaseQueue {
        let queue = try DatabaseQueue(path: path, configuration: configuration(access))
        switch access {
        case .read:
            // What an older belfry wrote is brought up to date in a copy: a reader changes nothing.
            guard try queue.read({ try CatalogueSchema.canBeRead($0, name) }) else {
                try queue.close()
                return try connectToCopy(of: path)
            }
        case .create:
            try CatalogueSchema.migrate(queue, name)
            // What cannot be opened for writing SQLite opens for reading, without a word. This changes nothing.
            try queue.write { try $0.execute(sql: "DELETE FROM configuration WHERE false") }
        }
        return queue
    }

    /// Runs `body` on the database in one transaction that is on disk when this returns.
    ///
    /// Where it throws, the transaction may have been done after all: its last step, which makes the end of the journal
    /// survive a power cut, can fail. Who has to know asks.
    func write<Result>(_ body: (Transaction) throws -> Result) throws(BelfryError) -> Result {
        let result = try Self.reporting(path) {
            try queue.write { try body(Transaction(database: $0, path: path)) }
        }
        // SQLite does it as well, but says nothing where the folder could not be opened.
        try System.sync(System.parent(of: path))
        return result
    }

    /// Runs `body` on one consistent state of the database.
    ///
    /// Where a writer was killed since this was opened, or its disk failed, what it left half written is undone in a copy,
    /// which this one reads until a writer has done the same in place: it goes on to show what it showed.
    func read<Result>(_ body: (Transaction) throws -> Result) throws(BelfryError) -> Result {
        try Self.reporting(path) {
            do {
                let result = try queue.read { try body(Transaction(database: $0, path: path)) }
                copy.withLock { $0 = nil }
                return result
            } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_READONLY_ROLLBACK {
                let copy = try copy.withLock { copy in
                    if let copy { return copy }
                    let made = try Self.connectToCopy(of: path)
                    copy = made
                    return made
                }
                return try copy.read { try body(Transaction(database: $0, path: path)) }
            }
        }
    }

    /// As ``read(_:)``, for what goes through many rows: it has a connection of its own, so that whoever fetches a few rows
    /// meanwhile does not wait.
    func scan<Result>(_ body: (Transaction) throws -> Result) throws(BelfryError) -> Result {
        guard copy.withLock({ $0 == nil }), queue.path == path else { return try read(body) }
        return try Self.reporting(path) {
            let own: DatabaseQueue? = try scanning.withLock { scanning in
                if let scanning { return scanning }
                let made = try DatabaseQueue(path: path, configuration: Self.configuration(.read))
                guard node != nil, Self.node(of: path) == node else { return nil }
                scanning = made
                return made
            }
            guard let own else { return try read(body) }
            do {
                return try own.read { try body(Transaction(database: $0, path: path)) }
            } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_READONLY_ROLLBACK {
                return try read(body)
            }
        }
    }

    private static func node(of path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Notes up to which write the log is on disk: its end is missed then.
    func note(logged lsn: UInt64) throws(BelfryError) {
        guard try read({ try $0.state().proven < lsn }) else { return }
        try write { transaction in
            var state = try transaction.state()
            state.logged = lsn
            try transaction.put(state)
        }
    }

    /// Keeps large transactions in memory until they are committed, so that others can read until then.
    func keepTransactionsInMemory() throws(BelfryError) {
        try Self.reporting(path) {
            try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA cache_spill = OFF") }
        }
    }

    /// Copies the database, as it is at one moment, to where none is.
    func copy(to path: String) throws(BelfryError) {
        try Self.reporting(self.path) {
            let copy = try DatabaseQueue(path: path)
            try queue.backup(to: copy)
            try copy.close()
        }
    }

    /// Packs the database into as few pages as it needs, so that the file stands alone, and closes it.
    func pack() throws(BelfryError) {
        try Self.reporting(path) { try queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM") } }
        try close()
    }

    /// Closes the database after writing, and seals it.
    func close() throws(BelfryError) {
        try Self.reporting(path) {
            try scanning.withLock { scanning in
                try scanning?.close()
                scanning = nil
            }
            try queue.close()
        }
        try CatalogueSeal.write(path)
    }

    /// What `body` reads in a transaction, with errors that name the file.
    func reporting<Result>(_ body: () throws -> Result) throws(BelfryError) -> Result {
        try Self.reporting(path, body)
    }

    /// Turns an error of SQLite into one that names the file and says how to mend it.
    private static func reporting<Result>(_ path: String, _ body: () throws -> Result) throws(BelfryError) -> Result {
        do {
            return try body()
        } catch let error as BelfryError {
            throw error
        } catch let error as DatabaseError {
            throw failure(error, path)
        } catch let error as RowDecodingError {
            throw BelfryError(
                .corruptData, "The catalogue holds a value of another type than its column.", at: .init(file: path),
                remedy: Self.wayOut, cause: error)
        } catch {
            throw BelfryError(.io, "The catalogue could not be used.", at: .init(file: path), cause: error)
        }
    }

    static func failure(_ error: DatabaseError, _ path: String) -> BelfryError {
        let place = BelfryError.Location(file: path)
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_ERROR, .SQLITE_MISMATCH, .SQLITE_FORMAT:
            return BelfryError(
                .corruptData, "The catalogue is damaged: \(error.message ?? "SQLite cannot read it").", at: place,
                remedy: Self.wayOut)
        case .SQLITE_FULL:
            return BelfryError(
                .io, "The disk is full.", at: place, remedy: "Free some space and run the same command again.")
        case .SQLITE_READONLY:
            return BelfryError(
                .io, "The catalogue cannot be opened for writing.", at: place,
                remedy:
                    "Look at the permissions of the file and its folder, and at the limit of open files (ulimit -n).")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return BelfryError(
                .conflict, "Another process has read or written the catalogue for more than \(patience) seconds.",
                at: place,
                remedy:
                    "Do it again when that is done. One that is suspended keeps others out until it goes on or ends."
            )
        default:
            return BelfryError(.io, "The catalogue could not be used: \(error).", at: place)
        }
    }
}
