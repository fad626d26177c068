import Belfry
import Files

// Writes: looked at before anything of them is read in earnest, so that what is refused is not embedded either.

extension Admission {
    /// - Parameter operations: those of a request, by name, each with its body.
    func writes(_ operations: [(name: String, body: Body)]) throws {
        var cost = 0
        var payloads = 0
        var new: [JSON] = []
        var (bringsVectors, bringsPayloads) = (false, false)
        for (name, body) in operations {
            let filter = try PointNames.filter(body, name.isOfPoints ? "update_filter" : "filter")
            _ = try check(filter, .unindexedWrites)
            let points = WrittenPoints(body)
            switch name {
            case "upsert":
                let ids = points.ids
                try strict.require(ids.count, within: .writeBatch, as: "upsert limit")
                try checkLengths(points)
                if !points.areThere { new += ids }
                (bringsVectors, bringsPayloads) = (true, true)
                payloads += bytes(points.payloads)
                cost += ids.count
            case "update_vectors":
                let ids = points.ids
                try strict.require(ids.count, within: .writeBatch, as: "update limit")
                try checkLengths(points)
                bringsVectors = true
                cost += ids.count
            default:
                let changed = try filter.map { try expectedPoints($0) } ?? body.list("points")?.count ?? 0
                if ["set_payload", "overwrite_payload"].contains(name) {
                    bringsPayloads = true
                    payloads += bytes(body["payload"].map { [$0] } ?? []) * changed
                }
                cost += max(1, changed)
            }
        }
        try requireRoom(for: new)
        if bringsVectors { try requireVectorBytes() }
        if bringsPayloads { try requirePayloadBytes() }
        try write(cost)
        strict.sizes.notePayloads(bytes: payloads)
    }

    /// How many points a filter lets through; of fields without an index, which nobody is to look through for this, half of all.
    private func expectedPoints(_ filter: Filter) throws -> Int {
        guard strict.writes != nil || strict[.payloadBytes] != nil else { return 1 }
        guard (try? indexes.require(filter)) != nil else { return target.collection.count / 2 }
        return try target.collection.onCurrentView { view throws(BelfryError) in try view.slots(where: filter).count }
    }

    // MARK: vectors

    private func checkLengths(_ points: WrittenPoints) throws(Refusal) {
        guard !strict.sparseLengths.isEmpty || !strict.multiLengths.isEmpty else { return }
        for (name, vector) in points.vectors {
            if let most = strict.sparseLengths[name], let count = vector["indices"]?.array?.count, count > most {
                throw .bad("Sparse vector '\(name)' has a limit of \(most) indices, but \(count) were provided!")
            }
            if let most = strict.multiLengths[name], case .array(let rows) = vector, case .array? = rows.first,
                rows.count > most
            {
                throw .bad("Multivector '\(name)' has a limit of \(most) vectors, but \(rows.count) were provided!")
            }
        }
    }

    // MARK: the collection's size

    /// Refuses points for which there is no room: none are taken any more where the collection is full, not even those that are
    /// there already, nor any that would make it more than full.
    private func requireRoom(for ids: [JSON]) throws {
        guard let most = strict[.points], !ids.isEmpty else { return }
        let reached = Refusal.bad("Max points count limit of \(most) reached!")
        let count = target.collection.count
        guard count < most else { throw reached }
        guard count + ids.count > most else { return }
        let names = try PointNames.names(ids, "id")
        let known = try target.collection.points(names).points.count
        guard count + Set(names.map { PointName($0).id }).count - known <= most else { throw reached }
    }

    private func requireVectorBytes() throws {
        guard let most = strict[.vectorBytes], try vectorBytes() >= most else { return }
        throw Refusal.bad("Max vector storage size limit of \(most) bytes reached!")
    }

    private func requirePayloadBytes() throws(Refusal) {
        guard let most = strict[.payloadBytes] else { return }
        guard strict.sizes.payloadBytes(in: "\(target.served.path)/catalog.sqlite") >= most else { return }
        throw .bad("Max payload storage size limit of \(most) bytes reached!")
    }

    private func bytes(_ payloads: [JSON]) -> Int {
        strict[.payloadBytes] == nil ? 0 : payloads.reduce(0) { $0 + $1.text().utf8.count }
    }

    /// Bytes of all vectors as they are stored, without codes and indexes: of dense ones exactly, of the others by what some of
    /// them have.
    private func vectorBytes() throws(BelfryError) -> Int {
        let view = target.collection.view
        let spaces = view.configuration.spaces
        let means =
            spaces.allSatisfy { $0.kind == .dense }
            ? [:] : try strict.sizes.vectorMeans { () throws(BelfryError) in try sampledMeans() }
        return spaces.indices.reduce(0) { bytes, place in
            let space = spaces[place]
            let mean = space.kind == .dense ? Double(space.bytes) : means[space.name] ?? 0
            return bytes + Int(Double(view.count(in: place)) * mean)
        }
    }

    private static let sampled = 100

    private func sampledMeans() throws(BelfryError) -> [String: Double] {
        try target.collection.onCurrentView { view throws(BelfryError) in
            var bytes: [String: [Int]] = [:]
            for point in try view.scroll(after: nil, limit: min(Self.sampled, view.count)) {
                for (name, vector) in try view.vectors(of: point) {
                    guard let place = try? view.configuration.place(ofSpace: name) else { continue }
                    bytes[name, default: []].append(view.configuration.spaces[place].bytes(of: vector))
                }
            }
            return bytes.mapValues { Double($0.reduce(0, +)) / Double($0.count) }
        }
    }
}

extension String {
    /// Whether an operation of this name brings whole points or vectors of points.
    fileprivate var isOfPoints: Bool { self == "upsert" || self == "update_vectors" }
}

extension VectorSpace {
    /// Bytes of a vector's components.
    fileprivate var bytes: Int { dimension * element.size }

    fileprivate func bytes(of vector: PointVector) -> Int {
        switch vector {
        case .dense: bytes
        case .multi(let rows): rows.count * bytes
        // A term and its weight.
        case .sparse(let terms): terms.indices.count * 8
        }
    }
}
