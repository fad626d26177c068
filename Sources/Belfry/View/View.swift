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
    /// All slots are below this.
    let slotBound: Int
    /// What filters find in the catalogue.
    let catalogued: CatalogueFilter
    let filters = FilterCache()
    let seenPoints = SeenPointsCache()

    /// - Parameter plans: those of a view of the same segments; nil where they are others.
    init(
        _ base: CollectionBase, _ segments: [LiveSegment], _ pending: [PendingPoints] = [], count: Int, lsn: UInt64,
        slotBound: Int, catalogued: CatalogueFilter, plans: PlanCache? = nil
    ) {
        (self.base, self.segments, self.pending) = (base, segments, pending)
        (self.count, self.lsn, self.plans) = (count, lsn, plans ?? PlanCache())
        (self.slotBound, self.catalogued) = (slotBound, catalogued)
    }

    var catalogue: Catalogue { base.catalogue }
    package var configuration: CollectionConfiguration { base.configuration }
    var path: String { base.path }

    /// The segments of a space.
    func segments(of space: Int) -> [LiveSegment] { segments.filter { $0.segment.space == space } }

    /// The segment of a space with most rows: what is said of the index is said of this one.
    func mainSegment(of space: Int = 0) -> CollectionSegment? {
        segments(of: space).max { $0.segment.rows < $1.segment.rows }?.segment
    }

    /// How many points have a vector in a space.
    package func count(in space: Int) -> Int {
        segments(of: space).reduce(0) { $0 + $1.count } + pending.reduce(0) { $0 + $1.vectors[space].liveRows }
    }

    /// The number of the last write that it has.
    package var lastWrite: UInt64 { lsn }

    /// How many segments a space has.
    package func segmentCount(of space: Int) -> Int { segments(of: space).count }

    /// What finds near rows of a space.
    package func indexKind(of space: Int = 0) -> IndexKind { mainSegment(of: space)?.record.kind ?? .exact }

    /// What the expected recall was measured on.
    package func calibrationSource(of space: Int = 0) -> CalibrationSource {
        plans.source(of: space) {
            CalibrationSource(mainSegment(of: space)?.dense?.index.calibration, base.index.queries)
        }
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

    /// As ``read(_:)``, for what goes through many points: whoever fetches a few meanwhile does not wait.
    func scan<Result>(_ body: (Catalogue.Transaction) throws -> Result) throws(BelfryError) -> Result {
        try catalogue.scan { transaction in
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

    /// The slots of the points of these names, in their order; nil for those that are not there.
    func slots(of names: [String]) throws(BelfryError) -> [Slot?] {
        names.isEmpty ? [] : try slots(of: names.map { PointName($0).id })
    }

    /// Where the vector of a slot in a space lies; nil where it has none.
    func place(of slot: Slot, in space: Int = 0) -> PointPlace? {
        for part in pending {
            if let place = part.place(of: slot, in: space) { return place }
        }
        for live in segments.reversed() where live.segment.space == space {
            if let row = live.segment.slots.row(of: slot), !live.isDead(row) {
                return PointPlace(segment: live.segment.number, row: row)
            }
        }
        return nil
    }

    /// Where the vectors of the points of these names lie; those that are not there are left out.
    func places(_ names: [String], in space: Int) throws(BelfryError) -> [PointPlace] {
        try slots(of: names).compactMap { $0.flatMap { place(of: $0, in: space) } }
    }

    /// The point whose vector lies at a place of this view.
    func id(at place: PointPlace) throws(BelfryError) -> PointID? {
        for part in pending {
            if let space = part.space(ofSegment: place.segment) { return part.point(ofRow: place.row, in: space).id }
        }
        return try segments.first { $0.segment.number == place.segment }?.segment.ids.id(place.row)
    }

    /// The vector at a place of this view; dense ones are widened to f32.
    package func vector(at place: PointPlace) throws(BelfryError) -> PointVector {
        for part in pending {
            if let space = part.space(ofSegment: place.segment) { return part.vectors[space].rows.vector(place.row) }
        }
        guard let live = segments.first(where: { $0.segment.number == place.segment }) else {
            preconditionFailure("a place of this view")
        }
        return try live.segment.vector(place.row)
    }

    /// Where every vector of a space lies, and whose it is, as the segments say it: the catalogue is not read.
    package func places(in space: Int = 0) throws(BelfryError) -> [(id: PointID, place: PointPlace)] {
        var places: [(id: PointID, place: PointPlace)] = []
        places.reserveCapacity(count)
        for live in segments(of: space) {
            for row in 0..<live.segment.rows where !live.isDead(row) {
                places.append((try live.segment.ids.id(row), PointPlace(segment: live.segment.number, row: row)))
            }
        }
        for part in pending {
            for row in part.vectors[space].alive {
                places.append(
                    (part.point(ofRow: row, in: space).id, PointPlace(segment: part.vectors[space].number, row: row)))
            }
        }
        return places
    }

    /// The points whose vectors in a space are at these places.
    package func pointSet(at places: some Sequence<PointPlace>, in space: Int = 0) -> PointSet {
        var set = PointSet()
        for live in segments(of: space) { set.rows[live.segment.number] = RowSet(capacity: live.segment.rows) }
        for part in pending { set.rows[part.vectors[space].number] = RowSet(capacity: part.vectors[space].rows.count) }
        for place in places { set.rows[place.segment]?.insert(place.row) }
        return set
    }
}
