import Files
import Foundation
import Neighbors
import Shards
import Synchronization
import Vectors

extension CollectionBase {
    /// Rows of a table: so many are scanned in well under a millisecond. Tests want small ones.
    static let tableRows = Atomic(
        ProcessInfo.processInfo.environment["BELFRY_TABLE_ROWS"].flatMap { Int($0) } ?? 20_000)
    private static var rowsNow: Int { max(1, tableRows.load(ordering: .relaxed)) }
    /// Bytes of a table: a batch of the largest size fits into it.
    private static let tableBytes = 48 << 20

    /// An empty table, which takes any batch.
    /// - Parameter number: of the segment that it will be.
    func newTable(_ number: Int) -> PendingPoints {
        let memtable = Memtable(
            dimension: configuration.dimension, metric: configuration.metric,
            rowLimit: max(Self.rowsNow, WriteLimits.batch), byteLimit: Self.tableBytes)
        return PendingPoints(memtable, number: number, limit: min(Self.rowsNow, memtable.capacity))
    }

    /// A table that takes all that a log may have: what was being sealed, and what was written meanwhile.
    func tableOfLog(_ number: Int) -> PendingPoints {
        let memtable = Memtable(
            dimension: configuration.dimension, metric: configuration.metric,
            rowLimit: 64 * max(Self.rowsNow, WriteLimits.batch),
            byteLimit: 64 * Self.tableBytes)
        return PendingPoints(memtable, number: number, limit: Self.rowsNow)
    }

    /// The collection as the catalogue has it, without a table.
    /// - Throws: `corruptData` with file and place.
    func readState() throws(BelfryError) -> WriteState {
        let (rows, state) = try catalogue.read { (try $0.segments(), try $0.state()) }
        var segments: [LiveSegment] = []
        for row in rows {
            let record = try SegmentRecord(row, layout)
            let segment = try CollectionSegment(row.number, rows: row.rows, record, layout, configuration)
            segments.append(LiveSegment(segment: segment, dead: try dead(row)))
        }
        let points = segments.reduce(0) { $0 + $1.count }
        guard segments.count == state.segments, points == state.points else {
            throw .corrupt(
                "The catalogue lists \(segments.count) segments with \(points) points; it should list "
                    + "\(state.segments) with \(state.points).", at: .init(file: layout.catalogue))
        }
        if state.hasLog == true, try !hasLogFile() {
            throw BelfryError(
                .corruptData, "The log is missing: writes that were acknowledged may be in it alone.",
                at: .init(file: layout.log), remedy: "Copy the collection with its log, or restore a snapshot.")
        }
        return WriteState(
            base: self, segments: segments, pending: [], count: points, nextSlot: state.nextSlot, lsn: state.lsn,
            proven: state.proven)
    }

    private func hasLogFile() throws(BelfryError) -> Bool {
        guard System.isDirectory(layout.log) else { return false }
        return try System.list(layout.log).contains { LogFile.number(of: $0) != nil }
    }

    /// Reads a collection that others may write to, or replace, meanwhile.
    /// - Parameter known: a base of the same collection that is open, which is not opened again.
    static func readLatest(_ layout: CollectionLayout, known: CollectionBase? = nil) throws(BelfryError) -> View {
        var last: String?
        while true {
            let identity = FileIdentity(layout.path)
            var base = known
            do throws(BelfryError) {
                if let known, !known.isInPlace { throw known.replaced }
                let opened = if let known { known } else { try CollectionBase(layout) }
                base = opened
                let view = try opened.readView()
                if FileIdentity(layout.path) == identity { return view }
            } catch {
                // What is missing may just have been merged, or sealed: then it is not missing any more.
                let lsn = try? base?.catalogue.read { try $0.lsn() }
                let failure = "\(lsn ?? 0): \(error)"
                if FileIdentity(layout.path) == identity, failure == last { throw error }
                last = failure
            }
        }
    }

    /// The collection as catalogue and log have it now: for a reader, which changes nothing.
    /// - Throws: `corruptData` with file and place; `conflict` where the catalogue was brought up to date meanwhile.
    func readView() throws(BelfryError) -> View {
        var state = try readState()
        guard System.exists(layout.log) else { return state.view }
        let known = state.lsn
        state.pending = [tableOfLog(state.nextNumber)]
        var vectors = NewVectors()
        _ = try LogReader(layout.log).replay(from: known + 1, applied: state.proven) {
            lsn, operations throws(BelfryError) in try state.replay(lsn, operations, &vectors)
        }
        state.publish(vectors)
        let view = state.view
        // What the log leads to begins where the catalogue was.
        guard try catalogue.read({ try $0.lsn() }) == known else { throw view.overtaken }
        return view
    }

    /// Which rows of a segment are dead.
    private func dead(_ row: Catalogue.SegmentRow) throws(BelfryError) -> RowSet? {
        guard !row.dead.isEmpty else { return nil }
        guard let rows = RowSet(bytes: row.dead, capacity: row.rows) else {
            throw .corrupt(
                "The dead rows of segment \(row.number) do not fit its \(row.rows) rows.",
                at: .init(file: layout.catalogue))
        }
        return rows
    }
}

extension WriteState {
    /// Carries out a batch that the log has.
    mutating func replay(
        _ lsn: UInt64, _ operations: [LogOperation], _ vectors: inout NewVectors
    ) throws(BelfryError) {
        let memtable = pending[0].rows.memtable
        let count = memtable.count + vectors.count + operations.count { $0.vector != nil }
        guard count <= memtable.capacity else {
            throw .corrupt("The log has more vectors than any writer leaves in it.", at: .init(file: base.layout.log))
        }
        do throws(BelfryError) {
            _ = try apply(operations, lsn: lsn, stored(operations.flatMap(\.ids)), &vectors)
        } catch {
            // A batch that was acknowledged can be carried out.
            guard error.code == .invalidInput else { throw error }
            throw .corrupt("LSN \(lsn) of the log: \(error.message)", at: .init(file: base.layout.log))
        }
    }
}
