import Shards
import Synchronization
import Vectors

/// What filters have found in one view: nothing of it changes.
final class FilterCache: Sendable {
    private struct Key: Hashable {
        let filter: Filter
        let space: Int
    }

    private let slots = Mutex(RecentValues<Filter, RowSet>(bytes: 32 << 20))
    private let sets = Mutex(RecentValues<Key, PointSet>(bytes: 32 << 20))

    /// The slots that pass a filter, if they are known.
    func slots(_ filter: Filter) -> RowSet? { slots.withLock { $0.value(filter) } }

    func keep(_ found: RowSet, _ filter: Filter) {
        slots.withLock { $0.keep(found, for: filter, bytes: found.size) }
    }

    /// The vectors of the points that pass a filter, which are made where they are not known.
    func set(_ filter: Filter, in space: Int, _ make: () -> PointSet) -> PointSet {
        let key = Key(filter: filter, space: space)
        if let known = sets.withLock({ $0.value(key) }) { return known }
        let made = make()
        sets.withLock { $0.keep(made, for: key, bytes: made.size) }
        return made
    }
}
