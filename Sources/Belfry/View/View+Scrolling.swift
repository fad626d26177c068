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
