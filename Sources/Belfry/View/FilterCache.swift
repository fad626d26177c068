import Shards
import Synchronization
import Vectors

/// What filters have found in one view: nothing of it changes.
final class FilterCache: Sendable {
    private struct Key: Hashable {
        let filter: Filter
        let space: Int
    }

    private let slots = Mutex<[Filter: RowSet]>([:])
    private let sets = Mutex<[Key: PointSet]>([:])
    /// So many answers are kept: of a million points one takes 125 kB.
    private static let limit = 256

    /// The slots that pass a filter, if they are known.
    func slots(_ filter: Filter) -> RowSet? { slots.withLock { $0[filter] } }

    func keep(_ found: RowSet, _ filter: Filter) {
        slots.withLock { slots in
            if slots.count >= Self.limit { slots.removeAll() }
            slots[filter] = found
        }
    }

    /// The vectors of the points that pass a filter, which are made where they are not known.
    func set(_ filter: Filter, in space: Int, _ make: () -> PointSet) -> PointSet {
        let key = Key(filter: filter, space: space)
        if let known = sets.withLock({ $0[key] }) { return known }
        let made = make()
        sets.withLock { sets in
            if sets.count >= Self.limit { sets.removeAll() }
            sets[key] = made
        }
        return made
    }
}
