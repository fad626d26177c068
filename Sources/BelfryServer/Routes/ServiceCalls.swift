import Belfry
import Files

/// What is asked of the server itself.
enum ServiceCalls {
    /// Clients compare it with their own: they take one version more or less.
    static let version = "1.19.0"

    @Sendable static func version(_ service: Service, _ call: Call) -> Answer {
        let json: JSON = ["title": "belfry - embedding search engine", "version": .string(version)]
        return Answer(.document(Array(json.text().utf8)))
    }

    @Sendable static func health(_ service: Service, _ call: Call) -> Answer {
        Answer(.text("healthz check passed", type: "text/plain"))
    }

    @Sendable static func ready(_ service: Service, _ call: Call) -> Answer {
        Answer(.text("all shards are ready", type: "text/plain"))
    }

    @Sendable static func metrics(_ service: Service, _ call: Call) -> Answer {
        var text = service.metrics.text() + service.recommender.metrics.text() + service.audit.text()
        text += service.shadows.text()
        text += "# TYPE belfry_requests_running gauge\nbelfry_requests_running \(service.work.load)\n"
        text += "# TYPE belfry_uptime_seconds counter\n"
        text += "belfry_uptime_seconds \((ContinuousClock.now - service.started) / .seconds(1))\n"
        text += "# TYPE belfry_memory_bytes gauge\nbelfry_memory_bytes \(ProcessMemory.resident)\n"
        text += "# TYPE belfry_collection_points gauge\n# TYPE belfry_collection_segments gauge\n"
        for served in service.collections.all() {
            guard let collection = served.openedAlready else { continue }
            let label = "{collection=\"\(PrometheusLabel.escaped(served.name))\"}"
            let view = collection.view
            let segments = collection.configuration.spaces.indices.reduce(0) { $0 + view.segmentCount(of: $1) }
            text += "belfry_collection_points\(label) \(view.count)\nbelfry_collection_segments\(label) \(segments)\n"
        }
        return Answer(.text(text, type: "text/plain; version=0.0.4"))
    }

    @Sendable static func openAPI(_ service: Service, _ call: Call) -> Answer {
        Answer(.document(Array(OpenAPI.document.text().utf8)))
    }

    @Sendable static func telemetry(_ service: Service, _ call: Call) -> Answer {
        let count = service.collections.names().count
        return Answer([
            "id": "belfry", "app": ["name": "belfry", "version": .string(version), "features": [:]],
            "collections": ["number_of_collections": .integer(Int64(count))], "cluster": ["enabled": false],
        ])
    }

    @Sendable static func cluster(_ service: Service, _ call: Call) -> Answer { Answer(["status": "disabled"]) }

    @Sendable static func issues(_ service: Service, _ call: Call) -> Answer { Answer(["issues": []]) }

    @Sendable static func clearIssues(_ service: Service, _ call: Call) -> Answer { .done }

    /// What servers in a cluster do: clients know by the status that this one is none of them.
    @Sendable static func refuseAlone(_ service: Service, _ call: Call) throws -> Answer {
        throw Refusal(405, "Method not allowed: the server runs in standalone mode")
    }

    static func refuse(_ what: String) -> @Sendable (Service, Call) throws -> Answer {
        { _, _ in throw Refusal.notOffered(what) }
    }
}
