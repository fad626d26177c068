import Files
import Shards

/// Ranked points of which each value of a field has only so many: at most two of a brand, or three from the north and one
/// from the south.
///
/// A point is taken if each of its different values has a place left, and takes one of each. Values are those of
/// ``GroupKey``; a point that has none is taken while ``others`` is not 0.
struct ValueQuotas {
    private let key: JSONPath
    private let limit: Int
    /// How many places are left to each value that has come up, or that has a quota of its own.
    private var left: [GroupKey: Int]
    /// How many every other value has; nil for any number.
    let others: Int?
    /// What was taken, best first.
    private(set) var points: [RankedPoint] = []

    /// - Parameters:
    ///   - limit: how many points are taken in all.
    ///   - quotas: how many points of a value.
    ///   - others: how many of each value that is not named; nil for any number.
    init(of key: JSONPath, limit: Int, quotas: [GroupKey: Int] = [:], others: Int? = nil) {
        (self.key, self.limit, left, self.others) = (key, limit, quotas, others)
    }

    /// The next best candidate.
    /// - Returns: Whether it is taken.
    @discardableResult
    mutating func offer(_ point: RankedPoint, _ payload: JSON) -> Bool {
        guard missing > 0 else { return false }
        let keys = GroupKey.all(key, of: payload).keys
        guard keys.isEmpty ? others != 0 : keys.allSatisfy({ (left[$0] ?? others ?? 1) > 0 }) else { return false }
        for key in keys {
            guard let places = left[key] ?? others else { continue }
            left[key] = places - 1
        }
        points.append(point)
        return true
    }

    /// How many points may still be taken: of those asked for in all and, where only named values count, of their quotas.
    var missing: Int {
        let room = limit - points.count
        return others == 0 ? min(room, left.values.reduce(0) { $0 + Swift.max(0, $1) }) : room
    }
}
