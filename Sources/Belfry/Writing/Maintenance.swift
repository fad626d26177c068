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
/// **Merge**: several segments, or one with many dead rows, become one, with an index where it is large: see
/// ``MergePolicy``. It takes long, and seals go on meanwhile; but while it puts its segment in the place of the others,
/// none is under way, so that the catalogue's dead rows are always those of one moment.
final class Maintenance: Sendable {
    private let current: CurrentView
    /// The connection that writes.
    let catalogue: Catalogue
    let sealing = DispatchQueue(label: "belfry.seal")
    private let merging = DispatchQueue(label: "belfry.merge", qos: .utility)
    private let nextNumber: Mutex<Int>
    private let isSealScheduled = Mutex(false)
    private let isMergeScheduled = Mutex(false)
    private let isClosing = Atomic(false)
    /// The merge that is under way.
    let mergeUnderWay = Mutex<MergeStatus?>(nil)

    /// What a merge may hold in memory.
    private let memory: MemoryBudget
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
        guard Self.schedules(isSealScheduled) else { return }
        sealing.async {
            self.isSealScheduled.withLock { $0 = false }
            // What fails here is tried again, and told, when a writer needs the room.
            try? self.seal(writer) { $0.isLarge }
            self.mergeSoon(writer)
        }
    }

    /// Seals the table, for somebody who waits for it.
    func seal(_ writer: Writer) throws(BelfryError) {
        try Self.wait(on: sealing) { () throws(BelfryError) in try self.seal(writer) { _ in true } }
        mergeSoon(writer)
    }

    /// Merges what should be, while everything else goes on.
    func mergeSoon(_ writer: Writer) {
        guard !mergesLater.load(ordering: .relaxed), Self.schedules(isMergeScheduled) else { return }
        merging.async {
            self.isMergeScheduled.withLock { $0 = false }
            // What fails here is tried again after the next seal: the segments are there as they were.
            try? self.mergeBySize(writer)
        }
    }

    /// Makes as few segments of all as the memory allows, one where it can, and waits for it.
    func merge(_ writer: Writer) throws(BelfryError) {
        try Self.wait(on: merging) { () throws(BelfryError) in try self.gather(writer) }
    }

    /// Ends what is under way, and closes the catalogue. What is small stays in the log.
    /// - Parameter logged: the last write that the log has on disk; nil where that is not known.
    func close(logged: UInt64?) throws(BelfryError) {
        isClosing.store(true, ordering: .relaxed)
        try Self.wait(on: merging) { () throws(BelfryError) in }
        try Self.wait(on: sealing) { () throws(BelfryError) in
            if let logged { try self.catalogue.note(logged: logged) }
            try self.catalogue.close()
        }
    }

    private static func schedules(_ isScheduled: borrowing Mutex<Bool>) -> Bool {
        isScheduled.withLock { scheduled in
            defer { scheduled = true }
            return !scheduled
        }
    }

    static func wait(
        on queue: DispatchQueue, _ body: @escaping @Sendable () throws(BelfryError) -> Void
    ) throws(BelfryError) {
        let result = queue.sync { () -> Result<Void, BelfryError> in
            do throws(BelfryError) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private func open(_ row: Catalogue.SegmentRow) throws(BelfryError) -> CollectionSegment {
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

// MARK: merging

extension Maintenance {
    private func policy(of space: VectorSpace) -> MergePolicy {
        guard space.kind == .dense else { return MergePolicy(most: Int(UInt32.max)) }
        return MergePolicy(
            most: memory.mergedRows(
                SegmentMemory(dimension: space.dimension, metric: space.metric, kind: base.index.wanted)))
    }

    /// What there is of a space now: segments, their sizes, and which of their rows the catalogue knows to be dead.
    private func segments(
        of space: VectorSpace, _ writer: Writer, but unmerged: Set<Int> = []
    ) -> ([LiveSegment], [MergePolicy.Size], [Int: RowSet]) {
        let (state, recorded) = writer.core.withLock { ($0.state, $0.recorded) }
        // Nil where the space was dropped.
        let place = state.base.configuration.spaces.firstIndex { $0.stored == space.stored }
        let segments = state.segments.filter { $0.segment.space == place && !unmerged.contains($0.segment.number) }
        let sizes = segments.map { live in
            MergePolicy.Size(
                alive: live.segment.rows - (recorded[live.segment.number]?.count ?? 0), rows: live.segment.rows,
                wantsIndex: MergeJob.wantsIndex(live.segment, base.index.wanted))
        }
        return (segments, sizes, recorded)
    }

    private func isOpen(_ writer: Writer) -> Bool {
        !isClosing.load(ordering: .relaxed) && !writer.core.withLock { $0.isClosed }
    }

    private func mergeBySize(_ writer: Writer) throws(BelfryError) {
        try Self.wait(on: sealing) { () throws(BelfryError) in try self.concludeMerge(writer) }
        var (unmerged, failure): (Set<Int>, BelfryError?) = ([], nil)
        for space in base.configuration.spaces {
            let policy = policy(of: space)
            while isOpen(writer) {
                let (segments, sizes, recorded) = segments(of: space, writer, but: unmerged)
                let chosen = policy.choose(sizes)
                guard !chosen.isEmpty else { break }
                let job = MergeJob(
                    chosen.map { segments[$0] }, of: space, recorded, number: takeNumbers(1), .beside, base)
                do throws(BelfryError) {
                    try merge(job, writer)
                } catch {
                    // A segment that cannot be read keeps none of the others as they are; whatever else has failed would fail
                    // for them, too.
                    guard error.code == .corruptData else { throw error }
                    unmerged.formUnion(job.numbers)
                    failure = failure ?? error
                }
            }
        }
        if let failure { throw failure }
    }

    /// Merges what is there now. What is sealed meanwhile waits for the next time: writers might never let it end.
    private func gather(_ writer: Writer) throws(BelfryError) {
        try Self.wait(on: sealing) { () throws(BelfryError) in try self.concludeMerge(writer) }
        for space in base.configuration.spaces {
            let (segments, sizes, _) = segments(of: space, writer)
            for group in policy(of: space).gather(sizes) where isOpen(writer) {
                let recorded = writer.core.withLock { $0.recorded }
                let job = MergeJob(
                    group.map { segments[$0] }, of: space, recorded, number: takeNumbers(1), .thorough, base)
                try merge(job, writer)
            }
        }
    }

    private func merge(_ job: MergeJob, _ writer: Writer) throws(BelfryError) {
        mergeUnderWay.withLock { $0 = job.status }
        defer { mergeUnderWay.withLock { $0 = nil } }
        let row = try leavingNothing(of: [job.number]) { () throws(BelfryError) in try job.writeSegment() }
        CrashPoint.mergeWritten.reach()
        // On the seals' thread: none is under way, unless one has failed.
        try Self.wait(on: sealing) { () throws(BelfryError) in
            let (recorded, mustWait, all) = writer.core.withLock {
                ($0.recorded, $0.sealing != nil || $0.merging != nil, Set($0.state.segments.map(\.segment.number)))
            }
            guard !mustWait else { throw self.mustWait }
            // Their kind of vector was dropped meanwhile.
            guard all.isSuperset(of: job.numbers) else { return self.remove(job.number) }
            let segment = try row.map { (row) throws(BelfryError) in try self.open(row) }
            let dead = segment.flatMap { job.carried({ recorded[$0] }, to: $0) }
            writer.core.withLock { $0.merging = (job, segment, dead) }
            try self.catalogue.write { transaction in
                try job.record(transaction, row, dead)
                CrashPoint.mergeRecording.reach()
            }
            CrashPoint.mergeListed.reach()
            self.publishMerge(writer)
        }
        CrashPoint.mergePublished.reach()
        // Views that are still in use have their files open.
        for number in job.numbers { try base.layout.removeSegment(number) }
        CrashPoint.mergeDone.reach()
    }

    /// Finds out what became of a merge whose transaction has failed: it may have been done after all. On the seals' thread,
    /// before anything else is recorded.
    func concludeMerge(_ writer: Writer) throws(BelfryError) {
        guard let (job, _, _) = writer.core.withLock({ $0.merging }) else { return }
        guard try job.isRecorded(catalogue) else {
            writer.core.withLock { $0.merging = nil }
            return remove(job.number)
        }
        try catalogue.write { try $0.confirm() }
        publishMerge(writer)
        for number in job.numbers { remove(number) }
    }

    /// Removes the folder of a segment that is not listed. What cannot be removed now the next writer removes.
    func remove(_ number: Int) { try? base.layout.removeSegment(number) }

    /// What `body` makes in the folders of segments; where it fails, nothing is left: it may be for want of room.
    private func leavingNothing<Result>(
        of numbers: [Int], _ body: () throws(BelfryError) -> Result
    ) throws(BelfryError) -> Result {
        do throws(BelfryError) {
            return try body()
        } catch {
            numbers.forEach(remove)
            throw error
        }
    }

    private func publishMerge(_ writer: Writer) {
        writer.core.withLock { core in
            guard let (job, segment, dead) = core.merging else { return }
            job.publish(&core, segment, recorded: dead)
            core.merging = nil
            writer.current.show(core.state.view)
        }
    }

    private var mustWait: BelfryError {
        BelfryError(
            .conflict, "Segments cannot be merged while a table waits to be sealed, or another merge to be recorded.",
            at: .init(file: base.path))
    }
}
