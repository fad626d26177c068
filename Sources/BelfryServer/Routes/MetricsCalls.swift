import Belfry
import Files

/// What Prometheus reads: Belfry's own, and some of it by the names that dashboards of the interface know.
enum MetricsCalls {
    @Sendable static func text(_ service: Service, _ call: Call) throws -> Answer {
        var text = service.metrics.text() + service.recommender.metrics.text() + service.audit.text()
        text += service.shadows.text()
        text += PrometheusText.series("belfry_requests_running", .gauge, service.work.load)
        text += PrometheusText.series(
            "belfry_uptime_seconds", .counter, (ContinuousClock.now - service.started) / .seconds(1))
        text += PrometheusText.series("belfry_memory_bytes", .gauge, ProcessMemory.now.resident)
        let all = service.collections.all()
        let open = all.compactMap { served in
            served.openedAlready.map { (name: served.name, collection: $0, view: $0.view) }
        }
        /// A figure of every collection that is open.
        func figures(_ name: String, _ label: String = "collection", _ figure: (VectorCollection, View) -> Int?) {
            text += PrometheusText.series(
                name, .gauge, nil,
                open.compactMap { one in figure(one.collection, one.view).map { ([(label, one.name)], $0) } })
        }
        figures("belfry_collection_points") { $1.count }
        figures("belfry_collection_segments") { $1.parts.count { !$0.isPending } }
        figures("belfry_collection_last_write") { Int(clamping: $1.lastWrite) }
        figures("belfry_collection_pending_points") { $1.pendingPoints }
        figures("belfry_collection_disk_bytes") { collection, _ in
            // Nothing is said where a file goes while they are counted.
            try? System.fileBytes(under: collection.path)
        }
        text += PrometheusText.series(
            "app_info", .gauge, nil, [([("name", "belfry"), ("version", ServiceCalls.version)], 1)])
        text += PrometheusText.series("collections_total", .gauge, all.count)
        figures("collection_points", "id") { $1.count }
        text += service.metrics.responses(byCollection: try call.query.flag("per_collection") ?? false)
        return Answer(.text(text, type: "text/plain; version=0.0.4"))
    }
}
