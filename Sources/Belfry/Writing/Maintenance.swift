import Dispatch
import Files
import Neighbors
import Shards
import Synchronization
import Vectors

/// What is done to a collection beside its writes, on threads of its own. Readers never wait for it; writers do where they
/// are faster than it.
///
/// **Seal**: the table that is written to is put aside and a new one is begun, with a log file of its own. Its rows become
/// a segment on disk; then one transaction of the catalogue lists that, takes over the points, and says up to which write
/// it has them. Only then is the log before it removed. A crash at any moment leaves the catalogue of before, and the log
/// that leads to now.
///
/// **Merge**: several segments, or one with many dead rows, become one: see ``MergePolicy``. One thread copies, and one
/// builds indexes, which takes long; seals go on meanwhile. But while a merge puts its segment in the place of the others, no
/// seal is under way, so that the catalogue's dead rows are always those of one moment.
final class Maintenance: Sendable {
    private let current: CurrentView
    /// The connection that writes.
    let catalogue: Catalogue
    let sealing = Lane("belfry.seal")
    let copying = Lane("belfry.copy", qos: .utility)
    let indexing = Lane("belfry.index", qos: .utility)
    private let nextNumber: Mutex<Int>
    private let isClosing = Atomic(false)
    /// The merges that are under way, or about to be: nothing else is done with their segments.
    let mergesUnderWay = Mutex<[MergeStatus]>([])
    /// Ends the merges that are under way.
    let mergesEnd = WorkEnd()
    /// What an indexing merge takes for a row, as the last one did.
    let indexingPace = Mutex(Duration.microseconds(300))

    /// What a merge may hold in memory.
    let memory: MemoryBudget
    private let memoryGuard: MemoryGuard?
    /// Whether merges wait for ``merge(_:)``: whoever loads many points at once needs none before.
    let mergesLater = Atomic(false)

    var base: CollectionBase { current.view.base }

    init(_ current: CurrentView, _ catalogue: Catalogue, nextNumber: Int, memory: MemoryBudget) {
        (self.current, self.catalogue, self.memory) = (current, catalogue, memory)
        memoryGuard = memory.guarded()
        self.nextNumber = Mutex(nextNumber)
    }

    /// The first of so many numbers of segments that nobody has.
    func takeNumbers(_ count: Int) -> Int {
        nextNumber.withLock { number in
            defer { number += count }
            return number
        }
    }

    /// Seals the table when it is large, while the writers go on.
    func sealSoon(_ writer: Writer) {
        sealing.soon {
            // What fails here is tried again, and told, when a writer needs the room.
            try? self.seal(writer) { $0.isLarge }
            self.mergeSoon(writer)
        }
    }

    /// Seals the table, for somebody who waits for it.
    func seal(_ writer: Writer) throws(BelfryError) {
        try sealing.wait { () throws(BelfryError) in try self.seal(writer) { _ in true } }
        mergeSoon(writer)
    }

    /// Waits for what is under way, and closes the catalogue. What is small stays in the log.
    /// - Parameters:
    ///   - logged: the last write that the log has on disk; nil where that is not known.
    ///   - endsMerges: whether merges that are under way are given up. They are begun anew another time.
    func close(logged: UInt64?, endingMerges endsMerges: Bool) throws(BelfryError) {
        isClosing.store(true, ordering: .relaxed)
        if endsMerges { mergesEnd.want() }
        awaitMerges()
        try sealing.wait { () throws(BelfryError) in
            if let logged { try self.catalogue.note(logged: logged) }
            try self.catalogue.close()
        }
    }

    func isOpen(_ writer: Writer) -> Bool {
        !isClosing.load(ordering: .relaxed) && !writer.core.withLock { $0.isClosed }
    }

    func open(_ row: Catalogue.SegmentRow) throws(BelfryError) -> CollectionSegment {
        try CollectionSegment(
            row.number, rows: row.rows, SegmentRecord(row, base.layout), base.layout, base.configuration)
    }
}

// MARK: sealing

extension Maintenance {
    private func seal(_ writer: Writer, where isWanted: (PendingPoints) -> Bool) throws(BelfryError) {
        // One that failed before comes first.
        if let job = writer.core.withLock({ $0.isClosed ? nil : $0.sealing }) { try finish(job, writer) }
        // A job has the dead rows of the segments that there are when it begins.
        try concludeMerge(writer)
        let number = takeNumbers(base.configuration.spaces.count)
        let job = try writer.core.withLock { core throws(BelfryError) -> SealJob? in
            guard !core.isClosed, !core.state.pending[0].isUnused, isWanted(core.state.pending[0]) else { return nil }
            return try SealJob(beginningNextTableOf: &core, number: number)
        }
        if let job { try finish(job, writer) }
    }

    func finish(_ job: SealJob, _ writer: Writer) throws(BelfryError) {
        let listed = try job.listed(catalogue)
        let written =
            if let listed { listed } else {
                try leavingNothing(of: job.pending.vectors.map(\.number)) { () throws(BelfryError) in
                    try job.writeSegments(base)
                }
            }
        CrashPoint.sealWritten.reach()
        var segments: [CollectionSegment] = []
        for one in written { segments.append(try open(one.row)) }
        let opened = segments
        let (recorded, before) = writer.core.withLock { ($0.recorded, $0.state.catalogued) }
        let known = try catalogue.read { try $0.fieldRecord() }
        // What the catalogue lists already it lists with the files of indexes that were made for it.
        let (fields, indexes) =
            if listed != nil { (known, FieldIndexes?.none) } else {
                try leavingOnly(known) { () throws(BelfryError) in try job.fields(before, known, base) }
            }
        let catalogued = try CatalogueFilter(lsn: job.lsn, fields, indexes)
        do throws(BelfryError) {
            try catalogue.write { transaction in
                try job.record(transaction, written, recorded, fields)
                CrashPoint.sealRecording.reach()
            }
        } catch {
            // Where nobody knows whether it was done, all files stay.
            if let lsn = try? catalogue.read({ try $0.lsn() }), lsn < job.lsn { known.removeOthers(base.layout) }
            throw error
        }
        CrashPoint.sealListed.reach()
        writer.core.withLock { core in
            job.publish(&core, opened, written, catalogued)
            writer.current.show(core.state.view)
            // A file that cannot be removed now is removed after the next seal.
            _ = try? core.log?.remove(before: job.lsn + 1)
            for (batch, lsn) in core.staged where lsn <= job.lsn { batch.remove(from: base.layout.batches) }
            core.staged.removeAll { $0.lsn <= job.lsn }
        }
        if fields.entries != known.entries { fields.removeOthers(base.layout) }
        CrashPoint.sealDone.reach()
    }
}
