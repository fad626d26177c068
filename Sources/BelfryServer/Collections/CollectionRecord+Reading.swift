import Belfry
import Files
import Vectors

// What clients say of a collection: when they make it, and when they change it.

extension CollectionRecord {
    /// Reads the body of `PUT /collections/{name}`.
    init(creating body: Body, tower: (String) throws -> String) throws {
        for name in ["shard_number", "replication_factor", "write_consistency_factor"] {
            _ = try body.whole(name, from: 1)
        }
        if body["sharding_method"]?.string == "custom" { throw Refusal.notOffered("custom shards") }
        if body.has("init_from") { throw Refusal.notOffered("init_from") }
        _ = try body.flag("on_disk_payload")
        try Self.checkIndex(body.object("hnsw_config"))
        var members = JSON.Members()
        for name in [
            "vectors", "sparse_vectors", "shard_number", "replication_factor", "write_consistency_factor",
            "on_disk_payload", "payload", "hnsw_config", "wal_config", "optimizers_config", "quantization_config",
            "strict_mode_config", "metadata",
        ] {
            members[name] = body[name]
        }
        // Older clients say it so.
        members["quantization_config"] = body["quantization_config"] ?? body["quantization"]
        try Self.checkMemory(body.object("payload"))
        if let vectors = try body.object("vectors") { members["vectors"] = try Self.checkVectors(vectors) }
        if let sparse = try body.object("sparse_vectors") { try Self.checkSparse(sparse) }
        _ = try body.object("metadata")
        try StrictMode.check(body.object("strict_mode_config"))
        self.init(config: Self.config(members))
        let names = Set(dense.map(\.name))
        if let both = sparse.first(where: { names.contains($0.name) }) {
            throw Refusal(
                400,
                "Wrong input: Dense and sparse vector names must be unique - duplicate found with '\(both.name)'")
        }
        for (name, params) in dense {
            if let wanted = params["tower"]?.string { towers[name] = try tower(wanted) }
        }
        try Self.checkRecall(config["metadata"])
    }

    private init(config: JSON) { self.config = config }

    /// Vectors without the members that are null, checked.
    private static func checkVectors(_ body: Body) throws -> JSON {
        if body.has("size") || body.has("distance") { return try checkParams(body) }
        var members = JSON.Members()
        for name in body.json.names {
            guard let params = try body.object(name) else { continue }
            guard name != placeholder else { throw Refusal.bad("Vectors cannot have this name") }
            members[name] = try checkParams(params)
        }
        return .object(members)
    }

    private static func checkParams(_ body: Body) throws -> JSON {
        guard let size = try body.whole("size", from: 1) else {
            throw Refusal.format(body.place, "missing field `size`")
        }
        guard size <= 65_536 else { throw Refusal.invalid(body.path("size"), size, "must be from 1 to 65536") }
        guard let distance = try body.text("distance") else {
            throw Refusal.format(body.place, "missing field `distance`")
        }
        _ = try Metric(wireName: distance)
        try checkIndex(body.object("hnsw_config"))
        try checkMemory(body)
        var members = JSON.Members()
        for name in body.json.names where body.has(name) && name != "quantization" { members[name] = body[name] }
        members["quantization_config"] = body["quantization_config"] ?? body["quantization"]
        return .object(members)
    }

    /// - Throws: 400 for a name that is none; 400, 422 for params that sparse vectors cannot have.
    private static func checkSparse(_ body: Body) throws {
        for name in body.json.names {
            guard !name.isEmpty else { throw Refusal(400, "Wrong input: Sparse vector name cannot be empty") }
            guard let params = try body.object(name) else { continue }
            let modifier = try params.text("modifier")
            if try WordIndex(sparseVectors: params) != nil, modifier == "none" {
                throw Refusal.invalid(params.path("modifier"), "none", "words weigh rare terms: leave it out")
            }
            guard modifier == nil || modifier == "none" || modifier == "idf" else {
                throw Refusal.format(
                    params.path("modifier"), "unknown variant `\(modifier ?? "")`, expected none or idf")
            }
            if let index = try params.object("index"), let type = try index.text("datatype"), type.hasPrefix("turbo") {
                throw Refusal.invalid(index.path("datatype"), type, "sparse vectors do not support it")
            }
        }
    }

    private static func checkIndex(_ body: Body?) throws {
        _ = try body?.whole("ef_construct", from: 4)
        _ = try body?.whole("m")
    }

    /// Vectors and payloads are on disk, and in memory as the system sees fit: none of them can be held there.
    private static func checkMemory(_ body: Body?) throws {
        guard let body, let memory = try body.text("memory") else { return }
        switch memory {
        case "cold", "cached": break
        case "pinned": throw Refusal.invalid(body.path("memory"), memory, "must be cold or cached")
        default: throw Refusal.format(body.path("memory"), "unknown variant `\(memory)`, expected cold or cached")
        }
    }

    private static func checkRecall(_ metadata: JSON?) throws {
        guard let recall = metadata?["recall"]?.number else { return }
        guard recall > 0, recall <= 1 else {
            throw Refusal.invalid("metadata.recall", recall, "must be above 0 and up to 1")
        }
    }

    // MARK: changing

    /// Takes in the body of `PATCH /collections/{name}`.
    mutating func change(_ body: Body) throws {
        guard case .object(var config) = config, case .object(var params)? = config["params"] else { return }
        try Self.checkIndex(body.object("hnsw_config"))
        try StrictMode.check(body.object("strict_mode_config"))
        try Self.checkMemory(body.object("params")?.object("payload"))
        if let vectors = try body.object("vectors") {
            params["vectors"] = try changedVectors(params["vectors"] ?? [:], vectors)
        }
        if let sparse = try body.object("sparse_vectors") {
            guard case .object(var all) = params["sparse_vectors"] ?? [:] else { return }
            try Self.checkSparse(sparse)
            for name in sparse.json.names {
                guard let old = all[name] else { throw Self.noVectors(name) }
                let isOfWords = old["words"] != nil
                guard sparse[name]?["words"] == nil, !isOfWords || sparse[name]?["modifier"] != "none" else {
                    throw Refusal.bad(
                        "What is searched by words cannot be changed: drop the vectors \(name.debugDescription), and add others"
                    )
                }
                all[name] = Self.merged(old, sparse[name])
            }
            params["sparse_vectors"] = .object(all)
        }
        config["params"] = Self.merged(.object(params), body["params"])
        for (name, own) in [
            ("hnsw_config", "hnsw_config"), ("optimizers_config", "optimizer_config"),
            ("strict_mode_config", "strict_mode_config"),
        ] where body.has(name) {
            config[own] = Self.merged(config[own] ?? [:], body[name])
        }
        if let quantization = body["quantization_config"] {
            config["quantization_config"] = quantization.string == "Disabled" ? .null : quantization
        }
        if case .object(let metadata)? = body["metadata"] {
            guard case .object(var kept) = config["metadata"] ?? [:] else { return }
            for (name, value) in metadata.sorted { kept[name] = value == .null ? nil : value }
            try Self.checkRecall(.object(kept))
            config["metadata"] = .object(kept)
        }
        self.config = .object(config)
    }

    private func changedVectors(_ old: JSON, _ changes: Body) throws -> JSON {
        guard case .object(var all) = old else { return old }
        let isUnnamed = all["size"] != nil && all["distance"] != nil
        for name in changes.json.names {
            guard let change = try changes.object(name) else { continue }
            try Self.checkIndex(change.object("hnsw_config"))
            try Self.checkMemory(change)
            guard let current = isUnnamed && name.isEmpty ? old : isUnnamed ? nil : all[name] else {
                throw Self.noVectors(name)
            }
            guard case .object(var params) = current else { continue }
            params["hnsw_config"] =
                change.has("hnsw_config")
                ? Self.merged(params["hnsw_config"] ?? [:], change["hnsw_config"]) : params["hnsw_config"]
            for member in ["on_disk", "memory"] where change.has(member) { params[member] = change[member] }
            if let quantization = change["quantization_config"] {
                params["quantization_config"] = quantization.string == "Disabled" ? nil : quantization
            }
            if isUnnamed { return .object(params) }
            all[name] = .object(params)
        }
        return .object(all)
    }

    static func noVectors(_ name: String) -> Refusal {
        Refusal(400, "Wrong input: Not existing vector name error: \(name)")
    }
}
