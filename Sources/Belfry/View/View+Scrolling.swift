package import Files
package import Shards

extension View {
    /// Points in the order of their ids, at most so many, behind one of them.
    package func scroll(after id: PointID?, limit: Int) throws(BelfryError) -> [StoredPoint] {
        var written: [StoredPoint] = []
        forEachPending { slot, point in
            guard let content = point.content, id.map({ $0 < point.id }) ?? true else { return }
            written.append(StoredPoint(slot, point, content, catalogue.path))
        }
        written.sort { $0.id < $1.id }
        var found: [StoredPoint] = []
        var (last, place) = (id, 0)
        while found.count < limit {
            let page = try read { try $0.points(after: last, limit: limit) }
            for row in page {
                while place < written.count, written[place].id < row.id {
                    found.append(written[place])
                    place += 1
                }
                if !isPending(row.slot) { found.append(StoredPoint(row, catalogue.path)) }
            }
            guard page.count == limit else { break }
            last = page.last?.id
        }
        if found.count < limit { found += written[place...] }
        return Array(found.prefix(limit))
    }

    /// Points that pass a filter, in the order of their ids, at most so many, behind one of them.
    package func scroll(
        after id: PointID?, limit: Int, where filter: Filter
    ) throws(BelfryError) -> [StoredPoint] {
        let slots = try slots(where: filter)
        guard slots.count > Self.sorted else {
            let points = try points(at: slots.listed).filter { point in id.map { $0 < point.id } ?? true }
            return Array(points.sorted { $0.id < $1.id }.prefix(limit))
        }
        var (found, last) = ([StoredPoint](), id)
        while found.count < limit {
            let page = try scroll(after: last, limit: max(limit, 1_000))
            found += page.filter { slots.contains(Int($0.slot)) }
            guard page.count == max(limit, 1_000) else { break }
            last = page.last?.id
        }
        return Array(found.prefix(limit))
    }

    /// Hands on every point that passes a filter, or all.
    func forEachPoint(
        where filter: Filter?, _ body: (StoredPoint) throws(BelfryError) -> Void
    ) throws(BelfryError) {
        guard let filter, !filter.isEmpty else { return try forEachPoint { try body($0) } }
        let slots = try slots(where: filter).listed
        for start in stride(from: 0, to: slots.count, by: Self.sorted) {
            for point in try points(at: Array(slots[start..<min(start + Self.sorted, slots.count)])) { try body(point) }
        }
    }

    /// So many points are read and sorted for a page; of more, pages of all are gone through.
    private static let sorted = 20_000

    /// The points of slots, which grow.
    package func points(at slots: [Slot]) throws(BelfryError) -> [StoredPoint] { try points(at: slots) { $0 } }

    /// What `body` makes of the points of slots, which grow; of those that are there.
    func points<Result>(at slots: [Slot], _ body: (StoredPoint) -> Result) throws(BelfryError) -> [Result] {
        try scan { transaction in
            let cursor = Catalogue.Transaction.SlotCursor(transaction)
            return try slots.compactMap { slot in
                for part in pending {
                    guard let point = part[slot] else { continue }
                    return point.content.map { body(StoredPoint(slot, point, $0, catalogue.path)) }
                }
                return try cursor.point(slot).map { body(StoredPoint($0, catalogue.path)) }
            }
        }
    }

    /// The ids of the points at some places.
    package func ids(of set: PointSet) throws(BelfryError) -> [PointID] {
        var ids: [PointID] = []
        for (number, rows) in set.rows {
            for row in rows.listed {
                if let id = try id(at: PointPlace(segment: number, row: Int(row))) { ids.append(id) }
            }
        }
        return ids
    }
}
