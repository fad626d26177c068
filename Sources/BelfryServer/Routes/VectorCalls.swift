import Belfry
import Files

/// Kinds of vector that come and go while a collection lives.
enum VectorCalls {
    @Sendable static func add(_ service: Service, _ call: Call) async throws -> Answer {
        let target = try service.target(call)
        let (name, body) = (call.names[1], try call.json())
        let isSparse = body.has("sparse")
        guard let kind = try body.object(isSparse ? "sparse" : "dense") else {
            throw Refusal.format("", "missing field `dense` or `sparse`")
        }
        // What it says is read as where a collection is made.
        let made = try CollectionRecord(
            creating: Body([isSparse ? "sparse_vectors" : "vectors": .object([name: kind.json])])
        ) { try service.collections.folder.tower($0) }
        guard let space = try made.description().spaces.first else { return .done }
        try await target.collection.add(space)
        try target.served.changeRecord { $0.add(made) }
        return WriteAnswer.updated(target.collection.view.lastWrite, call: call)
    }

    @Sendable static func drop(_ service: Service, _ call: Call) async throws -> Answer {
        let target = try service.target(call)
        let place = try target.place(ofSpace: call.names[1])
        try await target.collection.drop(space: target.configuration.spaces[place].name)
        try target.served.changeRecord { $0.dropVectors(call.names[1]) }
        service.audit.forget(target.served.name)
        return WriteAnswer.updated(target.collection.view.lastWrite, call: call)
    }
}

extension CollectionRecord {
    /// Adds the vectors of another record to the configuration.
    mutating func add(_ other: CollectionRecord) {
        change("vectors") { vectors in for (name, params) in other.dense { vectors[name] = params } }
        change("sparse_vectors") { vectors in for (name, params) in other.sparse { vectors[name] = params } }
        towers.merge(other.towers) { $1 }
    }

    mutating func dropVectors(_ name: String) {
        for kind in ["vectors", "sparse_vectors"] { change(kind) { $0[name] = nil } }
        towers[name] = nil
    }

    /// Changes the vectors of a kind as members by their names.
    private mutating func change(_ kind: String, _ body: (inout JSON.Members) -> Void) {
        guard case .object(var config) = config, case .object(var params)? = config["params"] else { return }
        let own = kind == "vectors" ? dense : sparse
        var members = JSON.Members(own.map { ($0.name, $0.params) })
        body(&members)
        params[kind] =
            members.isEmpty && kind != "vectors"
            ? nil : members.count == 1 ? members[""] ?? .object(members) : .object(members)
        config["params"] = .object(params)
        self.config = .object(config)
    }
}
