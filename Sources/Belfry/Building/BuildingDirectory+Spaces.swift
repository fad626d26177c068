import Files
import Neighbors
import Shards
import Vectors

// Kinds of vector that a build does not make: those of versions, and those that others have set. They are taken over.
extension BuildingDirectory {
    /// Takes over the vectors that points had beside those of the build. A tower's are taken over as long as what they were
    /// made of is the same.
    /// - Returns: What was written of each space.
    func carrySpaces(
        _ memory: MemoryBudget, threads: Int
    ) throws(BelfryError) -> [(space: VectorSpace, segments: [Catalogue.SegmentRow])] {
        guard let view = previous?.view else { return [] }
        var carried: [(space: VectorSpace, segments: [Catalogue.SegmentRow])] = []
        var number = (segments.last?.number ?? 0) + 1
        for (place, space) in view.configuration.spaces.enumerated()
        where !space.name.isEmpty && space.words == nil {
            var written: [Catalogue.SegmentRow] = []
            let sources = view.segments(of: place)
            let places = try keptPlaces(sources, space, view)
            let most =
                space.kind == .dense
                ? try memory.segmentRows(
                    SegmentMemory(dimension: space.dimension, metric: space.metric, kind: nil), of: places.count,
                    beside: 0) : places.count
            var segment = GatheredSegment(
                number: number, space: space, layout: layout, source: .init(sources, space.kind))
            (segment.index, segment.threads) = (.kind(sources.usualKind), threads)
            segment.queries = try sources.keptQueries(view.base.layout)
            for range in EqualParts.of(places.count, most: most) where !range.isEmpty {
                segment.number = number
                written.append(try segment.write(Array(places[range])))
                number += 1
            }
            for part in view.pending {
                let rows = part.vectors[place]
                let kept = try kept(rows.alive.map { (part.point(ofRow: $0, in: place).id, $0) }, space, view)
                guard !kept.isEmpty else { continue }
                let folder = try SegmentFolder(number, of: space.name, layout)
                try rows.rows.write(kept.map(\.row), ids: kept.map(\.id), space, in: folder)
                written.append(try folder.finish(.exact, ids: kept.map(\.id), slots: kept.map(\.slot)))
                number += 1
            }
            carried.append((space, written))
        }
        return carried
    }

    /// Where the vectors are that stay, with the slots that their points have now.
    private func keptPlaces(
        _ sources: [LiveSegment], _ space: VectorSpace, _ view: View
    ) throws(BelfryError) -> [SegmentRows.Place] {
        var places: [SegmentRows.Place] = []
        for (index, live) in sources.enumerated() {
            var alive: [(PointID, Int)] = []
            for row in 0..<live.segment.rows where !live.isDead(row) {
                alive.append((try live.segment.ids.id(row), row))
            }
            for (id, row, slot) in try kept(alive, space, view) {
                places.append(.init(id: id, shard: UInt32(index), row: UInt32(row), slot: slot))
            }
        }
        return places
    }

    /// Those rows whose points are still there, and still what the vectors were made of.
    private func kept(
        _ rows: [(id: PointID, row: Int)], _ space: VectorSpace, _ view: View
    ) throws(BelfryError) -> [(id: PointID, row: Int, slot: Slot)] {
        try catalogue.read { transaction in
            var kept: [(id: PointID, row: Int, slot: Slot)] = []
            for (id, row) in rows {
                guard let point = try transaction.point(id) else { continue }
                if space.tower != nil, try view.storedPoint(id)?.source != point.source { continue }
                kept.append((id, row, point.slot))
            }
            return kept
        }
    }
}

extension [LiveSegment] {
    /// What the largest of them has.
    fileprivate var usualKind: IndexKind {
        self.max { $0.segment.rows < $1.segment.rows }?.segment.record.kind ?? .exact
    }
}
