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

    /// An empty table, which takes any batch that the log can have in a record.
    /// - Parameters:
    ///   - number: of the first of the segments that it will be, one for each space.
    ///   - amounts: what it must have room for in each space, beside the usual.
    func newTable(_ number: Int, beside amounts: [NewVectors.Amount] = []) -> PendingPoints {
        table(number, times: 1, beside: amounts)
    }

    /// A table that takes all that a log may have: what was being sealed, and what was written meanwhile.
    func tableOfLog(_ number: Int) -> PendingPoints { table(number, times: 64) }

    private func table(_ number: Int, times factor: Int, beside amounts: [NewVectors.Amount] = []) -> PendingPoints {
        PendingPoints(
            configuration.spaces.enumerated().map { place, space in
                let more = amounts.isEmpty ? NewVectors.Amount() : amounts[place]
                let table = PendingTable(
                    space, rowLimit: factor * max(Self.rowsNow, WriteLimits.logged) + more.vectors,
                    byteLimit: factor * Self.tableBytes + space.mostBytes(of: more))
                return PendingVectors(table, number: number + place, limit: Self.rowsNow + more.vectors)
            })
    }

    /// The collection as the catalogue has it, without a table.
    /// - Throws: `corruptData` with file and place.
    func readState() throws(BelfryError) -> WriteState {
        let (rows, state) = try catalogue.read { (try $0.segments(), try $0.state()) }
        guard state.schema ?? 0 == schema else { throw changedSchema }
        var segments: [LiveSegment] = []
        for row in rows {
            let record = try SegmentRecord(row, layout)
            let segment = try CollectionSegment(row.number, rows: row.rows, record, layout, configuration)
            segments.append(LiveSegment(segment: segment, dead: try dead(row)))
        }
        guard segments.count == state.segments else {
            throw .corrupt(
                "The catalogue lists \(segments.count) segments; it should list \(state.segments).",
                at: .init(file: layout.catalogue))
        }
        for (place, space) in configuration.spaces.enumerated() {
            let rows = segments.reduce(0) { $1.segment.space == place ? $0 + $1.count : $0 }
            let wanted = state.vectors.map { $0[space.name] ?? 0 } ?? state.points
            guard rows == wanted else {
                throw .corrupt(
                    "The segments have \(rows) \(space.title); the catalogue says \(wanted).",
                    at: .init(file: layout.catalogue))
            }
        }
        if state.hasLog == true, try !hasLogFile() {
            throw BelfryError(
                .corruptData, "The log is missing: writes that were acknowledged may be in it alone.",
                at: .init(file: layout.log), remedy: "Copy the collection with its log, or restore a snapshot.")
        }
        let fields = try catalogue.read { try $0.fieldRecord() }
        return WriteState(
            base: self, segments: segments, pending: [], count: state.points, nextSlot: state.nextSlot, lsn: state.lsn,
            proven: state.proven,
            catalogued: try CatalogueFilter(lsn: state.lsn, fields))
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
                let opened = if let known, try known.isOfThisSchema() { known } else { try CollectionBase(layout) }
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
        var vectors = NewVectors(spaces: configuration.spaces.count)
        _ = try LogReader(layout.log).replay(from: known + 1, applied: state.proven) {
            lsn, operations throws(BelfryError) in
            try state.replay(lsn, StagedBatch.unfolding(operations, in: layout.batches), &vectors)
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
        do throws(BelfryError) {
            let amounts = try WriteBatch.amounts(operations, base.configuration)
            for (space, amount) in amounts.enumerated() {
                guard pending[0].vectors[space].table.hasRoom(for: vectors.amounts[space] + amount) else {
                    throw .corrupt(
                        "The log has more vectors than any writer leaves in it.", at: .init(file: base.layout.log))
                }
            }
            let stored = try stored(operations.flatMap(\.ids))
            _ = try withoutLimits { state throws(BelfryError) in
                try state.apply(operations, lsn: lsn, stored, &vectors)
            }
            guard !holds(vectors) else { return }
            // The words of its payloads are more than a table takes: the writer has made a larger one for them.
            guard pending[0].hasEmptyTables else {
                throw .corrupt("The log has more words than any writer leaves in it.", at: .init(file: base.layout.log))
            }
            enlarge(for: vectors)
        } catch {
            // A batch that was acknowledged can be carried out.
            guard error.code == .invalidInput else { throw error }
            throw .corrupt("LSN \(lsn) of the log: \(error.message)", at: .init(file: base.layout.log))
        }
    }
}

extension VectorSpace {
    /// Bytes of a table that so many vectors take, at the most.
    fileprivate func mostBytes(of amount: NewVectors.Amount) -> Int {
        let components =
            switch kind {
            case .dense: amount.vectors * dimension
            case .sparse: amount.parts * 2
            case .multi: amount.parts * dimension
            }
        // Codes, scales and tags beside the components; and a chunk may be left half empty.
        return components * 6 + amount.vectors * 64 + (amount.vectors == 0 ? 0 : 1 << 20)
    }
}
