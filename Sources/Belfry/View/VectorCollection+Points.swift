package import Files
package import Neighbors
package import Shards
import Vectors

extension VectorCollection {
    /// The points of these ids, in their order.
    /// - Throws: `corruptData` where one of them, which has a vector, is not in the catalogue.
    package func storedPoints(_ ids: [PointID]) throws(BelfryError) -> [StoredPoint] {
        let rows = try catalogue.read { transaction in try ids.map { try transaction.point($0) } }
        var points: [StoredPoint] = []
        for (id, row) in zip(ids, rows) {
            guard let row else { throw hasNoRow(id) }
            points.append(StoredPoint(row, catalogue))
        }
        return points
    }

    /// Hands every point to `body`, in the order in which the catalogue keeps them.
    /// - Throws: `corruptData` for one whose vector is not there.
    package func forEachPoint(_ body: (StoredPoint) throws -> Void) throws(BelfryError) {
        try catalogue.read { transaction in
            try transaction.forEachPoint { row in
                _ = try segment(row.segment, row: row.row, of: "Point \(row.id)")
                try body(StoredPoint(row, catalogue))
            }
        }
    }

    /// The segment in which the catalogue says that a row lies.
    /// - Parameter what: whose row it is, as the error begins.
    /// - Throws: `corruptData` where there is no such row.
    func segment(_ number: Int, row: Int, of what: @autoclosure () -> String) throws(BelfryError) -> CollectionSegment {
        guard let segment = segments.first(where: { $0.number == number }), (0..<segment.rows).contains(row) else {
            throw .corrupt(
                "\(what()) lies in row \(row) of segment \(number), which is not there.",
                at: .init(file: catalogue.path))
        }
        return segment
    }

    /// Where every vector lies, and whose it is, as the segments say it: the catalogue is not read.
    package func places() throws(BelfryError) -> [(id: PointID, place: PointPlace)] {
        var places: [(id: PointID, place: PointPlace)] = []
        places.reserveCapacity(count)
        for segment in segments {
            for row in 0..<segment.ids.count {
                places.append((try segment.ids.id(row), PointPlace(segment: segment.number, row: row)))
            }
        }
        return places
    }

    /// The vector at a place that ``places()`` gave, widened to f32.
    package func vector(at place: PointPlace) throws(BelfryError) -> [Float] {
        guard let segment = segments.first(where: { $0.number == place.segment }) else {
            preconditionFailure("a place of this collection")
        }
        return try segment.vectors.row(place.row)
    }

    /// The points at these places.
    package func pointSet(at places: some Sequence<PointPlace>) -> PointSet {
        var set = PointSet()
        for segment in segments { set.rows[segment.number] = RowSet(capacity: segment.vectors.rowCount) }
        for place in places { set.rows[place.segment]?.insert(place.row) }
        return set
    }

    /// What a point lacks that a search has found.
    package func hasNoRow(_ id: PointID) -> BelfryError {
        .corrupt("Point \(id) has a vector but no row.", at: .init(file: catalogue.path))
    }

    /// What finds near rows.
    package var indexKind: IndexKind { index.kind }

    /// The recall of searches where neither they nor the recipe name one.
    package var recallOfIndex: Double { index.recall }
}
