import Files
import Shards

/// Ranked points by the values of a field: the groups with the best points, and the best points of each.
///
/// 1. Candidates come best first, until nothing is missing or no more are there.
/// 2. A point belongs to the group of each of its different values. One with a value that is no text and no whole number
///    belongs to none.
/// 3. The first values to come up are the groups, in the order of their best points.
///
/// What further candidates have to be like is a filter (``candidates``): the caller searches again with it, and goes on. What is
/// offered then is behind all that was offered before, as the searches are of the same query.
struct Grouping {
    /// A value and the best of its points.
    struct Group {
        let key: GroupKey
        fileprivate(set) var points: [RankedPoint] = []
    }

    private let key: JSONPath
    private let limit: Int
    private let size: Int
    /// The groups, in the order of their best points.
    private(set) var groups: [Group] = []
    private var places: [GroupKey: Int] = [:]
    /// What was offered.
    private var seen: Set<PointID> = []

    /// - Parameters:
    ///   - limit: how many groups.
    ///   - size: how many points in each.
    init(by key: JSONPath, limit: Int, size: Int) { (self.key, self.limit, self.size) = (key, limit, size) }

    /// The next best candidate. One that was offered before changes nothing.
    mutating func offer(_ point: RankedPoint, _ payload: JSON) {
        guard size > 0, seen.insert(point.id).inserted else { return }
        let (keys, areAll) = GroupKey.all(key, of: payload)
        guard areAll else { return }
        for value in keys {
            let place = places[value] ?? groups.count
            if place == groups.count {
                guard groups.count < limit else { continue }
                places[value] = place
                groups.append(Group(key: value))
            }
            if groups[place].points.count < size { groups[place].points.append(point) }
        }
    }

    /// How many points are missing until as many groups as asked for are full. A point may fill several places.
    var missing: Int {
        let places = limit.multipliedReportingOverflow(by: size)
        return (places.overflow ? .max : places.partialValue) - groups.reduce(0) { $0 + $1.points.count }
    }

    /// Which points can still be of use: those of groups that are not full, or, while groups are missing, of those that are
    /// none yet; without the points that were offered.
    var candidates: Filter {
        var filter = Filter(mustNot: [.isEmpty(key)])
        if !seen.isEmpty { filter.mustNot.append(.hasID(seen)) }
        if groups.count < limit {
            let full = groups.filter { $0.points.count == size }.map(\.key)
            filter.must = (full.matchValues ?? []).map { .field(key, .except($0)) }
        } else {
            let open = groups.filter { $0.points.count < size }.map(\.key)
            filter.should = (open.matchValues ?? []).map { .field(key, .any($0)) }
        }
        return filter
    }
}
