import Files
import HashTreeCollections
import Neighbors
import Shards
import Vectors

/// The table that was put aside, on its way to a segment and into the catalogue.
struct SealJob: Sendable {
    /// What was written up to then.
    let pending: PendingPoints
    /// The dead rows of all segments, as they were then.
    let dead: [Int: RowSet]
    let points: Int
    /// How many points have a vector in each space.
    let vectors: [String: Int]
    let nextSlot: UInt64
    /// The last write that it has.
    let lsn: UInt64

    /// A segment of a space that was written, and which rows of the table are in it, in order.
    typealias Written = (space: Int, row: Catalogue.SegmentRow, rows: [Int])

    /// Puts the table aside and begins the next one, with a log file of its own.
    init(beginningNextTableOf core: inout Writer.Core, number: Int) throws(BelfryError) {
        try core.beginNextLogFile()
        pending = core.state.pending[0]
        dead = Dictionary(
            uniqueKeysWithValues: core.state.segments.compactMap { live in
                live.dead.map { (live.segment.number, $0) }
            })
        (points, nextSlot, lsn) = (core.state.count, core.state.nextSlot, core.state.lsn)
        vectors = core.state.vectorCounts
        core.state.pending.insert(core.state.base.newTable(number), at: 0)
        core.sealing = self
    }

    /// The segments that the catalogue lists already; nil where it is not as far as the job. A transaction that failed at its
    /// very end may have been done after all: the files must not be touched then.
    func listed(_ catalogue: Catalogue) throws(BelfryError) -> [Written]? {
        try catalogue.read { transaction in
            guard try transaction.state().lsn >= lsn else { return nil }
            return try transaction.segments().compactMap { row in
                pending.space(ofSegment: row.number).map { ($0, row, pending.vectors[$0].alive) }
            }
        }
    }

    /// Writes the rows that are alive, a segment for each space that has some.
    func writeSegments(_ base: CollectionBase) throws(BelfryError) -> [Written] {
        var written: [Written] = []
        for (place, space) in base.configuration.spaces.enumerated() {
            let vectors = pending.vectors[place]
            let alive = vectors.alive
            guard !alive.isEmpty else { continue }
            let folder = try SegmentFolder(vectors.number, of: space.name, base.layout)
            let ids = alive.map { pending.point(ofRow: $0, in: place).id }
            try vectors.rows.write(alive, ids: ids, space, in: folder)
            let row = try folder.finish(.exact, ids: ids, slots: alive.map { vectors.rows.slot($0) })
            written.append((place, row, alive))
        }
        return written
    }

    /// What the catalogue is to list of the indexes of payload fields, and these where they are open already. Where much was
    /// written since their files were made, there are new ones.
    /// - Parameters:
    ///   - before: the catalogue as the job found it.
    ///   - known: what that lists.
    func fields(
        _ before: CatalogueFilter, _ known: FieldRecord, _ base: CollectionBase
    ) throws(BelfryError) -> (FieldRecord, FieldIndexes?) {
        guard !known.entries.isEmpty else { return (known, nil) }
        var record = known
        record.slots = Array(Set(record.slots).union(pending.changes)).sorted()
        guard record.slots.count > max(Self.fewChanges, points / 20) else {
            guard let opened = before.opened else { return (record, nil) }
            return (record, try adding(to: opened, base))
        }
        // One whose file is damaged is made anew.
        let fields = try known.fields()
        let opened = try base.catalogue.read { try before.indexes(base.layout, $0) }
        let isWhole = fields.allSatisfy { opened.indexes[$0] != nil }
        let whole = isWhole ? opened : try FieldIndexes(fields, over: base.catalogue)
        record = try FieldRecord(
            writing: adding(to: whole, base), upTo: lsn, from: FieldRecord.nextFile(base.layout), base.layout)
        return (record, nil)
    }

    /// Indexes with what the table says.
    private func adding(to before: FieldIndexes, _ base: CollectionBase) throws(BelfryError) -> FieldIndexes {
        var indexes = before
        try pending.forEach { (slot, point) throws(BelfryError) in
            guard let content = point.content else { return indexes.remove(slot) }
            indexes.insert(slot, payload: try StoredPoint(slot, point, content, base.catalogue.path).payload())
        }
        return indexes
    }

    /// So many changed points are looked at one by one for every filter.
    private static let fewChanges = 5_000

    /// Brings the catalogue to where the job is.
    func record(
        _ transaction: Catalogue.Transaction, _ written: [Written], _ recorded: [Int: RowSet], _ fields: FieldRecord
    ) throws {
        guard try transaction.state().lsn < lsn else { return try transaction.confirm() }
        try pending.forEach { slot, point in
            guard let content = point.content else { return try transaction.removePoint(slot) }
            try transaction.replace(
                .init(
                    slot: slot, id: point.id, key: content.key, payload: content.payload, version: point.version,
                    source: content.source))
        }
        for (user, changes) in pending.seen {
            var list = try transaction.seen(by: user.text) ?? SeenList()
            list.apply(changes)
            try list.findSlots { try transaction.slot(of: $0) }
            try transaction.put(list, seenBy: user.text)
        }
        var segments = try transaction.segments()
        for (place, segment) in segments.enumerated() {
            guard let dead = dead[segment.number], dead != recorded[segment.number] else { continue }
            segments[place].dead = dead.bytes
            try transaction.replace(segments[place])
        }
        for one in written { try transaction.insert(one.row) }
        if !fields.entries.isEmpty { try transaction.put(fields) }
        try transaction.put(
            CatalogueState(
                points: points, vectors: vectors, segments: segments.count + written.count,
                schema: try transaction.state().schema, nextSlot: nextSlot, lsn: lsn, hasLog: true))
    }

    /// Puts the segments in the place of the table. Rows that died meanwhile are dead in them.
    /// - Parameter segments: those that were written, in their order.
    func publish(
        _ core: inout Writer.Core, _ segments: [CollectionSegment], _ written: [Written], _ catalogued: CatalogueFilter
    ) {
        let last = core.state.pending.removeLast()
        precondition(last.vectors[0].number == pending.vectors[0].number, "one table at a time is sealed")
        for (segment, written) in zip(segments, written) {
            var live = LiveSegment(segment: segment)
            let dead = last.vectors[written.space].dead
            for (place, row) in written.rows.enumerated() where dead.contains(row) { live.kill(place) }
            core.state.segments.append(live)
        }
        if !segments.isEmpty { core.state.plans = PlanCache() }
        core.state.catalogued = catalogued
        core.recorded = dead
        core.sealing = nil
    }
}
