import Files

/// Reads the write log of a folder. Never writes: any number of readers may open a folder that they cannot change.
///
/// 1. Opening lists the files and reads their headers: numbers must follow one another.
/// 2. ``replay(from:applied:_:)`` goes through the records in order and hands each batch on.
/// 3. Where a record is missing or bad, what lies behind it decides (``LogRemains``):
///    - **The end**: nothing but zeros in the last file.
///    - **A torn tail**: bytes of which nothing says that they had been synced. They were never acknowledged; where they
///      begin is returned, so that a writer cuts them off before it goes on.
///    - **Damage**: a record behind it, a later file, or the caller says that it had been synced. That is `corruptData`
///      with file and byte; nothing behind it is handed on.
///
/// It cannot know that the last records of all are missing if nobody has heard of them: so a caller says up to which LSN
/// it has applied the log.
///
/// A writer may be at work: what it is just writing looks like a torn tail, and a file that it removed between listing
/// and opening is `notFound`; look again.
struct LogReader {
    let folder: String
    /// The files with a whole header, by number.
    let files: [LogFile]
    /// The last file, if its creation was torn: see ``LogFile``.
    let tornCreation: Int?

    /// - Throws: `corruptData` for a file that is missing, foreign or damaged, `unsupported` for one of a newer version,
    ///   `conflict` for a link.
    init(_ folder: String) throws(BelfryError) {
        self.folder = folder
        var files: [LogFile] = []
        var tornCreation: Int?
        for number in try Self.numbers(in: folder) {
            let path = "\(folder)/\(LogFile.name(number))"
            let before = tornCreation ?? files.last?.number
            if let before, number != before + 1 {
                throw BelfryError(
                    .corruptData, "The log file is missing: \(LogFile.name(number)) is there, and one before it.",
                    at: .init(file: "\(folder)/\(LogFile.name(before + 1))"), remedy: Self.restore)
            }
            if let torn = tornCreation {
                throw BelfryError(
                    .corruptData, "The file's header is damaged or missing, and \(LogFile.name(number)) follows it.",
                    at: .byte(0, of: "\(folder)/\(LogFile.name(torn))"), remedy: Self.restore)
            }
            guard let file = try LogFile(LogBytes(path), number: number) else {
                tornCreation = number
                continue
            }
            if let last = files.last, file.firstLSN < last.firstLSN {
                throw .corrupt(
                    "The file begins with LSN \(file.firstLSN), the one before it with \(last.firstLSN).",
                    at: .byte(24, of: path))
            }
            files.append(file)
        }
        (self.files, self.tornCreation) = (files, tornCreation)
    }

    /// Hands on all batches from an LSN on, in order.
    /// - Parameters:
    ///   - from: the first LSN that the caller needs; the log must have it, or be at its end there.
    ///   - applied: the last LSN that the caller knows to have been synced, since it has applied it.
    /// - Throws: what `body` throws; `corruptData` with file and byte; `unsupported` for an operation of a newer version.
    /// - Returns: Where the log ends.
    @discardableResult
    func replay(
        from: UInt64 = 1, applied: UInt64 = 0, _ body: (UInt64, [LogOperation]) throws(BelfryError) -> Void
    ) throws(BelfryError) -> LogEnd {
        let from = max(from, 1)
        guard let first = files.first else {
            guard from > applied else { throw missing(from, "it is empty") }
            return LogEnd(
                file: nil, offset: 0, nextLSN: from, unproven: 0, tornTail: nil, tornCreation: tornCreation)
        }
        guard first.firstLSN <= from else { throw missing(from, "it begins with LSN \(first.firstLSN)") }
        // Of those that begin at or before it, the last; and those that begin with the same LSN, which must be empty.
        let begin = files.last { $0.firstLSN <= from }?.firstLSN
        let start = files.firstIndex { $0.firstLSN == begin } ?? 0
        var end = LogEnd(
            file: nil, offset: 0, nextLSN: 0, unproven: 0, tornTail: nil, tornCreation: tornCreation)
        for (file, next) in zip(files[start...], files[start...].dropFirst().map { $0 } + [nil]) {
            // A file is created after all records before it were synced.
            (end.offset, end.nextLSN, end.tornTail, end.unproven) = try replay(
                file, from: from, synced: next.map { $0.firstLSN - 1 } ?? applied, isLast: next == nil, body)
            end.file = file
            if let next, next.firstLSN != end.nextLSN {
                throw .corrupt(
                    "The file begins with LSN \(next.firstLSN), but \(end.nextLSN) must follow on the file before it.",
                    at: .byte(24, of: next.path))
            }
        }
        // A catalogue that is ahead of the log would take the next writes for such as it has already.
        guard end.nextLSN >= from else { throw missing(end.nextLSN, "it ends there") }
        return end
    }

    private func replay(
        _ file: LogFile, from: UInt64, synced: UInt64, isLast: Bool,
        _ body: (UInt64, [LogOperation]) throws(BelfryError) -> Void
    ) throws(BelfryError) -> (offset: Int, nextLSN: UInt64, tornTail: BelfryError.Location?, unproven: Int) {
        let bytes = try LogBytes(file.path)
        var offset = LogFile.headerSize
        var lsn = file.firstLSN
        // The last records of all, which no other one says to be synced; the header, where they are all that there are.
        var unproven: [(lsn: UInt64, offset: Int)] = [(lsn, 0)]
        while let record = try bytes.record(at: offset, identity: file.identity) {
            guard record.lsn == lsn else {
                throw .corrupt(
                    "The record has LSN \(record.lsn), where \(lsn) must follow.", at: .byte(offset, of: file.path))
            }
            if lsn >= from {
                try body(lsn, bytes.operations(of: record, at: offset))
            }
            if lsn > file.firstLSN { unproven.append((lsn, offset)) }
            unproven.removeAll { $0.lsn <= record.synced }
            offset += record.size
            lsn += 1
        }
        let firstUnproven = unproven.first?.offset ?? offset
        let remains = try bytes.remains(from: offset, missing: lsn, identity: file.identity)
        if case .provesLoss(let place) = remains {
            throw Self.damage(lsn, "the record at byte \(place) was written after it was synced", offset, file)
        }
        guard lsn > synced else {
            throw Self.damage(lsn, "writes up to LSN \(synced) had been synced", offset, file)
        }
        // Of a file with another behind it all records are there by now, whatever lies behind them.
        guard isLast, remains == .unsynced else { return (offset, lsn, nil, firstUnproven) }
        guard tornCreation == nil else { throw Self.damage(lsn, "a later file was begun", offset, file) }
        return (offset, lsn, .byte(offset, of: file.path), firstUnproven)
    }

    private static func numbers(in folder: String) throws(BelfryError) -> [Int] {
        if System.isMissing(folder) { return [] }
        let directory = try Directory(folder)
        var numbers: [Int] = []
        for name in try directory.names() {
            guard let number = LogFile.number(of: name) else { continue }
            switch directory.kind(of: name) {
            case .file: numbers.append(number)
            case .link: throw Directory.isLink("\(folder)/\(name)")
            case nil: continue
            default:
                throw BelfryError(
                    .invalidInput, "This has the name of a log file and is none.", at: .init(file: "\(folder)/\(name)"),
                    remedy: "Move it out of there.")
            }
        }
        return numbers
    }

    private static let restore: Remedy =
        "Restore the file from a copy of the collection, or keep what lies before it: \(.repair)."

    private static func damage(_ lsn: UInt64, _ proof: String, _ offset: Int, _ file: LogFile) -> BelfryError {
        BelfryError(
            .corruptData, "The record of LSN \(lsn) is damaged or missing, and was acknowledged: \(proof).",
            at: .byte(offset, of: file.path), remedy: restore)
    }

    private func missing(_ lsn: UInt64, _ why: String) -> BelfryError {
        BelfryError(
            .corruptData, "The log does not have LSN \(lsn), which is needed: \(why).", at: .init(file: folder),
            remedy: Self.restore)
    }
}

/// Where a log ends, and what of an interrupted writer lies behind it.
struct LogEnd: Equatable, Sendable {
    /// The last file; nil where there is none.
    var file: LogFile?
    /// Where in it the next record goes.
    var offset: Int
    var nextLSN: UInt64
    /// From here to the end of the last file, no record says that it was synced: it may be in the system's memory alone.
    var unproven: Int
    /// Where bytes begin that were never acknowledged, which a writer must cut off.
    var tornTail: BelfryError.Location?
    /// The number of a file whose creation was torn, which a writer must remove.
    var tornCreation: Int?
}
