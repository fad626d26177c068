package import Files
package import Shards

extension View {
    /// The points of these ids, in their order; nil where a later write has changed one of them since: a newer view has it.
    /// - Throws: `corruptData` where one of them, which has a vector, is not in the catalogue.
    package func storedPoints(_ ids: [PointID]) throws(BelfryError) -> [StoredPoint]? {
        let written = ids.map(pendingPoint(_:))
        var known = catalogued.points.points(ids)
        let unknown = ids.indices.filter { written[$0] == nil && known[$0] == nil }
        if !unknown.isEmpty {
            let read = try catalogue.read { transaction in try unknown.map { try transaction.point(ids[$0]) } }
            for (place, row) in zip(unknown, read) { known[place] = row.map { StoredPoint($0, catalogue.path) } }
            catalogued.points.keep(unknown.compactMap { known[$0] })
        }
        var points: [StoredPoint] = []
        for place in ids.indices {
            if let (slot, point) = written[place], let content = point.content {
                points.append(StoredPoint(slot, point, content, catalogue.path))
            } else if written[place] == nil, let point = known[place], point.version <= lsn {
                points.append(point)
            } else if known[place] != nil || lsn > 0 {
                return nil
            } else {
                throw hasNoRow(ids[place])
            }
        }
        return points
    }

    /// The payloads of points, in the order of their ids.
    /// - Throws: ``overtaken`` where a later write has changed one of them since.
    package func payloads(of ids: [PointID]) throws(BelfryError) -> [JSON] {
        guard let points = try storedPoints(ids) else { throw overtaken }
        var payloads: [JSON] = []
        for point in points { payloads.append(try point.payload()) }
        return payloads
    }

    /// The point that `text` names: a number, a UUID, or the key that the rows gave it.
    /// - Throws: `notFound`, `corruptData`.
    func point(_ text: String) throws(BelfryError) -> RetrievedPoint {
        let name = PointName(text)
        guard let stored = try storedPoint(name.id) else {
            throw BelfryError(
                .notFound, "There is no point \(text.debugDescription) in the collection.", at: .init(file: path),
                remedy: suggestion(forPoint: text))
        }
        return RetrievedPoint(
            id: stored.id, key: stored.key, payload: try stored.payload(), version: stored.version,
            vectors: try vectors(of: stored))
    }

    /// The vectors of a point of this view, by the names of their spaces.
    package func vectors(of point: StoredPoint) throws(BelfryError) -> [String: PointVector] {
        var vectors: [String: PointVector] = [:]
        for (space, description) in configuration.spaces.enumerated() {
            if let place = place(of: point.slot, in: space) {
                vectors[description.name] = try vector(at: place)
            }
        }
        return vectors
    }

    /// The point of an id; nil where there is none.
    package func storedPoint(_ id: PointID) throws(BelfryError) -> StoredPoint? {
        if let (slot, point) = pendingPoint(id) {
            return point.content.map { StoredPoint(slot, point, $0, catalogue.path) }
        }
        return try read { try $0.point(id) }.map { StoredPoint($0, catalogue.path) }
    }

    /// Hands every point to `body`: those of the catalogue in the order of their ids, then those that were written since.
    package func forEachPoint(_ body: (StoredPoint) throws -> Void) throws(BelfryError) {
        try scan { transaction in
            try transaction.forEachPoint { row in
                if !isPending(row.slot) { try body(StoredPoint(row, catalogue.path)) }
            }
            try forEachPending { slot, point in
                if let content = point.content { try body(StoredPoint(slot, point, content, catalogue.path)) }
            }
        }
    }

    /// Where the vector of a point in a space lies; nil where it has none.
    package func place(of point: StoredPoint, in space: Int = 0) -> PointPlace? { place(of: point.slot, in: space) }

    /// What a point lacks that a search has found.
    package func hasNoRow(_ id: PointID) -> BelfryError {
        .corrupt("Point \(id) has a vector but no row.", at: .init(file: catalogue.path))
    }
}

// MARK: what the catalogue does not have yet

extension View {
    /// What a point was last written as; nil where the catalogue says it.
    func pendingPoint(_ id: PointID) -> (slot: Slot, point: PendingPoint)? {
        for part in pending {
            if let slot = part.slot(of: id), let point = part[slot] { return (slot, point) }
        }
        return nil
    }

    /// Whether a slot was written to since the catalogue was brought up to date.
    func isPending(_ slot: Slot) -> Bool { pending.contains { $0[slot] != nil } }

    /// Hands on what was written last of every point.
    func forEachPending(_ body: (Slot, PendingPoint) throws -> Void) rethrows {
        for (age, part) in pending.enumerated() {
            try part.forEach { slot, point in
                if !pending[..<age].contains(where: { $0[slot] != nil }) { try body(slot, point) }
            }
        }
    }
}
