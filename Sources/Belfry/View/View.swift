package import Files
import Neighbors
package import Shards
import Synchronization
import Vectors

/// A collection as it was at one moment: what a search runs on. It never changes.
///
/// Its points are those of the catalogue, but for those that were written since: they are pending. Their vectors lie in
/// segments, which are searched by index, and in memtables, which are scanned.
package final class View: Sendable {
    let base: CollectionBase
    let segments: [LiveSegment]
    /// What the catalogue does not have yet, the newest first: what is being written, and what is being sealed.
    let pending: [PendingPoints]
    /// How many points there are.
    package let count: Int
    /// The last write that it has.
    let lsn: UInt64
    let plans: PlanCache
    let filters = Mutex<[[PayloadCondition]: PointSet]>([:])

    /// - Parameter plans: those of a view of the same segments; nil where they are others.
    init(
        _ base: CollectionBase, _ segments: [LiveSegment], _ pending: [PendingPoints] = [], count: Int, lsn: UInt64,
        plans: PlanCache? = nil
    ) {
        (self.base, self.segments, self.pending) = (base, segments, pending)
        (self.count, self.lsn, self.plans) = (count, lsn, plans ?? PlanCache())
    }

    var catalogue: Catalogue { base.catalogue }
    var configuration: CollectionConfiguration { base.configuration }
    var path: String { base.path }

    /// The segment with most rows: what is said of the index is said of this one.
    var mainSegment: CollectionSegment? { segments.max { $0.segment.rows < $1.segment.rows }?.segment }

    /// What finds near rows.
    package var indexKind: IndexKind { mainSegment?.index.kind ?? .exact }

    /// What the expected recall was measured on.
    package var calibrationSource: CalibrationSource {
        plans.source { CalibrationSource(mainSegment?.index.calibration, base.index.queries) }
    }
}

// MARK: reading the catalogue

extension View {
    /// Reads the catalogue, which must not have what this view does not have: a filter, a payload and a vector of an answer
    /// are of one moment.
    /// - Throws: ``overtaken`` where it has been brought up to date since.
    func read<Result>(_ body: (Catalogue.Transaction) throws -> Result) throws(BelfryError) -> Result {
        try catalogue.read { transaction in
            guard try transaction.lsn() <= lsn else { throw overtaken }
            return try body(transaction)
        }
    }

    /// What is thrown where a newer view has to be taken.
    var overtaken: BelfryError {
        BelfryError(.conflict, BelfryError.overtaken, at: .init(file: path), remedy: "Do it again.")
    }
}

extension BelfryError {
    fileprivate static let overtaken = "The collection was written to meanwhile."

    /// Whether a view was older than the catalogue: the same on a newer view is right.
    var isOvertaken: Bool { code == .conflict && message == Self.overtaken }
}

// MARK: where points are

extension View {
    /// The slots of points, in their order; nil for those that are not there.
    func slots(of ids: [PointID]) throws(BelfryError) -> [Slot?] {
        let written = ids.map(pendingPoint(_:))
        if written.allSatisfy({ $0 != nil }) { return written.map { $0?.point.content == nil ? nil : $0?.slot } }
        return try read { transaction in
            try zip(ids, written).map { id, written in
                guard let written else { return try transaction.point(id)?.slot }
                return written.point.content == nil ? nil : written.slot
            }
        }
    }

    /// Where the vector of a slot lies; nil where it has none.
    func place(of slot: Slot) -> PointPlace? {
        for part in pending {
            guard let point = part[slot] else { continue }
            guard let content = point.content else { return nil }
            if let row = content.row { return PointPlace(segment: part.number, row: row) }
        }
        for live in segments.reversed() {
            if let row = live.segment.slots.row(of: slot), !live.isDead(row) {
                return PointPlace(segment: live.segment.number, row: row)
            }
        }
        return nil
    }

    /// Where the points of these names lie; those that are not there are left out.
    func places(_ names: [String]) throws(BelfryError) -> [PointPlace] {
        guard !names.isEmpty else { return [] }
        return try slots(of: names.map { PointName($0).id }).compactMap { $0.flatMap(place(of:)) }
    }

    /// The point whose vector lies at a place of this view.
    func id(at place: PointPlace) throws(BelfryError) -> PointID? {
        if let part = pending.first(where: { $0.number == place.segment }) {
            return part.point(ofRow: place.row).id
        }
        return try segments.first { $0.segment.number == place.segment }?.segment.ids.id(place.row)
    }

    /// The vector at a place of this view, widened to f32.
    package func vector(at place: PointPlace) throws(BelfryError) -> [Float] {
        if let part = pending.first(where: { $0.number == place.segment }) { return part.rows.row(place.row) }
        guard let live = segments.first(where: { $0.segment.number == place.segment }) else {
            preconditionFailure("a place of this view")
        }
        return try live.segment.vectors.row(place.row)
    }

    /// Where every vector lies, and whose it is, as the segments say it: the catalogue is not read.
    package func places() throws(BelfryError) -> [(id: PointID, place: PointPlace)] {
        var places: [(id: PointID, place: PointPlace)] = []
        places.reserveCapacity(count)
        for live in segments {
            for row in 0..<live.segment.rows where !live.isDead(row) {
                places.append((try live.segment.ids.id(row), PointPlace(segment: live.segment.number, row: row)))
            }
        }
        for part in pending {
            for row in 0..<part.rows.count where !part.dead.contains(row) {
                places.append((part.point(ofRow: row).id, PointPlace(segment: part.number, row: row)))
            }
        }
        return places
    }

    /// The points at these places.
    package func pointSet(at places: some Sequence<PointPlace>) -> PointSet {
        var set = PointSet()
        for live in segments { set.rows[live.segment.number] = RowSet(capacity: live.segment.rows) }
        for part in pending { set.rows[part.number] = RowSet(capacity: part.rows.count) }
        for place in places { set.rows[place.segment]?.insert(place.row) }
        return set
    }
}
