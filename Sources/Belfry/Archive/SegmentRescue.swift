import Files
import Neighbors
import Shards
import Vectors

/// A segment of which some file is damaged, read as far as that goes.
///
/// Vectors are the truth: what was derived from them (codes, index, postings, calibration) is made anew. Of `ids` and
/// `slots` one is enough, since the catalogue knows both of every point. A vector whose block is damaged is lost.
struct SegmentRescue {
    private let row: Catalogue.SegmentRow
    private let record: SegmentRecord
    private let space: VectorSpace
    private let layout: CollectionLayout
    private let ids: IDsReader?
    private let slots: SegmentSlots?

    init(
        _ row: Catalogue.SegmentRow, _ record: SegmentRecord, _ space: VectorSpace, _ layout: CollectionLayout
    ) {
        (self.row, self.record, self.space, self.layout) = (row, record, space, layout)
        let files = SegmentPaths(layout.segment(row.number))
        ids = Self.isWhole(files.ids) ? Self.whole(row) { () throws(BelfryError) in try IDsReader(files.ids) } : nil
        slots =
            record.firstSlot != nil || Self.isWhole(files.slots)
            ? Self.whole(row) { () throws(BelfryError) in try SegmentSlots(of: row, layout) } : nil
    }

    private static func isWhole(_ file: String) -> Bool { SegmentFile.check(file).isEmpty }

    private static func whole<Reader: RowCounting>(
        _ row: Catalogue.SegmentRow, _ open: () throws(BelfryError) -> Reader
    ) -> Reader? {
        guard let reader = try? open(), reader.count == row.rows else { return nil }
        return reader
    }

    /// Writes the segment anew, with the rows of points that are there and whose vectors can be read.
    /// - Parameters:
    ///   - target: the collection that it is to be in.
    ///   - catalogue: what knows its points.
    /// - Returns: What is to be listed, nil where no row is left; and how many vectors of points were lost.
    func write(
        to target: CollectionLayout, _ catalogue: Catalogue
    ) throws(BelfryError) -> (row: Catalogue.SegmentRow?, lost: Int) {
        let alive = try alive(catalogue)
        let files = SegmentPaths(layout.segment(row.number))
        var segment: GatheredSegment?
        var kept: [SegmentRows.Place] = []
        switch space.kind {
        case .dense:
            guard let shard = try? ShardReader(files.vectors), shard.rowCount == row.rows,
                shard.dimension == space.dimension, shard.elementType == space.element
            else { break }
            let scratch = ShardReader.Scratch()
            let vector = UnsafeMutableBufferPointer<Float>.allocate(capacity: space.dimension)
            defer { vector.deallocate() }
            kept = alive.filter { (try? shard.copyRow(Int($0.row), into: vector, scratch)) != nil }
            segment = GatheredSegment(number: row.number, space: space, layout: target, source: .dense([shard]))
            segment?.index = .kind(record.kind)
            segment?.queries = (try? record.queries?.read(layout.segment(row.number))) ?? []
        case .sparse:
            guard let vectors = try? SparseReader(files.sparse), vectors.rowCount == row.rows else { break }
            kept = alive.filter { (try? vectors.row(Int($0.row))) != nil }
            segment = GatheredSegment(number: row.number, space: space, layout: target, source: .sparse([vectors]))
        case .multi:
            guard Self.isWhole(files.bounds), let vectors = try? MultiSegment(layout.segment(row.number), space),
                vectors.rows == row.rows
            else { break }
            kept = alive.filter { (try? vectors.vectors(Int($0.row))) != nil }
            segment = GatheredSegment(number: row.number, space: space, layout: target, source: .multi([vectors]))
        }
        // Of rows of which neither file says whose they are, all are lost.
        let dead = RowSet(bytes: row.dead, capacity: row.rows)?.count ?? 0
        let all = ids == nil && slots == nil ? row.rows - dead : alive.count
        guard let segment, !kept.isEmpty else { return (nil, all) }
        return (try segment.write(kept), all - kept.count)
    }

    /// The rows whose points are there.
    private func alive(_ catalogue: Catalogue) throws(BelfryError) -> [SegmentRows.Place] {
        let dead = RowSet(bytes: row.dead, capacity: row.rows)
        return try catalogue.read { transaction in
            var places: [SegmentRows.Place] = []
            for number in 0..<row.rows where dead?.contains(number) != true {
                let point =
                    if let slots { try transaction.point(slot: slots.slot(number)) } else if let ids {
                        try transaction.point(ids.id(number))
                    } else { Catalogue.PointRow?.none }
                if let point {
                    places.append(.init(id: point.id, shard: 0, row: UInt32(number), slot: point.slot))
                }
            }
            return places
        }
    }
}

/// What has a row for each vector of a segment.
private protocol RowCounting { var count: Int { get } }
extension IDsReader: RowCounting {}
extension SegmentSlots: RowCounting {}
