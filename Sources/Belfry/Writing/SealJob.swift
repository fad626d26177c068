import Files
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
    let nextSlot: UInt64
    /// The last write that it has.
    let lsn: UInt64

    /// A segment that was written, and which rows of the table are in it, in order.
    typealias Written = (row: Catalogue.SegmentRow, rows: [Int])

    /// Puts the table aside and begins the next one, with a log file of its own.
    init(beginningNextTableOf core: inout Writer.Core, number: Int) throws(BelfryError) {
        try core.beginNextLogFile()
        pending = core.state.pending[0]
        dead = Dictionary(
            uniqueKeysWithValues: core.state.segments.compactMap { live in
                live.dead.map { (live.segment.number, $0) }
            })
        (points, nextSlot, lsn) = (core.state.count, core.state.nextSlot, core.state.lsn)
        core.state.pending.insert(core.state.base.newTable(number), at: 0)
        core.sealing = self
    }

    /// The rows that are alive.
    private var alive: [Int] { (0..<pending.rows.count).filter { !pending.dead.contains($0) } }

    /// The segment that the catalogue lists already, and whether it is as far as the job: a transaction that failed at its
    /// very end may have been done after all. Its files must not be touched then.
    func listed(_ catalogue: Catalogue) throws(BelfryError) -> (isRecorded: Bool, written: Written?) {
        try catalogue.read { transaction in
            guard try transaction.state().lsn >= lsn else { return (false, nil) }
            let row = try transaction.segments().first { $0.number == pending.number }
            return (true, row.map { ($0, alive) })
        }
    }

    /// Writes the rows that are alive; nil where none is.
    func writeSegment(_ base: CollectionBase) throws(BelfryError) -> Written? {
        let alive = alive
        guard !alive.isEmpty else { return nil }
        let rows = Matrix(rows: alive.count, columns: base.configuration.dimension)
        for (place, row) in alive.enumerated() { _ = rows.row(place).update(fromContentsOf: pending.rows.row(row)) }
        let folder = try SegmentFolder(pending.number, base.layout)
        let ids = alive.map { pending.point(ofRow: $0).id }
        let builder = SegmentBuilder(
            metric: base.configuration.metric, kind: .exact, elementType: base.configuration.element)
        try builder.build(rows, ids: { ids[$0] }, in: folder.path)
        let row = try folder.finish(.exact, ids: ids, slots: alive.map { pending.rows.tag($0) })
        return (row, alive)
    }

    /// Brings the catalogue to where the job is.
    func record(
        _ transaction: Catalogue.Transaction, _ written: Written?, _ recorded: [Int: RowSet]
    ) throws {
        guard try transaction.state().lsn < lsn else { return try transaction.confirm() }
        try pending.forEach { slot, point in
            guard let content = point.content else { return try transaction.removePoint(slot) }
            try transaction.replace(
                .init(
                    slot: slot, id: point.id, key: content.key, payload: content.payload, version: point.version,
                    source: content.source))
        }
        var segments = try transaction.segments()
        for (place, segment) in segments.enumerated() {
            guard let dead = dead[segment.number], dead != recorded[segment.number] else { continue }
            segments[place].dead = dead.bytes
            try transaction.replace(segments[place])
        }
        if let written { try transaction.insert(written.row) }
        try transaction.put(
            CatalogueState(
                points: points, segments: segments.count + (written == nil ? 0 : 1), nextSlot: nextSlot, lsn: lsn,
                hasLog: true))
    }

    /// Puts the segment in the place of the table. Rows that died meanwhile are dead in it.
    func publish(_ core: inout Writer.Core, _ segment: CollectionSegment?, _ rows: [Int]) {
        let last = core.state.pending.removeLast()
        precondition(last.number == pending.number, "one table at a time is sealed")
        if let segment {
            var live = LiveSegment(segment: segment)
            for (place, row) in rows.enumerated() where last.dead.contains(row) { live.kill(place) }
            core.state.segments.append(live)
            core.state.plans = PlanCache()
        }
        core.recorded = dead
        core.sealing = nil
    }
}
