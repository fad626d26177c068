import Files
import HashTreeCollections
import Shards
import Vectors

/// What one user has seen, for searches of a space on one view.
struct SeenPoints {
    /// As the catalogue has it.
    fileprivate let list: SeenList
    /// What the recipe says that the user has had.
    fileprivate let had: SeenList
    /// What was noted since, the newest first.
    fileprivate let changes: [SeenChanges]
    /// The rows that the searches leave out: those of points that were seen, and the dead. Of segments without such none.
    let left: PointSet

    /// Whether the user has seen a point.
    func contains(_ id: PointID) -> Bool {
        guard had.mark(id) == nil else { return true }
        var forgottenBefore: UInt64 = 0
        for change in changes {
            if let seconds = change.marks[id] { return seconds.map { $0 >= forgottenBefore } ?? false }
            forgottenBefore = max(forgottenBefore, change.forgottenBefore)
        }
        return list.mark(id).map { $0.seconds >= forgottenBefore } ?? false
    }

    /// Bytes that it takes, about.
    var size: Int {
        left.size + list.size + had.size + changes.reduce(0) { $0 + 64 * $1.marks.count }
    }
}

extension View {
    /// What a user has seen; nil where that is nothing.
    ///
    /// Rows are found by the slots that the user's list gives: they stay the same while points are written. One that was
    /// deleted and came back has another slot, and is found all the same: whoever sees it among the answers asks again, with all
    /// ids looked up.
    /// - Parameter lookingUp: whether the slots are not to be believed.
    func seen(by user: String, in space: Int, lookingUp: Bool = false) throws(BelfryError) -> SeenPoints? {
        let user = user.wholeNumberName ?? user
        let key = SeenPointsCache.Key(user: UTF8Key(user), space: space)
        if !lookingUp, let known = seenPoints[key] { return known }
        var known = try knownSeen(by: user, lookingUp: lookingUp)
        let changes = pending.compactMap { $0.seen[UTF8Key(user)] }
        guard !changes.isEmpty || !known.list.marks.isEmpty || !known.had.marks.isEmpty else { return nil }

        let added = Set(changes.flatMap { $0.marks.keys })
        let new = added.filter { lookingUp || known.added[$0] == nil }
        for (id, slot) in zip(new, try slots(of: Array(new))) { known.added[id] = .some(slot) }
        let left: PointSet
        if changes.contains(where: \.forgets) {
            // Some rows of the list count no more.
            var whole = known.list.applying(changes)
            whole.add(known.had.marks)
            left = rowsLeft(of: whole.marks.compactMap { $0.slot ?? known.added[$0.id] ?? nil }, in: space)
        } else {
            for live in segments(of: space) where known.rows[live.segment.number] == nil {
                known.rows[live.segment.number] = live.segment.slots.rows(of: known.slots)
            }
            let written = pending.flatMap { known.slots(writtenIn: $0) }
            left = rowsLeft(of: added.compactMap { known.added[$0] ?? nil } + written, beside: known.rows, in: space)
        }
        plans.seen.keep(known, of: user)
        let seen = SeenPoints(list: known.list, had: known.had, changes: changes, left: left)
        seenPoints[key] = seen
        return seen
    }

    /// What the catalogue says that a user has seen: what was noted, and what the recipe says.
    private func knownSeen(by user: String, lookingUp: Bool) throws(BelfryError) -> SeenCache.Known {
        let cached = plans.seen.known(user, lsn: catalogued.lsn)
        let known = if let cached { cached } else { try readSeen(by: user) }
        // What was just read may be as wrong as what was known: the slots are those of when it was written.
        guard lookingUp else { return known }
        var (list, had) = (known.list, known.had)
        let ids = list.ids + had.ids
        let slots = Dictionary(zip(ids, try slots(of: ids))) { first, _ in first }
        list.findSlots(all: true) { slots[$0] ?? nil }
        had.findSlots(all: true) { slots[$0] ?? nil }
        return SeenCache.Known(lsn: known.lsn, list, had: had)
    }

    private func readSeen(by user: String) throws(BelfryError) -> SeenCache.Known {
        try read { transaction in
            let marks = try transaction.user(user)?.seen.map { SeenList.Mark(id: PointName($0).id, seconds: 0) }
            var had = SeenList(marks ?? [])
            try had.findSlots { try transaction.slot(of: $0) }
            return SeenCache.Known(
                lsn: try transaction.lsn(), try transaction.seen(by: user) ?? SeenList(), had: had)
        }
    }

    /// What a user has seen: what was noted, and what the recipe says.
    func seenLists(by user: String) throws(BelfryError) -> (noted: SeenList, had: SeenList) {
        let user = user.wholeNumberName ?? user
        let known = try knownSeen(by: user, lookingUp: false)
        return (known.list.applying(pending.compactMap { $0.seen[UTF8Key(user)] }), known.had)
    }

    /// Hands on what every user has seen that somebody has noted.
    func forEachSeen(_ body: (_ user: String, SeenList) throws -> Void) throws(BelfryError) {
        try read { transaction in
            var left = Set(pending.flatMap { $0.seen.keys })
            try transaction.forEachSeen { user, list in
                let user = UTF8Key(user)
                left.remove(user)
                try body(user.text, list.applying(pending.compactMap { $0.seen[user] }))
            }
            for user in left.sorted() {
                try body(user.text, SeenList().applying(pending.compactMap { $0.seen[user] }))
            }
        }
    }

    // MARK: rows

    /// The rows of some slots in a space, and those that are dead.
    /// - Parameter rows: more of them, by the numbers of segments.
    private func rowsLeft(of slots: [Slot], beside rows: [Int: [UInt32]] = [:], in space: Int) -> PointSet {
        var left = PointSet()
        for live in segments(of: space) {
            guard let rows = rows[live.segment.number], !rows.isEmpty else { continue }
            var removed = live.dead ?? RowSet(capacity: live.segment.rows)
            let wrong = rows.withUnsafeBufferPointer { removed.insert(rows: $0) }
            precondition(wrong == nil, "rows of this segment")
            left.rows[live.segment.number] = removed
        }
        for slot in slots {
            guard let place = place(of: slot, in: space) else { continue }
            if left.rows[place.segment] == nil { left.rows[place.segment] = dead(in: place.segment, of: space) }
            left.rows[place.segment]?.insert(place.row)
        }
        return left
    }

    /// The dead rows of a segment, or of a table.
    private func dead(in number: Int, of space: Int) -> RowSet {
        if let live = segments(of: space).first(where: { $0.segment.number == number }) {
            return live.dead ?? RowSet(capacity: live.segment.rows)
        }
        guard let vectors = pending.lazy.map({ $0.vectors[space] }).first(where: { $0.number == number }) else {
            preconditionFailure("a place of this view")
        }
        return RowSet(capacity: max(vectors.rows.count, vectors.dead.capacity)).union(vectors.dead)
    }
}

extension SeenCache.Known {
    /// Which of the list's slots a table has written to.
    fileprivate mutating func slots(writtenIn part: PendingPoints) -> Set<Slot> {
        let number = part.vectors[0].number
        var (looked, found) = written[number] ?? (0, [])
        // Another view was of later.
        if looked > part.changes.count { (looked, found) = (0, []) }
        for slot in part.changes[looked...] where slots.hasSorted(slot) { found.insert(slot) }
        written[number] = (part.changes.count, found)
        return found
    }
}

extension SegmentSlots {
    /// The rows that have these slots.
    fileprivate func rows(of slots: [Slot]) -> [UInt32] { slots.compactMap { row(of: $0).map(UInt32.init) } }
}

extension [Slot] {
    /// Whether a sorted list has a slot.
    fileprivate func hasSorted(_ slot: Slot) -> Bool {
        let place = partitioningIndex { $0 >= slot }
        return place < count && self[place] == slot
    }
}
