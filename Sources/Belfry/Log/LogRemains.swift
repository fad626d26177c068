import Files

/// What lies behind the last record of a file that could be read.
enum LogRemains: Equatable {
    /// Zeros: room that was made in advance.
    case nothing
    /// Something that was being written: as far as anybody can tell, it was never synced, so never acknowledged.
    case unsynced
    /// A record, at this byte, that says that the missing one had been synced.
    case provesLoss(at: Int)
}

extension LogBytes {
    /// Looks at all bytes from `offset` on, where the record of `lsn` should be and is not.
    ///
    /// A record begins on a boundary of 8 bytes. One that proves a loss has the file's identity under its checksum, a
    /// larger LSN, and says that the log had been synced up to the missing one, or further.
    /// - Parameter budget: how many bytes may go through a checksum. Bytes that were made to look like the heads of large
    ///   records could ask for very many; past this, the answer is that there is a loss: the one that drops nothing.
    func remains(
        from offset: Int, missing lsn: UInt64, identity: [UInt8], budget: Int = 1 << 36
    ) throws(BelfryError) -> LogRemains {
        var isEmpty = true
        var spent = 0
        var place = offset
        while let found = try firstWord(from: place) {
            (place, isEmpty) = (found, false)
            guard let head = try head(at: place), head.lsn > lsn,
                // No more records than could lie between.
                head.lsn - lsn <= UInt64((place - offset) / LogRecord.smallest)
            else {
                place += 8
                continue
            }
            spent += head.size
            guard spent <= budget else { return .provesLoss(at: place) }
            guard try record(at: place, identity: identity) != nil else {
                place += 8
                continue
            }
            if head.synced >= lsn { return .provesLoss(at: place) }
            place += head.size
        }
        return isEmpty ? .nothing : .unsynced
    }
}
