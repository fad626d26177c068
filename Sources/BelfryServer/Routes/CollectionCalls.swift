import Belfry
import Files

/// Collections, and the indexes of their payload fields.
enum CollectionCalls {
    @Sendable static func list(_ service: Service, _ call: Call) -> Answer {
        let names = service.all(for: call.caller).map(\.name)
        return Answer(["collections": .array(names.map { ["name": .string($0)] })])
    }

    @Sendable static func info(_ service: Service, _ call: Call) throws -> Answer {
        Answer(try CollectionInfo.json(service.served(call)))
    }

    @Sendable static func exists(_ service: Service, _ call: Call) throws -> Answer {
        try CollectionName.require(call.names[0])
        return Answer(["exists": .bool(service.collections.exists(call.names[0]))])
    }

    @Sendable static func create(_ service: Service, _ call: Call) throws -> Answer {
        let record = try CollectionRecord(creating: call.json()) { try service.collections.folder.tower($0) }
        try service.collections.create(call.names[0], record)
        return .done
    }

    @Sendable static func change(_ service: Service, _ call: Call) async throws -> Answer {
        let body = try call.json()
        let served = try service.served(call)
        var changed = try served.record()
        try changed.change(body)
        // What has an effect comes first: nothing is told that is not so.
        let collection = try served.collection()
        for (name, params) in changed.sparse {
            let weighs = CollectionRecord.weighsRareTerms(params)
            guard let space = collection.configuration.spaces.first(where: { $0.name == name }),
                space.weighsRareTerms != weighs
            else { continue }
            try await collection.weighRareTerms(weighs, ofSpace: name)
        }
        try served.changeRecord { try $0.change(body) }
        if body.has("strict_mode_config") { served.renewStrictMode() }
        return .done
    }

    @Sendable static func delete(_ service: Service, _ call: Call) async throws -> Answer {
        try CollectionName.require(call.names[0])
        let isGone = try await service.collections.delete(call.names[0])
        if isGone {
            service.metrics.forget(call.names[0])
            service.audit.forget(call.names[0])
        }
        return Answer(.bool(isGone))
    }

    // MARK: indexes

    @Sendable static func index(_ service: Service, _ call: Call) async throws -> Answer {
        let body = try call.json()
        guard let name = try body.text("field_name"), !name.isEmpty else {
            throw Refusal.format("", "missing field `field_name`")
        }
        let schema = try PayloadSchema(name, body["field_schema"] ?? body["field_type"])
        let target = try service.target(call)
        try Admission(target)?.index(of: schema.field.path)
        // A field has one index: of another kind, it takes the old one's place.
        let others = target.collection.indexedFields.filter { $0.path == schema.field.path && $0 != schema.field }
        try await service.jobs.run("index of \(name)", of: target.served.name, canEnd: false) { _ in
            if !others.isEmpty { try await target.collection.dropIndex(of: others) }
            try await target.collection.index([schema.field])
        }
        try target.served.changeRecord { $0.schema[name] = schema.params }
        return WriteAnswer.updated(target.collection.view.lastWrite, call: call)
    }

    @Sendable static func dropIndex(_ service: Service, _ call: Call) async throws -> Answer {
        let target = try service.target(call)
        let path = try JSONPath(call.names[1])
        try Admission(target)?.write(1)
        let fields = target.collection.indexedFields.filter { $0.path == path }
        if !fields.isEmpty {
            try await target.collection.dropIndex(of: fields)
            try target.served.changeRecord { $0.schema[call.names[1]] = nil }
        }
        return WriteAnswer.updated(target.collection.view.lastWrite, call: call)
    }

    // MARK: what one server has none of

    @Sendable static func cluster(_ service: Service, _ call: Call) throws -> Answer {
        let target = try service.target(call)
        let shard: JSON = ["shard_id": 0, "points_count": .integer(Int64(target.collection.count)), "state": "Active"]
        return Answer([
            "peer_id": 0, "shard_count": 1, "local_shards": [shard], "remote_shards": [], "shard_transfers": [],
        ])
    }
}
