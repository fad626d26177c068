import Files
import Shards
import Vectors

extension Writer {
    /// Opens a collection for writing.
    ///
    /// 1. The lock is taken: there is one writer.
    /// 2. What a killed writer left half written in the catalogue is rolled back, an older catalogue is brought up to date,
    ///    and files that nothing lists are removed.
    /// 3. The log is read from where the catalogue ends; its torn tail is cut off.
    /// - Parameters:
    ///   - memory: what merges may hold.
    ///   - note: hears what was removed.
    convenience init(
        opening layout: CollectionLayout, memory: MemoryBudget, note: (String) -> Void
    ) throws(BelfryError) {
        // Not even a lock is made where there is no collection.
        if System.isMissing(layout.catalogue) { _ = try CollectionBase(layout) }
        guard let lock = try WriterLock(layout.lock) else {
            throw BelfryError(
                .conflict, "Another process has the collection open for writing.", at: .init(file: layout.path),
                remedy: "Write through that process, or close it.")
        }
        let isHalfWritten = Catalogue.hasJournal(layout.catalogue)
        let catalogue = try Catalogue(layout.catalogue, .create)
        // Rolled back it is what it was but for pages in which nothing is: the seal would see those.
        if isHalfWritten { try catalogue.write { try $0.confirm() } }
        try catalogue.keepTransactionsInMemory()
        let base = try CollectionBase(layout)
        var state = try base.readState()
        var files: CollectionLayout.ListedFiles = [:]
        for live in state.segments { files[live.segment.number] = Set(live.segment.record.files) }
        try layout.sweep(files, note: note)
        let recorded = Dictionary(
            uniqueKeysWithValues: state.segments.compactMap { live in live.dead.map { (live.segment.number, $0) } })
        state.pending = [base.tableOfLog(state.nextNumber)]
        var vectors = NewVectors(spaces: base.configuration.spaces.count)
        var staged: [(batch: StagedBatch, lsn: UInt64)] = []
        let log = try LogWriter(layout.log, from: state.lsn + 1, applied: state.proven) {
            lsn, operations throws(BelfryError) in
            staged += StagedBatch.published(by: operations).map { ($0, lsn) }
            try state.replay(lsn, StagedBatch.unfolding(operations, in: layout.batches), &vectors)
        }
        state.publish(vectors)
        try catalogue.read { try $0.fieldRecord() }.removeOthers(layout)
        let batches = try LogFile.numbers(in: layout.batches)
        for number in batches where !staged.contains(where: { $0.batch.number == number }) {
            StagedBatch(number: number, operations: 0).remove(from: layout.batches)
        }
        // From now on it is missed where it is not.
        try catalogue.write { transaction in
            var state = try transaction.state()
            guard state.hasLog != true else { return }
            state.hasLog = true
            try transaction.put(state)
        }
        let maintenance = Maintenance(
            base, catalogue, nextNumber: state.nextNumber + base.configuration.spaces.count, memory: memory)
        let view = state.view
        self.init(
            base, lock, Core(state: state, log: log, recorded: recorded, staged: staged), maintenance,
            CurrentView(view),
            nextBatch: (batches.max() ?? 0) + 1)
    }
}
