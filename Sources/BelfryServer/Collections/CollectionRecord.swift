import Belfry
import Files
import Vectors

/// What a client said of a collection when it made it, as it is told again: `GET /collections/{name}` echoes it. Much of it
/// has no effect here (docs/http.md says what), and clients compare it all the same.
struct CollectionRecord: Sendable, Equatable {
    /// `params`, `hnsw_config`, `optimizer_config`, `wal_config`, `quantization_config`, `strict_mode_config`, `metadata`.
    var config: JSON
    /// Of each indexed field what was asked for: `{"type": "keyword", …}`.
    var schema: JSON.Members = [:]
    /// By the names of vectors, the tower whose copy embeds them.
    var towers: [String: String] = [:]

    /// The space of a collection that a client has made without vectors: every collection of the engine has one.
    static let placeholder = "\u{2205}"

    // MARK: on disk

    /// What a file says; nil where there is none that can be read.
    init?(file: String) {
        guard System.exists(file), let data = try? System.read(file),
            let json = try? JSON(parsing: data, source: file), let config = json["config"]
        else { return nil }
        self.config = config
        if case .object(let members)? = json["schema"] { schema = members }
    }

    func write(to file: String) throws(BelfryError) {
        let json = JSON.object(["config": config, "schema": .object(schema)])
        try System.write(.init(json.text().utf8), to: file)
    }

    // MARK: of a collection that was made elsewhere

    init(of configuration: CollectionConfiguration) {
        var (dense, sparse) = (JSON.Members(), JSON.Members())
        for space in configuration.spaces {
            switch space.kind {
            case .sparse:
                var members: JSON.Members = space.weighsRareTerms ? ["modifier": "idf"] : [:]
                members["words"] = space.words?.json
                sparse[space.name] = .object(members)
            case .dense, .multi:
                var members: JSON.Members = [
                    "size": .integer(Int64(space.dimension)), "distance": .string(space.metric.wireName),
                ]
                if space.element != .f32 { members["datatype"] = .string(space.element.wireName) }
                if space.kind == .multi { members["multivector_config"] = ["comparator": "max_sim"] }
                dense[space.name] = .object(members)
            }
        }
        var body: JSON.Members = ["metadata": ["recall": .number(configuration.recall)]]
        body["vectors"] = dense.count == 1 ? dense[""] ?? .object(dense) : .object(dense)
        if !sparse.isEmpty { body["sparse_vectors"] = .object(sparse) }
        config = Self.config(body)
    }

    // MARK: the configuration

    /// What a new collection's configuration is, from the members of the request that makes it.
    static func config(_ body: JSON.Members) -> JSON {
        var params: JSON.Members = [
            "vectors": body["vectors"] ?? [:], "shard_number": body["shard_number"] ?? 1,
            "replication_factor": body["replication_factor"] ?? 1,
            "write_consistency_factor": body["write_consistency_factor"] ?? 1,
            "on_disk_payload": body["on_disk_payload"] ?? true,
        ]
        for name in ["sparse_vectors", "payload"] { params[name] = body[name] }
        var config: JSON.Members = [
            "params": .object(params),
            "hnsw_config": merged(
                [
                    "m": 16, "ef_construct": 100, "full_scan_threshold": 10_000, "max_indexing_threads": 0,
                    "on_disk": false,
                ], body["hnsw_config"]),
            "optimizer_config": merged(
                [
                    "deleted_threshold": 0.2, "vacuum_min_vector_number": 1_000, "default_segment_number": 0,
                    "max_segment_size": .null, "memmap_threshold": .null, "indexing_threshold": 10_000,
                    "flush_interval_sec": 5, "max_optimization_threads": .null,
                ], body["optimizers_config"]),
            "wal_config": merged(
                ["wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1], body["wal_config"]),
            "quantization_config": body["quantization_config"] ?? .null,
        ]
        for name in ["strict_mode_config", "metadata"] { config[name] = body[name] }
        return .object(config)
    }

    /// An object with the members of another one in place of its own; those that are null there leave it as it is.
    static func merged(_ old: JSON, _ new: JSON?) -> JSON {
        guard case .object(var members) = old, case .object(let changes)? = new else { return old }
        for (name, value) in changes.sorted where value != .null { members[name] = value }
        return .object(members)
    }
}

extension CollectionRecord {
    /// The vectors that are configured, by their names.
    var dense: [(name: String, params: JSON)] {
        guard let vectors = config["params"]?["vectors"] else { return [] }
        if vectors["size"] != nil, vectors["distance"] != nil { return [("", vectors)] }
        return vectors.names.map { ($0, vectors[$0] ?? .null) }
    }

    var sparse: [(name: String, params: JSON)] {
        let vectors = config["params"]?["sparse_vectors"] ?? .null
        return vectors.names.map { ($0, vectors[$0] ?? .null) }
    }

    /// Whether queries of sparse vectors with these params weigh rare terms more.
    static func weighsRareTerms(_ params: JSON) -> Bool {
        // Words always do.
        params["modifier"]?.string == "idf" || params["words"] != nil
    }

    /// What the engine is to make.
    /// - Throws: 501 for what it cannot.
    func description() throws -> VectorCollection.Description {
        var spaces: [VectorCollection.Description.Space] = []
        for (name, params) in dense {
            let dimension = params["size"]?.integer ?? 0
            let metric = try Metric(wireName: params["distance"]?.string ?? "")
            let element = ElementType(wireName: params["datatype"]?.string)
            let space =
                params["multivector_config"] == nil
                ? VectorSpace(name: name, dimension: dimension, metric: metric, element: element)
                : VectorSpace.multi(name, dimension: dimension, metric: metric, element: element)
            spaces.append(.init(space, tower: towers[name]))
        }
        for (name, params) in sparse {
            let words = try WordIndex(sparseVectors: Body(params, "sparse_vectors.\(name)"))
            spaces.append(
                .init(
                    words.map { .words($0, name: name) }
                        ?? .sparse(name, weighsRareTerms: Self.weighsRareTerms(params))))
        }
        if spaces.isEmpty { spaces = [.init(.sparse(Self.placeholder))] }
        var description = VectorCollection.Description(spaces)
        if let recall = config["metadata"]?["recall"]?.number, recall > 0, recall <= 1 { description.recall = recall }
        return description
    }
}

extension Metric {
    init(wireName: String) throws(Refusal) {
        switch wireName {
        case "Cosine": self = .cosine
        case "Dot": self = .ip
        case "Euclid": self = .l2
        case "Manhattan": self = .l1
        default: throw .format("distance", "unknown variant `\(wireName)`, expected Cosine, Dot, Euclid or Manhattan")
        }
    }

    var wireName: String {
        switch self {
        case .cosine: "Cosine"
        case .ip: "Dot"
        case .l2: "Euclid"
        case .l1: "Manhattan"
        }
    }
}

extension ElementType {
    /// How vectors of a data type are stored: bytes and quantized ones as they come, in f32.
    init(wireName: String?) { self = wireName == "float16" ? .f16 : .f32 }

    var wireName: String { self == .f32 ? "float32" : "float16" }
}
