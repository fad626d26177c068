import Files
import Shards
package import Vectors

// Points that others have written to the collection in whose place a build's is put: they stay, but for those that the rows
// have as well.
extension BuildingDirectory {
    /// Takes over the points of others that have a vector.
    package func carryOthers(_ elementType: ElementType, threads: Int) throws(BelfryError) {
        guard let previous, try !catalogue.read({ try $0.document(Self.others, as: Bool.self) ?? false }) else {
            return
        }
        var (points, vectors) = ([NewPoint](), [[Float]]())
        func flush() throws(BelfryError) {
            guard !points.isEmpty else { return }
            try write(points, Matrix(vectors), elementType, refused: 0, threads: threads)
            (points, vectors) = ([], [])
        }
        try previous.forEachOther { point, vector in
            // One that is there the rows have, or a build that was interrupted here has taken it over already.
            guard let vector, try catalogue.read({ try $0.point(point.id) }) == nil else { return }
            points.append(point)
            vectors.append(vector)
            if points.count == Self.othersAtATime { try flush() }
        }
        try flush()
        try catalogue.write { try $0.put(Self.others, true) }
    }

    /// So many points of others are held in memory.
    private static let othersAtATime = 8_192

    /// Takes over the points of others that have no vector. Their slots follow those of all rows, of which there will be no
    /// more.
    /// - Returns: How many points there are.
    func carryBare() throws(BelfryError) -> Int {
        let first = Slot(finishedRows)
        guard let previous else { return Int(first) }
        var slot = first
        try catalogue.write { transaction in
            // What an interrupted build has taken over.
            try transaction.removePoints(from: first)
            guard previous.hasBarePoints else { return }
            try previous.forEachOther { point, vector in
                guard vector == nil, try transaction.point(point.id) == nil else { return }
                guard slot < Slot.max else { throw Self.tooMany(layout.path) }
                try transaction.insert(
                    .init(
                        slot: slot, id: point.id, key: point.key, payload: point.payload,
                        version: point.version ?? previous.nextVersion, source: nil))
                slot += 1
            }
        }
        return Int(slot)
    }

    /// Takes over what users have seen: of points that are there, and of others, which may come back.
    func carrySeen() throws(BelfryError) {
        guard let previous else { return }
        try catalogue.write { transaction in
            // What an interrupted build has taken over.
            try transaction.removeSeen()
            // Whatever is seen by many is looked up once.
            var slots: [PointID: Slot?] = [:]
            try previous.forEachSeen { user, list in
                var list = list
                try list.findSlots(all: true) { id in
                    if let known = slots[id] { return known }
                    let slot = try transaction.slot(of: id)
                    slots[id] = .some(slot)
                    return slot
                }
                try transaction.put(list, seenBy: user)
            }
        }
    }

    /// How many points no build has made.
    func othersCount() throws(BelfryError) -> Int {
        guard previous != nil else { return 0 }
        return try catalogue.read { try $0.pointsWithoutSource() }
    }

    static func tooMany(_ path: String) -> BelfryError {
        BelfryError(.unsupported, "A collection holds at most \(Slot.max) points.", at: .init(file: path))
    }
}
