import Files

/// What a collection lets through, as `strict_mode_config` says it. There is one where `enabled` is true.
final class StrictMode: Sendable {
    /// Numbers that a request or the collection may not exceed.
    enum Most: String, CaseIterable {
        case queryLimit = "max_query_limit"
        case timeout = "max_timeout"
        case effort = "search_max_hnsw_ef"
        case searchBatch = "search_max_batchsize"
        case writeBatch = "upsert_max_batchsize"
        case filterConditions = "filter_max_conditions"
        case conditionSize = "condition_max_size"
        case vectorBytes = "max_collection_vector_size_bytes"
        case payloadBytes = "max_collection_payload_size_bytes"
        case points = "max_points_count"
        case payloadIndexes = "max_payload_index_count"
        case readsPerMinute = "read_rate_limit"
        case writesPerMinute = "write_rate_limit"

        /// The least that may be set.
        fileprivate var least: Int {
            switch self {
            case .queryLimit, .timeout, .points, .readsPerMinute, .writesPerMinute: 1
            default: 0
            }
        }
    }

    /// What is allowed unless it is set to false.
    enum Permission: String, CaseIterable {
        case unindexedReads = "unindexed_filtering_retrieve"
        case unindexedWrites = "unindexed_filtering_update"
        case exactSearch = "search_allow_exact"
    }

    private static let mostOversampling = "search_max_oversampling"
    /// Numbers by the names of vectors: where they stand, and what they are called there.
    private static let sparse = (config: "sparse_config", most: "max_length")
    private static let multi = (config: "multivector_config", most: "max_vectors")

    private let most: [Most: Int]
    private let forbidden: Set<Permission>
    let mostOversampling: Double?
    /// Indices that a sparse vector may have, by the names of vectors.
    let sparseLengths: [String: Int]
    /// Vectors that a multivector may have, by its name.
    let multiLengths: [String: Int]
    let reads: RateLimit?
    let writes: RateLimit?
    let sizes = StorageSizes()

    /// What a stored configuration says; nil where strict mode is off. What is of the wrong kind in it, which older versions have
    /// taken, says nothing.
    init?(_ config: JSON?, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        guard let config, config["enabled"]?.bool == true else { return nil }
        var most: [Most: Int] = [:]
        for name in Most.allCases { most[name] = config[name.rawValue]?.integer }
        self.most = most
        forbidden = Set(Permission.allCases.filter { config[$0.rawValue]?.bool == false })
        mostOversampling = config[Self.mostOversampling]?.number
        sparseLengths = Self.lengths(config, Self.sparse)
        multiLengths = Self.lengths(config, Self.multi)
        reads = most[.readsPerMinute].map { RateLimit(.read, capacity: $0, now: now) }
        writes = most[.writesPerMinute].map { RateLimit(.write, capacity: $0, now: now) }
    }

    private static func lengths(_ config: JSON, _ place: (config: String, most: String)) -> [String: Int] {
        let vectors = config[place.config] ?? [:]
        return Dictionary(
            vectors.names.compactMap { name in vectors[name]?[place.most]?.integer.map { (name, $0) } }
        ) { first, _ in first }
    }

    subscript(_ name: Most) -> Int? { most[name] }

    func allows(_ permission: Permission) -> Bool { !forbidden.contains(permission) }

    /// Refuses a value of a request that is too large.
    /// - Parameter shown: what the refusal calls it.
    func require(_ value: Int?, within name: Most, as shown: String) throws(Refusal) {
        guard let value, let most = most[name], value > most else { return }
        throw Self.exceeded("\(value)", "\(most)", shown)
    }

    func requireOversampling(_ value: Double?) throws(Refusal) {
        guard let value, let most = mostOversampling, value > most else { return }
        throw Self.exceeded("\(value)", "\(most)", "oversampling")
    }

    private static func exceeded(_ value: String, _ most: String, _ shown: String) -> Refusal {
        .bad("Limit exceeded \(value) > \(most) for \"\(shown)\". Help: Reduce it to \(most) or below.")
    }
}

// MARK: setting it

extension StrictMode {
    /// Checks what a client wants to set. Members that this does not know are none of its concern.
    static func check(_ body: Body?) throws(Refusal) {
        guard let body else { return }
        for name in ["enabled"] + Permission.allCases.map(\.rawValue) { _ = try body.flag(name) }
        for name in Most.allCases { _ = try body.whole(name.rawValue, from: name.least) }
        _ = try body.number(mostOversampling)
        for place in [sparse, multi] {
            guard let vectors = try body.object(place.config) else { continue }
            for name in vectors.json.names { _ = try vectors.object(name)?.whole(place.most, from: 1) }
        }
    }
}
