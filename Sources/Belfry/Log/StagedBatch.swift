import Files

/// A batch that is too large for a record of the log: it has a file of its own, `batches/000003`, in the format of a file of
/// the log (``LogFile``), whose records hold its operations, some in each.
///
/// 1. The file is written and synced by whoever hands the batch in, while others write to the log.
/// 2. One small record of the log publishes it: from then on the batch is carried out, by the writer and by everybody who
///    reads the log, at the place of that record.
/// 3. When the catalogue has what it says, the file goes, as the log before it does.
///
/// A file that no record publishes is what an interrupted writer has left: the next one removes it.
struct StagedBatch: Equatable, Sendable {
    /// The file's number.
    let number: Int
    /// How many operations it has.
    let operations: Int

    /// Operations of so many bytes, about, share a record.
    private static let recordBytes = 4 << 20

    /// Writes a batch to a file in `folder`, which is made if it is not there, and syncs it.
    init(
        staging operations: [LogOperation], as number: Int, in folder: String, calls: LogSystemCalls = .system
    ) throws(BelfryError) {
        (self.number, self.operations) = (number, operations.count)
        try System.createDirectory(folder)
        let file = try LogFile(new: number, in: folder, firstLSN: 1)
        do throws(BelfryError) {
            // The folder's own name as well: nothing has said so yet, where it is new.
            try System.sync(System.parent(of: folder))
            let writer = try LogFileWriter(creating: file, step: 0, calls)
            var (lsn, start) = (UInt64(1), 0)
            while start < operations.count {
                var (end, bytes) = (start, 0)
                while end < operations.count, end == start || bytes + operations[end].mostBytes <= Self.recordBytes {
                    bytes += operations[end].mostBytes
                    end += 1
                }
                try writer.append(
                    LogRecord.encode(
                        Array(operations[start..<end]), lsn: lsn, synced: lsn - 1, identity: file.identity))
                (lsn, start) = (lsn + 1, end)
            }
            try writer.sync()
            // The size as well.
            try writer.finish()
        } catch {
            remove(from: folder)
            throw error
        }
    }

    /// A batch that a record names.
    init(number: Int, operations: Int) { (self.number, self.operations) = (number, operations) }

    /// The operations of the batch.
    /// - Throws: `corruptData` where the file is missing, damaged, or has other operations than so many.
    func read(from folder: String) throws(BelfryError) -> [LogOperation] {
        let path = "\(folder)/\(LogFile.name(number))"
        guard !System.isMissing(path) else {
            throw .corrupt("The log publishes this batch, and its file is not there.", at: .init(file: path))
        }
        let bytes = try LogBytes(path)
        guard let file = try LogFile(bytes, number: number) else {
            throw .corrupt("The file's header is damaged or missing.", at: .byte(0, of: path))
        }
        var (offset, lsn, all) = (LogFile.headerSize, file.firstLSN, [LogOperation]())
        while all.count < operations, let record = try bytes.record(at: offset, identity: file.identity),
            record.lsn == lsn
        {
            let some = try bytes.operations(of: record, at: offset)
            guard Self.published(by: some).isEmpty else {
                throw .corrupt("A batch cannot publish another one.", at: .byte(offset, of: path))
            }
            all += some
            offset += record.size
            lsn += 1
        }
        guard all.count == operations else {
            throw .corrupt(
                "The batch has \(operations) operations; \(all.count) can be read up to here.",
                at: .byte(offset, of: path))
        }
        guard try bytes.firstWord(from: offset) == nil else {
            throw .corrupt("Something follows the last operation of the batch.", at: .byte(offset, of: path))
        }
        return all
    }

    /// Copies the file to another folder, which is made if it is not there, and syncs it.
    func copy(from folder: String, to other: String) throws(BelfryError) {
        try System.createDirectory(other)
        try System.copyFile("\(folder)/\(LogFile.name(number))", to: "\(other)/\(LogFile.name(number))")
        try System.sync(other)
    }

    /// Operations of a log, with those of published batches in the places of their records.
    static func unfolding(_ operations: [LogOperation], in folder: String) throws(BelfryError) -> [LogOperation] {
        var all: [LogOperation] = []
        for operation in operations {
            if case .publish(let batch) = operation {
                all += try batch.read(from: folder)
            } else {
                all.append(operation)
            }
        }
        return all
    }

    /// The batches that operations publish.
    static func published(by operations: [LogOperation]) -> [StagedBatch] {
        operations.compactMap { if case .publish(let batch) = $0 { batch } else { nil } }
    }
}

// MARK: removing

extension StagedBatch {
    /// Removes the file. Where that fails, the next writer does it.
    func remove(from folder: String) {
        guard let directory = try? Directory(folder) else { return }
        try? directory.removeFile(LogFile.name(number))
    }
}
