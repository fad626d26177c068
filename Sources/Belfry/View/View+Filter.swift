package import Files
import Shards
package import Vectors

extension View {
    /// The vectors in a space of the points that pass a filter; nil without one. What was found is kept.
    package func points(where filter: Filter?, in space: Int = 0) throws(BelfryError) -> PointSet? {
        guard let filter, !filter.isEmpty else { return nil }
        let slots = try slots(where: filter)
        if filter.isLarge { return pointSet(of: slots, in: space) }
        return filters.set(filter, in: space) { pointSet(of: slots, in: space) }
    }

    /// The slots of the points that pass a filter: those of the catalogue, but where what was written since says otherwise.
    package func slots(where filter: Filter) throws(BelfryError) -> RowSet {
        if let known = filters.slots(filter) { return known }
        let slots = try slots(where: filter, base.pendingFilter)
        if !filter.isLarge { filters.keep(slots, filter) }
        return slots
    }

    /// - Parameter known: what was found before in tables that are not sealed; another one than the collection's for a view
    ///   of writes that may not come to be.
    func slots(where filter: Filter, _ known: PendingFilter) throws(BelfryError) -> RowSet {
        let catalogued = try catalogued.slots(filter, of: self)
        var slots = catalogued.capacity == slotBound ? catalogued : RowSet(capacity: slotBound).union(catalogued)
        for part in pending.reversed() {
            let found = try known.slots(filter, of: part, in: self)
            slots = slots.subtracting(found.decided).union(found.passing)
        }
        return slots
    }

    /// The vectors in a space of the points that have these slots.
    func pointSet(of slots: RowSet, in space: Int) -> PointSet {
        var set = PointSet()
        for live in segments(of: space) {
            set.rows[live.segment.number] = live.segment.slots.rows(in: slots, except: live.dead)
        }
        for part in pending {
            let vectors = part.vectors[space]
            var rows = RowSet(capacity: vectors.rows.count)
            for row in 0..<vectors.rows.count
            where !vectors.dead.contains(row) && slots.contains(Int(vectors.rows.slot(row))) { rows.insert(row) }
            set.rows[vectors.number] = rows
        }
        return set
    }

    /// The names of the vectors that a point has.
    func vectorNames(of slot: Slot) -> [String] {
        configuration.spaces.indices.filter { place(of: slot, in: $0) != nil }.map { configuration.spaces[$0].name }
    }

    /// The slots that have a vector of a name in a segment; nil where there are no such vectors.
    func slotsInSegments(withVector name: String) -> RowSet? {
        var slots = RowSet(capacity: slotBound)
        guard let space = configuration.spaces.firstIndex(where: { $0.name.hasSameBytes(as: name) }) else {
            return slots
        }
        for live in segments(of: space) {
            for row in 0..<live.segment.rows where !live.isDead(row) { slots.insert(Int(live.segment.slots.slot(row))) }
        }
        return slots
    }

    /// Why no point meets some conditions, with values that there are.
    package func nothingMeets(_ conditions: [PayloadCondition]) throws(BelfryError) -> BelfryError {
        let named = conditions.map { "\($0.field) = \($0.value)" }.joined(separator: " and ")
        let (known, fields) = try catalogue.read { transaction in
            (
                try transaction.values(of: conditions[0].field, limit: 20),
                try transaction.payloadFields(ofFirst: 1_000, limit: 50)
            )
        }
        return BelfryError(
            .notFound, "No point has \(named) in its payload.", at: .init(file: path),
            remedy: known.isEmpty
                ? "No point has a payload field \(conditions[0].field.debugDescription). "
                    + (fields.isEmpty ? "The points have no payload." : "There are: \(fields.joined(separator: ", ")).")
                : "Values of \(conditions[0].field): \(known.joined(separator: ", ")).")
    }

    /// Names of payload fields, as the first points of the catalogue have them, and the first that were written since.
    /// - Parameter points: how many points are looked at.
    package func payloadFields(ofFirst points: Int) throws(BelfryError) -> [String] {
        var fields = Set(try catalogue.read { try $0.payloadFields(ofFirst: points, limit: 100_000) })
        var looked = 0
        forEachPending { _, point in
            guard looked < points, let content = point.content else { return }
            looked += 1
            if let payload = try? JSON(parsing: .init(content.payload.utf8), source: path) {
                fields.formUnion(payload.names)
            }
        }
        return fields.sorted()
    }
}

extension SegmentSlots {
    /// The rows that have these slots, but for some.
    func rows(in slots: RowSet, except dead: RowSet?) -> RowSet {
        var rows: RowSet
        switch self {
        case .consecutive(let first, let count):
            // The same bits, moved by the first slot.
            let (words, shift) = (Int(first >> 6), UInt64(first & 63))
            rows = RowSet(capacity: count) { index in
                let low = slots.word(index + words)
                return shift == 0 ? low : low >> shift | slots.word(index + words + 1) << (64 - shift)
            }
        case .listed(let reader): rows = reader.rows(in: slots)
        }
        return dead.map { rows.subtracting($0) } ?? rows
    }
}
