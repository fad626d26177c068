import Files
import Shards
import Synchronization

/// What users have seen as the catalogue has it, and where that lies in some segments. Views of these segments share it: what
/// was noted since, each of them looks at itself.
final class SeenCache: Sendable {
    /// What is known of one user.
    struct Known: Sendable {
        /// The last write of the catalogue that the list is of.
        let lsn: UInt64
        let list: SeenList
        /// What the recipe says that the user has had: that is not forgotten.
        let had: SeenList
        /// The slots of both, in order.
        let slots: [Slot]
        /// The rows of these slots, by the numbers of segments, as far as somebody has asked for them.
        var rows: [Int: [UInt32]] = [:]
        /// By the numbers of tables that are not sealed, which of these slots they have written to, and how many of their changes
        /// were looked at for that.
        var written: [Int: (changes: Int, slots: Set<Slot>)] = [:]
        /// The slots of points that were noted since, as far as they were looked up.
        var added: [PointID: Slot?] = [:]

        init(lsn: UInt64, _ list: SeenList, had: SeenList) {
            (self.lsn, self.list, self.had) = (lsn, list, had)
            slots = Set((list.marks + had.marks).compactMap(\.slot)).sorted()
        }
    }

    private let users = Mutex(RecentValues<UTF8Key, Known>(bytes: 64 << 20))

    /// What is known of a user, of the catalogue after a write.
    func known(_ user: String, lsn: UInt64) -> Known? {
        users.withLock { users in users.value(UTF8Key(user)).flatMap { $0.lsn == lsn ? $0 : nil } }
    }

    func keep(_ known: Known, of user: String) {
        users.withLock { $0.keep(known, for: UTF8Key(user), bytes: known.size) }
    }
}

extension SeenCache.Known {
    /// Bytes that it takes, about.
    fileprivate var size: Int {
        list.size + had.size + 4 * (slots.count + rows.values.reduce(0) { $0 + $1.count }) + 64 * added.count
            + written.values.reduce(0) { $0 + 64 + 16 * $1.slots.count }
    }
}

/// What users have seen, for searches of one view.
final class SeenPointsCache: Sendable {
    struct Key: Hashable {
        let user: UTF8Key
        let space: Int
    }

    private let known = Mutex(RecentValues<Key, SeenPoints>(bytes: 16 << 20))

    subscript(key: Key) -> SeenPoints? {
        get { known.withLock { $0.value(key) } }
        set {
            guard let newValue else { return }
            known.withLock { $0.keep(newValue, for: key, bytes: newValue.size) }
        }
    }
}
