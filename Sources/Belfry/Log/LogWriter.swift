import Files
import Foundation

/// Writes the log of a folder. Not safe to share between threads: its owner is the collection's one writer, which also
/// holds the lock that keeps other processes out.
///
/// 1. Opening replays what is there, cuts a torn tail off, writes the last records once more and syncs them, and goes on
///    behind them; in an empty folder it creates the first file.
/// 2. ``append(_:)`` writes batches as records. Nothing is promised yet.
/// 3. ``sync()`` is one `fdatasync`: all that was appended may now be acknowledged.
/// 4. ``startNext()`` begins the next file, ``remove(before:)`` removes whole files that nobody needs any more.
///
/// **A failure is final.** When a sync fails, the system forgets which pages were not written: a second one would
/// succeed and mean nothing. So after a failed write or sync, what was not synced is cut off, and every later call throws.
/// Who opens the log again finds all that was acknowledged; where even the cut has failed, ``abandon()`` comes first. A
/// process that comes later cannot know of a failure: so it writes once more what no record says to have been synced.
final class LogWriter {
    let folder: String
    /// The LSN of the next batch.
    private(set) var nextLSN: UInt64
    /// The last LSN that survives a power cut; what is above it is not to be acknowledged.
    private(set) var syncedLSN: UInt64
    /// All files, the current one last.
    private(set) var files: [LogFile]
    private var current: LogFileWriter
    private var failure: BelfryError?
    private let step: Int
    private let calls: LogSystemCalls

    /// Opens the log of a folder, which is created if it is not there.
    /// - Parameters:
    ///   - from, applied, body: as in ``LogReader/replay(from:applied:_:)``. All that `body` is given is on disk.
    ///   - step: how many bytes of room are made at a time.
    init(
        _ folder: String, from: UInt64 = 1, applied: UInt64 = 0, step: Int = 4 << 20, calls: LogSystemCalls = .system,
        _ body: (UInt64, [LogOperation]) throws(BelfryError) -> Void = { _, _ in }
    ) throws(BelfryError) {
        try System.createDirectory(folder)
        // A writer that was killed may have made the folder, or a file in it, and not have come to their names' sync.
        for path in [folder, System.parent(of: folder)] { try System.sync(path) }
        let reader = try LogReader(folder)
        let end = try reader.replay(from: from, applied: applied, body)
        if let torn = end.tornCreation {
            try Directory(folder).removeFile(LogFile.name(torn))
            try System.sync(folder)
        }
        if let file = end.file {
            // A killed writer may have left whole records that are not on disk. Applied, and then lost with the power, they
            // would leave a catalogue that is ahead of its log.
            current = try LogFileWriter(
                goingOn: file, at: end.offset, cutting: end.tornTail != nil, rewritingFrom: end.unproven, step: step,
                calls)
            files = reader.files
        } else {
            let file = try LogFile(new: end.tornCreation ?? 1, in: folder, firstLSN: end.nextLSN)
            current = try LogFileWriter(creating: file, step: step, calls)
            files = [file]
        }
        (self.folder, self.step, self.calls) = (folder, step, calls)
        (nextLSN, syncedLSN) = (end.nextLSN, end.nextLSN - 1)
    }

    /// How many bytes the current file's records take, with its header.
    var size: Int { current.end }

    /// Writes each batch as a record, behind one another, with one call where possible. Not synced yet.
    /// - Returns: The batches' LSNs.
    /// - Throws: `invalidInput` for no batch at all or one above ``LogFile/recordLimit``: then nothing was written, and
    ///   the log is as it was. `io` where it could not be written: then the log is broken.
    func append(_ batches: [[LogOperation]]) throws(BelfryError) -> ClosedRange<UInt64> {
        try requireWhole()
        guard !batches.isEmpty else { throw BelfryError(.invalidInput, "There is no batch to append.") }
        var bytes: [UInt8] = []
        var lsn = nextLSN
        for batch in batches {
            bytes += try LogRecord.encode(batch, lsn: lsn, synced: syncedLSN, identity: current.file.identity)
            lsn += 1
        }
        try breakingOnFailure { () throws(BelfryError) in try current.append(bytes) }
        defer { nextLSN = lsn }
        return nextLSN...lsn - 1
    }

    /// Makes all that was appended survive a power cut.
    func sync() throws(BelfryError) {
        try requireWhole()
        guard syncedLSN != nextLSN - 1 else { return }
        try breakingOnFailure { () throws(BelfryError) in try current.sync() }
        syncedLSN = nextLSN - 1
    }

    /// Syncs the current file and begins the next one.
    func startNext() throws(BelfryError) {
        try sync()
        try breakingOnFailure { () throws(BelfryError) in
            try current.finish()
            let file = try LogFile(new: current.file.number + 1, in: folder, firstLSN: nextLSN)
            current = try LogFileWriter(creating: file, step: step, calls)
            files.append(file)
        }
    }

    /// Removes the files whose records are all below an LSN, oldest first; never the current one, and never anything but
    /// a file: a link, or a name that the log did not make, stays.
    /// - Returns: The names that were removed.
    @discardableResult
    func remove(before lsn: UInt64) throws(BelfryError) -> [String] {
        try requireWhole()
        let directory = try Directory(folder)
        var removed: [String] = []
        while files.count > 1, files[1].firstLSN <= lsn {
            let name = LogFile.name(files[0].number)
            if directory.kind(of: name) == .file {
                try directory.removeFile(name)
                // One by one, so that no power cut leaves an older file and not the one behind it.
                try System.sync(folder)
                removed.append(name)
            }
            files.removeFirst()
        }
        return removed
    }

    /// Whether a failure has ended it.
    var isBroken: Bool { failure != nil }

    /// Sees to it, after a failure, that nothing is left behind what was synced, so that the log can be opened again: what
    /// lies there would look as if it were on disk.
    func abandon() throws(BelfryError) { if isBroken { try current.cutUnsynced() } }

    private func requireWhole() throws(BelfryError) {
        guard let failure else { return }
        throw BelfryError(
            .io, "The log has been broken since an earlier write failed, and takes no more.",
            at: .init(file: current.file.path),
            remedy: "Open the collection again: all writes that were acknowledged are kept.", cause: failure)
    }

    private func breakingOnFailure(_ body: () throws(BelfryError) -> Void) throws(BelfryError) {
        do throws(BelfryError) {
            try body()
        } catch {
            failure = error
            try? current.cutUnsynced()
            throw error
        }
    }
}
