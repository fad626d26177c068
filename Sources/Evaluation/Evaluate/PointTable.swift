import Belfry
import Files
import Shards

/// All points of a collection by number, in the order of their ids, with some of their payload: what judgments and
/// baselines are looked up in without the catalogue.
struct PointTable: Sendable {
    /// The ids, growing.
    let ids: [PointID]
    /// Where the vectors lie.
    let places: [PointPlace]
    /// Of each payload field that was asked for the value of every point.
    let payload: [UTF8Key: [JSON?]]
    private let numbers: [PointID: Int32]

    var count: Int { ids.count }

    /// Reads the points of a view.
    /// - Parameter fields: the payload fields that are kept.
    init(_ view: View, fields: Set<UTF8Key>) throws(BelfryError) {
        var points: [(id: PointID, place: PointPlace, values: [UTF8Key: JSON])] = []
        try view.forEachPoint { point in
            // A point without a vector is never an answer.
            guard let place = view.place(of: point) else { return }
            var values: [UTF8Key: JSON] = [:]
            if !fields.isEmpty {
                let payload = try point.payload()
                for field in fields { values[field] = payload[field.text] }
            }
            points.append((point.id, place, values))
        }
        points.sort { $0.id < $1.id }
        ids = points.map(\.id)
        places = points.map(\.place)
        numbers = Dictionary(uniqueKeysWithValues: zip(ids, Int32(0)...))
        payload = Dictionary(uniqueKeysWithValues: fields.map { field in (field, points.map { $0.values[field] }) })
    }

    /// The number of a point; nil where the collection does not hold it.
    func number(_ id: PointID) -> Int32? { numbers[id] }

    /// The numbers of what a search has found.
    func numbers(_ found: [FoundPoint], of view: View) throws(BelfryError) -> [Int32] {
        var numbers: [Int32] = []
        for (id, _) in found {
            guard let number = number(id) else { throw view.hasNoRow(id) }
            numbers.append(number)
        }
        return numbers
    }

    /// These points by segment and row.
    func set(_ points: some Sequence<Int32>, of view: View) -> PointSet {
        view.pointSet(at: points.lazy.map { places[Int($0)] })
    }
}
