import Belfry
import Files
import Foundation

/// What the server says of itself to whoever collects that: the members of the interface, as far as Belfry has such a thing.
enum TelemetryCalls {
    /// - Note: `details_level` as clients know it: 0 for counts alone, 1 for collections too, 2 for how they are configured.
    @Sendable static func telemetry(_ service: Service, _ call: Call) throws -> Answer {
        let level = call.query["details_level"].flatMap { Int($0) } ?? 0
        let uptime = (ContinuousClock.now - service.started) / .seconds(1)
        var collections: JSON.Members = [
            "number_of_collections": .integer(Int64(service.collections.names().count))
        ]
        var members: JSON.Members = [
            "id": "belfry",
            "app": [
                "name": "belfry", "version": .string(ServiceCalls.version), "features": features,
                "startup": .string(Timestamp(Date(timeIntervalSinceNow: -uptime)).description),
            ],
            "cluster": ["enabled": false],
            "requests": [
                "rest": ["responses": responses(service.metrics, withTimes: level > 0)], "grpc": ["responses": [:]],
            ],
            "quota": ["config": ["enabled": false], "exceeded": ["resident_memory": .null, "disk_usage": .null]],
        ]
        if level > 0 {
            collections["collections"] = .array(try open(service).map { try json($0, $1, level) })
            collections["snapshots"] = []
            let memory = ProcessMemory.now
            members["memory"] = [
                "resident_bytes": .integer(Int64(memory.resident)), "active_bytes": .integer(Int64(memory.own)),
                "allocated_bytes": .integer(Int64(memory.data)), "retained_bytes": .integer(Int64(memory.virtual)),
                "metadata_bytes": 0,
            ]
            members["hardware"] = ["collection_data": [:]]
            let threads = JSON.integer(Int64(service.work.count))
            members["search_pool"] = ["mode": "high_cpu", "high_cpu_threads": threads, "high_io_threads": 0]
        }
        members["collections"] = .object(collections)
        return Answer(.object(members))
    }

    private static let features: JSON = [
        "debug": false, "service_debug_feature": false, "recovery_mode": false, "gpu": false, "rocksdb": false,
        "staging": false,
    ]

    /// By `PUT /collections/{collection_name}/points` and its like, and by status.
    private static func responses(_ metrics: RequestMetrics, withTimes: Bool) -> JSON {
        var all: [String: JSON.Members] = [:]
        for (key, times) in metrics.ofRoutes {
            let micros = times.seconds * 1e6
            var members: JSON.Members = [
                "count": .integer(Int64(times.count)), "avg_duration_micros": .number(micros / Double(times.count)),
                "total_duration_micros": .integer(Int64(micros)),
            ]
            if withTimes { members["last_responded"] = .string(Timestamp(times.last).description) }
            all["\(key.method) \(EndpointName.of(key.route))", default: [:]]["\(key.status)"] = .object(members)
        }
        return .object(JSON.Members(all.map { ($0.key, .object($0.value)) }))
    }

    /// Those that are open: telemetry opens none.
    private static func open(_ service: Service) -> [(ServedCollection, VectorCollection)] {
        service.collections.all().compactMap { served in served.openedAlready.map { (served, $0) } }
    }

    private static func json(_ served: ServedCollection, _ collection: VectorCollection, _ level: Int) throws -> JSON {
        let config = try served.record().config
        guard level == 1 else { return ["id": .string(served.name), "config": config] }
        let view = collection.view
        let vectors = view.configuration.spaces.indices.reduce(0) { $0 + view.count(in: $1) }
        return [
            "vectors": .integer(Int64(vectors)), "optimizers_status": "ok", "params": config["params"] ?? [:],
        ]
    }
}
