import Files

/// What of a log can be carried out, whatever is wrong with it: all up to the first record that is bad or missing. What lies
/// behind that was written to points as the missing ones had left them, so it is not taken.
enum LogRescue {
    /// Where a rescued log ends.
    struct End: Equatable {
        /// The last write that was kept.
        var lsn: UInt64
        /// The last write that files of the log say to have been there.
        var known: UInt64
    }

    /// Copies what can be carried out to a log of its own, and the files of the batches that it publishes.
    /// - Parameters:
    ///   - from: the first write that is needed.
    ///   - target: a folder that is not there yet.
    /// - Throws: `io`. What is damaged is no error.
    static func copy(
        _ folder: String, from first: UInt64, to target: String, batches: String, to newBatches: String
    ) throws(BelfryError) -> End {
        try System.createDirectory(target)
        let copy = try LogFile(new: 1, in: target, firstLSN: first)
        let writer = try LogFileWriter(creating: copy, step: 0, .system)
        var end = End(lsn: first - 1, known: 0)
        // Every file is asked for how far the log went; records are taken as long as they follow one another.
        for number in try LogFile.numbers(in: folder) {
            let path = "\(folder)/\(LogFile.name(number))"
            guard let bytes = try whole({ () throws(BelfryError) in try LogBytes(path) }),
                let file = try whole({ () throws(BelfryError) in try LogFile(bytes, number: number) }) ?? nil
            else { continue }
            end.known = max(end.known, file.firstLSN - 1)
            guard file.firstLSN <= end.lsn + 1 else { continue }
            var (offset, lsn) = (LogFile.headerSize, file.firstLSN)
            while let record = try bytes.record(at: offset, identity: file.identity), record.lsn == lsn {
                if lsn == end.lsn + 1 {
                    let operations = try whole { () throws(BelfryError) in
                        let operations = try bytes.operations(of: record, at: offset)
                        for batch in StagedBatch.published(by: operations) { _ = try batch.read(from: batches) }
                        return operations
                    }
                    guard let operations else { break }
                    for batch in StagedBatch.published(by: operations) { try batch.copy(from: batches, to: newBatches) }
                    try writer.append(LogRecord.encode(operations, lsn: lsn, synced: lsn - 1, identity: copy.identity))
                    end.lsn = lsn
                }
                offset += record.size
                lsn += 1
            }
        }
        try writer.sync()
        try writer.finish()
        try System.sync(target)
        end.known = max(end.known, end.lsn)
        return end
    }

    /// What `body` reads; nil where it is damaged.
    private static func whole<Result>(_ body: () throws(BelfryError) -> Result) throws(BelfryError) -> Result? {
        do throws(BelfryError) {
            return try body()
        } catch {
            guard error.code != .io else { throw error }
            return nil
        }
    }
}
