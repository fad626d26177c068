import Files
import Shards
import Synchronization
import Vectors

/// Which points of tables that are not sealed yet pass filters. What was looked at for one view is not looked at again for
/// the next one: only what was written between them.
final class PendingFilter: Sendable {
    private struct Key: Hashable {
        let filter: Filter
        /// The number of the table, and the last write of the catalogue that it goes with: a reader counts its tables anew when
        /// it reads the collection again.
        let table: Int
        let lsn: UInt64
    }

    /// What was found up to some write.
    struct Found {
        /// How many of the table's changes were looked at.
        var changes = 0
        /// The slots that the table says something of.
        var decided = RowSet(capacity: 0)
        /// Those of them whose points pass.
        var passing = RowSet(capacity: 0)
    }

    private let found = Mutex(RecentValues<Key, Found>(bytes: 16 << 20))

    /// What a table says, as a view sees it.
    func slots(_ filter: Filter, of part: PendingPoints, in view: View) throws(BelfryError) -> Found {
        let key = Key(filter: filter, table: part.vectors[0].number, lsn: view.catalogued.lsn)
        var result = found.withLock { $0.value(key) } ?? Found()
        // Another view was of later.
        if result.changes > part.changes.count { result = Found() }
        guard result.changes < part.changes.count else { return result }
        result.decided = RowSet(capacity: max(view.slotBound, result.decided.capacity)).union(result.decided)
        result.passing = RowSet(capacity: result.decided.capacity).union(result.passing)
        for slot in Set(part.changes[result.changes...]) {
            guard let point = part[slot] else { continue }
            result.decided.insert(Int(slot))
            if try passes(filter, slot, point, view) {
                result.passing.insert(Int(slot))
            } else {
                result.passing.remove(Int(slot))
            }
        }
        result.changes = part.changes.count
        guard !filter.isLarge else { return result }
        let latest = result
        found.withLock { found in
            guard found.value(key)?.changes ?? 0 <= latest.changes else { return }
            found.keep(latest, for: key, bytes: latest.decided.size + latest.passing.size)
        }
        return result
    }

    private func passes(
        _ filter: Filter, _ slot: Slot, _ point: PendingPoint, _ view: View
    ) throws(BelfryError) -> Bool {
        guard let content = point.content else { return false }
        let stored = StoredPoint(slot, point, content, view.catalogue.path)
        let vectors = filter.asksForVectors ? view.vectorNames(of: slot) : []
        return filter.matches(FilteredPoint(id: point.id, payload: try stored.payload(), vectors: vectors))
    }
}
