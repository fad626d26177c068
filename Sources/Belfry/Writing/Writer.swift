import Dispatch
import Files
import Shards
import Synchronization
import Vectors

/// The one that writes to a collection: it holds the lock, the log, and what the collection is after the last write.
///
/// 1. Who writes hands in a batch and waits. One thread takes all batches that wait (``commit(_:)``).
/// 2. They are applied, in order, to a copy of the state; one that cannot be is answered with its error and leaves nothing.
/// 3. What was decided is appended to the log, with **one sync for all of them**.
/// 4. The state takes the place of the one before, a view of it is published, and all are answered. A batch that was
///    acknowledged is on disk, and is found by the next search.
/// 5. Where the table is full, it is sealed by another thread (``Maintenance``), and the next one is begun. Where the one
///    before is still being sealed, writers wait: memory and log are bounded.
///
/// A failed write or sync of the log is final for that log: what was not synced is cut off, and it is opened again by the
/// next write.
final class Writer: Sendable {
    /// A batch that waits for its turn.
    private struct Waiting: Sendable {
        let batch: WriteBatch
        let answer: CheckedContinuation<Result<WriteResult, BelfryError>, Never>
    }

    private struct Queue {
        var batches: [Waiting] = []
        var isServed = false
        var isClosed = false
    }

    /// Belongs to whoever commits or publishes.
    struct Core {
        var state: WriteState
        /// Opened again after a failure, when it is needed; nil until then, or when all is closed.
        var log: LogWriter?
        /// Which rows of segments the catalogue knows to be dead.
        var recorded: [Int: RowSet] = [:]
        /// The table that is being sealed.
        var sealing: SealJob?
        /// The merge that is being recorded; after a failure, until it is known whether it was.
        var merging: (job: MergeJob, segment: CollectionSegment?, dead: RowSet?)?
        /// Batches with a file of their own that the catalogue does not have yet, and their LSNs.
        var staged: [(batch: StagedBatch, lsn: UInt64)] = []
        /// Whether the lock was given back.
        var isClosed = false
    }

    let core: Mutex<Core>
    let maintenance: Maintenance
    let current: CurrentView
    private let lock: WriterLock
    /// The number of the next batch with a file of its own.
    private let nextBatch: Mutex<Int>
    private let queue = Mutex(Queue())
    private let thread = DispatchQueue(label: "belfry.writer")
    private let changes = DispatchQueue(label: "belfry.spaces")

    var base: CollectionBase { current.view.base }

    init(
        _ lock: WriterLock, _ core: sending Core, _ maintenance: Maintenance,
        _ current: CurrentView, nextBatch: Int
    ) {
        self.nextBatch = Mutex(nextBatch)
        (self.lock, self.maintenance, self.current) = (lock, maintenance, current)
        self.core = Mutex(core)
    }

    /// Carries out a batch; all of it, or nothing.
    /// - Throws: `invalidInput` for a batch that cannot be carried out, `io` where the disk fails or is full: then nobody
    ///   knows whether the batch will be there when the collection is opened again.
    func write(_ batch: WriteBatch) async throws(BelfryError) -> WriteResult {
        guard batch.isLarge else { return try await handIn(batch) }
        var batch = batch
        let staged = try await stage(batch.operations)
        batch.staged = staged
        do throws(BelfryError) {
            let result = try await handIn(batch)
            // Where nothing was to be done, nothing publishes it.
            if !core.withLock({ $0.staged.contains { $0.batch == staged } }) {
                staged.remove(from: base.layout.batches)
            }
            return result
        } catch {
            // After a failure of the disk nobody knows whether the log has its record.
            if error.code != .io { staged.remove(from: base.layout.batches) }
            throw error
        }
    }

    /// Gives a batch a file of its own, while others write.
    private func stage(_ operations: [LogOperation]) async throws(BelfryError) -> StagedBatch {
        guard !queue.withLock({ $0.isClosed }) else { throw closed }
        let number = nextBatch.withLock { number in
            defer { number += 1 }
            return number
        }
        let made = Mutex<StagedBatch?>(nil)
        try await onThread(.global()) { () throws(BelfryError) in
            let batch = try StagedBatch(staging: operations, as: number, in: self.base.layout.batches)
            made.withLock { $0 = batch }
            CrashPoint.batchStaged.reach()
            do throws(BelfryError) {
                // What is in the table now need not be sealed while others wait.
                try self.maintenance.seal(self)
            } catch {
                batch.remove(from: self.base.layout.batches)
                throw error
            }
        }
        guard let batch = made.withLock({ $0 }) else { preconditionFailure("it was staged, or that has failed") }
        return batch
    }

    private func handIn(_ batch: WriteBatch) async throws(BelfryError) -> WriteResult {
        let result = await withCheckedContinuation { answer in
            // In the lock, so that nothing can be put behind the end of it by ``close()``.
            let isTaken = queue.withLock { queue in
                guard !queue.isClosed else { return false }
                queue.batches.append(Waiting(batch: batch, answer: answer))
                if !queue.isServed { thread.async { self.serve() } }
                queue.isServed = true
                return true
            }
            if !isTaken { answer.resume(returning: .failure(closed)) }
        }
        return try result.get()
    }

    private var closed: BelfryError {
        BelfryError(.conflict, "The collection was closed.", at: .init(file: base.path), remedy: "Open it again.")
    }

    /// So many batches share a sync at the most, so that nobody waits long for others.
    private static let maxGroup = 256

    private func serve() {
        while true {
            let group = queue.withLock { queue in
                let group = Array(queue.batches.prefix(Self.maxGroup))
                queue.batches.removeFirst(group.count)
                if group.isEmpty { queue.isServed = false }
                return group
            }
            guard !group.isEmpty else { return }
            let results = commit(group.map(\.batch))
            for (waiting, result) in zip(group, results) { waiting.answer.resume(returning: result) }
            maintenance.holdBack(self, after: group.map(\.batch))
        }
    }

    /// Commits batches in order, with one sync where the table has room for all of them.
    private func commit(_ batches: [WriteBatch]) -> [Result<WriteResult, BelfryError>] {
        var results: [Result<WriteResult, BelfryError>] = []
        var left = batches[...]
        while !left.isEmpty {
            do throws(BelfryError) {
                try makeRoom(for: left[left.startIndex])
                let done = try core.withLock { core throws(BelfryError) in
                    let (done, view) = try core.commit(left)
                    results += done
                    left = left.dropFirst(done.count)
                    current.show(view)
                    return done.count
                }
                if done == 0 { try maintenance.seal(self) }
            } catch {
                results.append(.failure(error))
                left = left.dropFirst()
            }
        }
        if core.withLock({ $0.state.pending[0].isLarge }) { maintenance.sealSoon(self) }
        return results
    }

    /// Seals the table, and waits for that, where a batch does not fit into it any more.
    private func makeRoom(for batch: WriteBatch) throws(BelfryError) {
        while true {
            let hasRoom = try core.withLock { core throws(BelfryError) in
                batch.isLarge
                    ? core.state.pending[0].isUnused : core.state.hasRoom(for: try batch.vectors(for: core.state.base))
            }
            if hasRoom { return }
            try maintenance.seal(self)
        }
    }

    /// Seals what is in the table, and waits for all merges.
    func settle() async throws(BelfryError) {
        guard !queue.withLock({ $0.isClosed }) else { throw closed }
        try await behindAll { () throws(BelfryError) in try self.maintenance.seal(self) }
        try await onThread(.global()) { () throws(BelfryError) in try self.maintenance.merge(self) }
    }

    /// Gives payload fields an index, or takes it away.
    func changeFields(adding added: [IndexedField], dropping dropped: [IndexedField]) async throws(BelfryError) {
        guard !queue.withLock({ $0.isClosed }) else { throw closed }
        try await onThread(.global()) { () throws(BelfryError) in
            try self.maintenance.changeFields(self, adding: added, dropping: dropped)
        }
    }

    /// Adds kinds of vector, or drops them.
    /// - Parameter prepare: says which, and copies their towers; one change is made after the other.
    func changeSpaces(
        _ prepare: @escaping @Sendable (CollectionBase) throws(BelfryError) -> SpaceChange
    ) async throws(BelfryError) {
        guard !queue.withLock({ $0.isClosed }) else { throw closed }
        try await onThread(changes) { () throws(BelfryError) in
            let base = self.base
            let change = try prepare(base)
            do throws(BelfryError) {
                // Most of what is in the table is sealed while others write; then they wait for the rest.
                try self.maintenance.seal(self)
                try self.thread.wait { () throws(BelfryError) in
                    // What a log that failed may have of the old kinds of vector is sealed, or cut off.
                    try self.core.withLock { core throws(BelfryError) in try core.openLog() }
                    try self.maintenance.seal(self)
                    try self.maintenance.changeSpaces(self, change)
                }
            } catch {
                // Where it was closed, or nobody knows what the catalogue lists, the next writer removes what is not.
                if !self.core.withLock({ $0.isClosed }) {
                    base.layout.removeTowers(of: change.added, but: self.base.configuration)
                }
                throw error
            }
        }
    }

    /// Takes no more batches, ends what is under way, and lets go of the lock.
    func close(endingMerges endsMerges: Bool) async throws(BelfryError) {
        let isFirst = queue.withLock { queue in
            defer { queue.isClosed = true }
            return !queue.isClosed
        }
        guard isFirst else { return }
        // No change of the kinds of vector goes on behind the end.
        try await onThread(changes) { () throws(BelfryError) in }
        try await behindAll { () throws(BelfryError) in
            // Whatever fails: nobody writes from here on, and another process may.
            defer {
                self.core.withLock { core in
                    core.isClosed = true
                    core.log = nil
                }
                self.lock.release()
            }
            try self.maintenance.close(
                logged: self.core.withLock { $0.log?.syncedLSN }, endingMerges: endsMerges)
        }
    }

    /// Does something when all batches that wait are done.
    private func behindAll(_ body: @escaping @Sendable () throws(BelfryError) -> Void) async throws(BelfryError) {
        try await onThread(thread, body)
    }

    private func onThread(
        _ thread: DispatchQueue, _ body: @escaping @Sendable () throws(BelfryError) -> Void
    ) async throws(BelfryError) {
        let result: Result<Void, BelfryError> = await withCheckedContinuation { answer in
            thread.async {
                do throws(BelfryError) {
                    answer.resume(returning: .success(try body()))
                } catch {
                    answer.resume(returning: .failure(error))
                }
            }
        }
        try result.get()
    }
}

extension Writer.Core {
    /// Applies the first of some batches, as many as the table has room for, and makes them durable.
    /// - Returns: A result for each of those, none where the table must be sealed before; and what is to be seen now.
    fileprivate mutating func commit(
        _ batches: ArraySlice<WriteBatch>
    ) throws(BelfryError) -> ([Result<WriteResult, BelfryError>], View) {
        try openLog()
        guard let log else { preconditionFailure("it was opened") }
        var (results, logged) = ([Result<WriteResult, BelfryError>](), [[LogOperation]]())
        var (next, vectors) = (state, state.noVectors)
        let stored = try next.stored(batches.flatMap(\.ids))
        for batch in batches {
            let (before, amounts) = (next, vectors.amounts)
            do throws(BelfryError) {
                let own = try batch.vectors(for: state.base)
                guard results.isEmpty || batch.staged == nil && next.hasRoom(for: zip(amounts, own).map(+)) else {
                    break
                }
                if batch.staged != nil { next.makeRoom(for: own) }
                let (decided, result) = try next.apply(batch, lsn: before.lsn + 1, stored, &vectors)
                // How many words there are in payloads shows only now.
                if !next.holds(vectors) {
                    guard results.isEmpty, before.pending[0].isUnused else {
                        next = before
                        vectors.keep(amounts)
                        break
                    }
                    next.enlarge(for: vectors)
                }
                // What a batch has itself was looked at before; how many points its filters find, nobody knew.
                guard batch.filters.isEmpty || decided.reduce(0, { $0 + $1.mostBytes }) <= LogFile.recordLimit else {
                    throw BelfryError(
                        .invalidInput, "The points that pass the batch's filters are too many for one batch.",
                        at: .init(file: state.base.path), remedy: "Do it in several steps, with narrower filters.")
                }
                if decided.isEmpty {
                    // Nothing to remember: the number stays free.
                    next = before
                } else {
                    // Its conditions are decided again by who reads it, and in the same way.
                    logged.append(batch.staged.map { [.publish($0)] } ?? decided)
                    if let batch = batch.staged { staged.append((batch, next.lsn)) }
                }
                results.append(.success(result.asOf(next.lsn)))
            } catch {
                next = before
                vectors.keep(amounts)
                results.append(.failure(error))
            }
        }
        if !logged.isEmpty {
            let lsns = try log.append(logged)
            precondition(lsns.upperBound == next.lsn, "the log counts as the state does")
            try log.sync()
            CrashPoint.batchLogged.reach()
        }
        next.publish(vectors)
        state = next
        return (results, state.view)
    }

    /// Begins the next file of the log.
    mutating func beginNextLogFile() throws(BelfryError) {
        try openLog()
        try log?.startNext()
    }

    /// Opens the log again after a failure.
    fileprivate mutating func openLog() throws(BelfryError) {
        guard !isClosed else {
            throw BelfryError(.conflict, "The collection was closed.", at: .init(file: state.base.path))
        }
        if let log, !log.isBroken { return }
        // What it had beyond the state looks as if it were on disk, and need not be.
        try log?.abandon()
        log = nil
        var (next, vectors) = (state, state.noVectors)
        let log = try LogWriter(state.base.layout.log, from: state.lsn + 1, applied: state.lsn) {
            lsn, operations throws(BelfryError) in
            let all = try StagedBatch.unfolding(operations, in: next.base.layout.batches)
            if all.count > operations.count { try next.makeRoom(forAll: all) }
            try next.replay(lsn, all, &vectors)
        }
        next.publish(vectors)
        (state, self.log) = (next, log)
    }
}

extension WriteState {
    /// What the catalogue has of those points that were not written to since.
    func stored(_ ids: [PointID]) throws(BelfryError) -> [PointID: Catalogue.PointRow] {
        let unknown = Set(unknown(ids))
        guard !unknown.isEmpty else { return [:] }
        return try base.catalogue.read { transaction in
            var stored: [PointID: Catalogue.PointRow] = [:]
            for id in unknown { stored[id] = try transaction.point(id) }
            return stored
        }
    }
}
