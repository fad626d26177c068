import Files
import Neighbors
import Shards
import Synchronization
import Vectors

// Merges, in two lanes: one copies, one builds indexes. Each segment is in one merge at the most.
extension Maintenance {
    /// Merges what should be, while everything else goes on.
    func mergeSoon(_ writer: Writer) {
        guard !mergesLater.load(ordering: .relaxed) else { return }
        copying.soon {
            // What fails here is tried again after the next seal: the segments are there as they were.
            try? self.mergeBySize(writer, .copying)
            self.indexing.soon { try? self.mergeBySize(writer, .indexing) }
        }
    }

    /// Waits until nothing is left to be merged of what is there now.
    func awaitMerges() {
        // What is copied may want an index.
        for lane in [copying, indexing] { lane.wait() }
    }

    /// Makes as few segments of all as the memory allows, one where it can, and waits for it. What is sealed meanwhile waits
    /// for the next time: writers might never let it end.
    func merge(_ writer: Writer) throws(BelfryError) {
        try indexing.wait { () throws(BelfryError) in
            // Nothing is copied at that moment: all segments are free.
            let jobs = try self.copying.wait { () throws(BelfryError) in try self.gathered(writer) }
            defer { for job in jobs { self.release(job) } }
            for job in jobs where self.isOpen(writer) { try self.merge(job, writer) }
        }
    }

    private func gathered(_ writer: Writer) throws(BelfryError) -> [MergeJob] {
        try sealing.wait { () throws(BelfryError) in try self.concludeMerge(writer) }
        return base.configuration.spaces.flatMap { space in
            mergesUnderWay.withLock { underWay in
                let (segments, sizes, recorded) = segments(of: space, writer, but: [])
                return policy(of: space).gather(sizes).map { group in
                    begin(group.map { segments[$0] }, of: space, recorded, .thorough, &underWay)
                }
            }
        }
    }

    private func mergeBySize(_ writer: Writer, _ purpose: MergePolicy.Purpose) throws(BelfryError) {
        try sealing.wait { () throws(BelfryError) in try self.concludeMerge(writer) }
        var (unmerged, failure): (Set<Int>, BelfryError?) = ([], nil)
        for space in base.configuration.spaces {
            while isOpen(writer), let job = next(of: space, purpose, writer, but: unmerged) {
                defer { release(job) }
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

    /// The next merge of a space; nil where all is well.
    private func next(
        of space: VectorSpace, _ purpose: MergePolicy.Purpose, _ writer: Writer, but unmerged: Set<Int>
    ) -> MergeJob? {
        mergesUnderWay.withLock { underWay in
            let busy = underWay.reduce(into: unmerged) { $0.formUnion($1.sources.map(\.number)) }
            let (segments, sizes, recorded) = segments(of: space, writer, but: busy)
            let chosen = policy(of: space).choose(sizes, for: purpose)
            guard !chosen.isEmpty else { return nil }
            return begin(
                chosen.map { segments[$0] }, of: space, recorded, purpose == .copying ? .copy : .beside, &underWay)
        }
    }

    private func begin(
        _ segments: [LiveSegment], of space: VectorSpace, _ recorded: [Int: RowSet], _ effort: MergeJob.Effort,
        _ underWay: inout [MergeStatus]
    ) -> MergeJob {
        let job = MergeJob(segments, of: space, recorded, number: takeNumbers(1), effort, base)
        underWay.append(job.status)
        return job
    }

    private func release(_ job: MergeJob) {
        mergesUnderWay.withLock { $0.removeAll { $0.number == job.number } }
    }

    private func policy(of space: VectorSpace) -> MergePolicy {
        guard space.kind == .dense else { return MergePolicy(most: Int(UInt32.max), mostCopied: Int(UInt32.max)) }
        let indexed = SegmentMemory(dimension: space.dimension, metric: space.metric, kind: base.index.wanted)
        let copied = SegmentMemory(dimension: space.dimension, metric: space.metric, kind: .exact)
        return MergePolicy(most: memory.mergedRows(indexed), mostCopied: memory.copiedRows(copied))
    }

    /// What there is of a space now: segments, their sizes, and which of their rows the catalogue knows to be dead.
    private func segments(
        of space: VectorSpace, _ writer: Writer, but others: Set<Int>
    ) -> ([LiveSegment], [MergePolicy.Size], [Int: RowSet]) {
        let (state, recorded) = writer.core.withLock { ($0.state, $0.recorded) }
        // Nil where the space was dropped.
        let place = state.base.configuration.spaces.firstIndex { $0.stored == space.stored }
        let segments = state.segments.filter { $0.segment.space == place && !others.contains($0.segment.number) }
        let sizes = segments.map { live in
            MergePolicy.Size(
                alive: live.segment.rows - (recorded[live.segment.number]?.count ?? 0), rows: live.segment.rows,
                isIndexed: live.segment.record.isIndexed,
                wantsIndex: MergeJob.wantsIndex(live.segment, base.index.wanted))
        }
        return (segments, sizes, recorded)
    }

    private func merge(_ job: MergeJob, _ writer: Writer) throws(BelfryError) {
        let start = ContinuousClock.now
        let row = try leavingNothing(of: [job.number]) { () throws(BelfryError) in
            try mergesEnd.canEnd { () throws(BelfryError) in try job.writeSegment() }
        }
        CrashPoint.mergeWritten.reach()
        // On the seals' thread: none is under way, unless one has failed.
        let segment = try sealing.wait { () throws(BelfryError) -> CollectionSegment? in
            // The other lane's may have failed.
            try self.concludeMerge(writer)
            let (recorded, mustWait, all) = writer.core.withLock {
                ($0.recorded, $0.sealing != nil, Set($0.state.segments.map(\.segment.number)))
            }
            guard !mustWait else {
                self.remove(job.number)
                throw self.mustWait
            }
            // Their kind of vector was dropped meanwhile.
            guard all.isSuperset(of: job.numbers) else {
                self.remove(job.number)
                return nil
            }
            let segment = try row.map { (row) throws(BelfryError) in try self.open(row) }
            let dead = segment.flatMap { job.carried({ recorded[$0] }, to: $0) }
            writer.core.withLock { $0.merging = (job, segment, dead) }
            try self.catalogue.write { transaction in
                try job.record(transaction, row, dead)
                CrashPoint.mergeRecording.reach()
            }
            CrashPoint.mergeListed.reach()
            self.publishMerge(writer)
            return segment
        }
        CrashPoint.mergePublished.reach()
        // Views that are still in use have their files open.
        for number in job.numbers { try base.layout.removeSegment(number) }
        CrashPoint.mergeDone.reach()
        if job.effort == .beside, let segment, segment.record.isIndexed {
            indexingPace.withLock { $0 = start.duration(to: .now) / segment.rows }
        }
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
    func leavingNothing<Result>(
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
            .conflict, "Segments cannot be merged while a table waits to be sealed.",
            at: .init(file: base.path))
    }
}
