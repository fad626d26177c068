import Shards
import Synchronization

/// What conditions have found in one view: nothing of it changes.
final class FilterCache: Sendable {
    private struct Key: Hashable {
        let conditions: [PayloadCondition]
        let space: Int
    }

    private let slots = Mutex<[[PayloadCondition]: [Slot]]>([:])
    private let sets = Mutex<[Key: PointSet]>([:])

    /// The points that meet some conditions, if that is known.
    func slots(_ conditions: [PayloadCondition]) -> [Slot]? { slots.withLock { $0[conditions] } }

    func keep(_ found: [Slot], _ conditions: [PayloadCondition]) { slots.withLock { $0[conditions] = found } }

    /// The vectors of the points that meet some conditions, which are made where they are not known.
    func set(_ conditions: [PayloadCondition], in space: Int, _ make: () -> PointSet) -> PointSet {
        let key = Key(conditions: conditions, space: space)
        if let known = sets.withLock({ $0[key] }) { return known }
        let made = make()
        sets.withLock { $0[key] = made }
        return made
    }
}
