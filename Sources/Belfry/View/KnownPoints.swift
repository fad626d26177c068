import Shards
import Synchronization

/// Points that searches have answered, as the catalogue has them: it is not asked again for those that many ask for.
///
/// They are of one moment of the catalogue, and all views of that time share them.
final class KnownPoints: Sendable {
    private let known = Mutex(RecentValues<PointID, StoredPoint>(bytes: 32 << 20))
    /// The last write that the catalogue had.
    private let lsn: UInt64

    init(lsn: UInt64) { self.lsn = lsn }

    /// The points of some ids, as far as they are known, in their order.
    func points(_ ids: [PointID]) -> [StoredPoint?] {
        known.withLock { known in ids.map { known.value($0) } }
    }

    /// Keeps points that were read, but for those that were changed since that moment.
    func keep(_ points: [StoredPoint]) {
        known.withLock { known in
            for point in points where point.version <= lsn {
                known.keep(point, for: point.id, bytes: point.json.utf8.count + 128)
            }
        }
    }
}
