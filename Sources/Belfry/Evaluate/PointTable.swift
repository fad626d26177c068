import Files
import Shards
import Vectors

/// All points of a collection by number, in the order of their ids, with some of their payload: what judgements and
/// baselines are looked up in without the catalogue.
struct PointTable: Sendable {
    /// The ids, growing.
    let ids: [PointID]
    /// Where the vectors lie.
    let places: [Collection.Place]
    /// Of each payload field that was asked for the value of every point.
    let payload: [UTF8Key: [JSON?]]
    private let numbers: [PointID: Int32]

    var count: Int { ids.count }

    /// Reads the points of `collection`.
    /// - Parameter fields: the payload fields that are kept.
    init(_ collection: Collection, fields: Set<UTF8Key>) throws(BelfryError) {
        let rows = Dictionary(uniqueKeysWithValues: collection.segments.map { ($0.number, $0.vectors.rowCount) })
        let points = try collection.catalogue.read { transaction in
            var points: [(id: PointID, place: Collection.Place, values: [UTF8Key: JSON])] = []
            try transaction.forEachPoint { row in
                guard (0..<(rows[row.segment] ?? 0)).contains(row.row) else {
                    throw BelfryError.corrupt(
                        "Point \(row.id) lies in row \(row.row) of segment \(row.segment), which is not there.",
                        at: .init(file: collection.catalogue.path))
                }
                var values: [UTF8Key: JSON] = [:]
                if !fields.isEmpty {
                    let payload = try collection.payload(of: row)
                    for field in fields { values[field] = payload[field.text] }
                }
                points.append((row.id, Collection.Place(segment: row.segment, row: row.row), values))
            }
            return points.sorted { $0.id < $1.id }
        }
        ids = points.map(\.id)
        places = points.map(\.place)
        numbers = Dictionary(uniqueKeysWithValues: zip(ids, Int32(0)...))
        payload = Dictionary(uniqueKeysWithValues: fields.map { field in (field, points.map { $0.values[field] }) })
    }

    /// The number of a point; nil where the collection does not hold it.
    func number(_ id: PointID) -> Int32? { numbers[id] }

    /// The numbers of what a search has found.
    func numbers(_ found: [Collection.Found], of collection: Collection) throws(BelfryError) -> [Int32] {
        var numbers: [Int32] = []
        for (id, _) in found {
            guard let number = number(id) else {
                throw .corrupt("Point \(id) has a vector but no row.", at: .init(file: collection.catalogue.path))
            }
            numbers.append(number)
        }
        return numbers
    }

    /// These points by segment and row.
    func set(_ points: some Sequence<Int32>, of collection: Collection) -> Collection.PointSet {
        var rows: [Int: RowSet] = [:]
        for segment in collection.segments { rows[segment.number] = RowSet(capacity: segment.vectors.rowCount) }
        for point in points { rows[places[Int(point)].segment]?.insert(places[Int(point)].row) }
        return Collection.PointSet(rows: rows)
    }
}

extension Collection.PointSet {
    func contains(_ place: Collection.Place) -> Bool { rows[place.segment]?.contains(place.row) == true }
}
