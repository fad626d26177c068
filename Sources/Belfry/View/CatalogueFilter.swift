import Files
import Shards
import Synchronization
import Vectors

/// Which points of the catalogue pass filters, as it was when it was last brought up to date. All views of that time share
/// it: what was written since, they look at themselves.
final class CatalogueFilter: Sendable {
    /// The last write that the catalogue had.
    let lsn: UInt64
    /// Points of it that were answered.
    let points: KnownPoints
    /// The fields that are to have an index: where a file is damaged, one more than there are.
    let declared: [IndexedField]
    private let record: FieldRecord
    /// The indexes, once a filter has asked for them: whoever opens a collection and filters nothing does not read what was
    /// written since their files were made.
    private let indexes: Mutex<FieldIndexes?>
    private let all = Mutex<RowSet?>(nil)
    private let found = Mutex(RecentValues<Filter, RowSet>(bytes: 32 << 20))

    /// - Parameter indexes: those of the record, where they are open already.
    /// - Throws: `invalidInput` where the record has a path that is none.
    init(lsn: UInt64, _ record: FieldRecord, _ indexes: FieldIndexes? = nil) throws(BelfryError) {
        (self.lsn, self.record, declared) = (lsn, record, try record.fields())
        points = KnownPoints(lsn: lsn)
        self.indexes = Mutex(indexes)
    }

    /// The indexes, if they are open.
    var opened: FieldIndexes? { indexes.withLock { $0 } }

    /// The indexes, which are kept as long as the catalogue is as it was.
    func indexes(_ layout: CollectionLayout, _ transaction: Catalogue.Transaction) throws -> FieldIndexes {
        if let opened { return opened }
        let made = try record.open(layout, transaction)
        if try transaction.lsn() == lsn { indexes.withLock { $0 = made } }
        return made
    }

    /// The slots of the points that pass. What was changed since is for the caller to look at again.
    func slots(_ filter: Filter, of view: View) throws(BelfryError) -> RowSet {
        if let known = found.withLock({ $0.value(filter) }) { return known }
        if let slots = indexed(filter, of: view) { return slots }
        let (slots, isOfThen) = try view.scan { transaction in
            let all = try all(transaction, capacity: view.slotBound)
            let cursor = Catalogue.Transaction.SlotCursor(transaction)
            let asksForVectors = filter.asksForVectors
            let slots = FilteredSlots(
                all,
                slots: { ids throws(BelfryError) in
                    let (found, left) = view.slots(of: ids, among: all)
                    return try view.catalogue.reporting { found + (try left.compactMap(transaction.slot)) }
                },
                vectors: { view.slotsInSegments(withVector: $0) },
                point: { slot throws(BelfryError) in
                    guard let row = try view.catalogue.reporting({ try cursor.point(slot) }) else {
                        throw .corrupt("The point of slot \(slot) is missing.", at: .init(file: view.catalogue.path))
                    }
                    let payload = try StoredPoint(row, view.catalogue.path).payload()
                    let vectors = asksForVectors ? view.vectorNames(of: slot) : []
                    return FilteredPoint(id: row.id, payload: payload, vectors: vectors)
                })
            let indexes = try indexes(view.base.layout, transaction)
            return (try evaluate(filter, slots, indexes), try transaction.lsn() == lsn)
        }
        // Which vectors there are, a view says: this one may be of writes that do not come to be.
        if isOfThen, !filter.asksForVectors, !filter.isLarge {
            found.withLock { $0.keep(slots, for: filter, bytes: slots.size) }
        }
        return slots
    }

    /// What passes where the indexes alone say it, without a look into the catalogue; nil where they do not.
    private func indexed(_ filter: Filter, of view: View) -> RowSet? {
        guard let opened, let all = all.withLock({ $0 }), !filter.asksForVectors else { return nil }
        let slots = FilteredSlots(
            all,
            slots: { ids throws(BelfryError) in
                let (found, left) = view.slots(of: ids, among: all)
                if !left.isEmpty { throw view.overtaken }
                return found
            },
            point: { _ throws(BelfryError) in throw view.overtaken })
        guard let narrowed = try? opened.narrow(filter, over: slots), narrowed.doubtful.count == 0 else { return nil }
        if !filter.isLarge {
            found.withLock { $0.keep(narrowed.certain, for: filter, bytes: narrowed.certain.size) }
        }
        return narrowed.certain
    }

    /// What passes, whatever is wrong with the files of indexes: without them payloads are read.
    private func evaluate(
        _ filter: Filter, _ slots: FilteredSlots, _ indexes: FieldIndexes
    ) throws(BelfryError) -> RowSet {
        do throws(BelfryError) {
            return try indexes.evaluate(filter, over: slots)
        } catch {
            guard error.code == .corruptData, error.location?.file.contains("/fields/") == true else { throw error }
            return try FieldIndexes().evaluate(filter, over: slots)
        }
    }

    private func all(_ transaction: Catalogue.Transaction, capacity: Int) throws -> RowSet {
        if let known = all.withLock({ $0 }) { return known }
        var slots = RowSet(capacity: capacity)
        try transaction.forEachSlot { if Int($0) < capacity { slots.insert(Int($0)) } }
        if try transaction.lsn() == lsn { all.withLock { $0 = slots } }
        return slots
    }
}

extension View {
    /// The slots of points of the catalogue, as far as segments tell them: a row says whose slot is whose, and no slot is ever
    /// given again, so that it matters not whether the row is still alive.
    /// - Parameter all: the slots that the catalogue has.
    /// - Returns: Slots, and the ids that were not found.
    fileprivate func slots(of ids: Set<PointID>, among all: RowSet) -> (found: [Slot], left: [PointID]) {
        var (found, left) = ([Slot](), Array(ids))
        for live in segments where !left.isEmpty {
            guard let rows = live.segment.ids.rows(of: left) else { continue }
            var unknown: [PointID] = []
            for (id, row) in zip(left, rows) {
                if let slot = row.map(live.segment.slots.slot), all.contains(Int(slot)) {
                    found.append(slot)
                } else {
                    unknown.append(id)
                }
            }
            left = unknown
        }
        return (found, left)
    }
}
