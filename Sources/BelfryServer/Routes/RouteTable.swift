import HTTPTypes

/// All calls, from top to bottom. docs/http.md describes them; what is not here is answered with 404.
enum RouteTable {
    static let all: [Route] = offered + refused

    static let offered: [Route] = [service, collections, points, queries, aliases, snapshots, models].flatMap { $0 }

    private static let service: [Route] = [
        Route(.get, "/", .reading, of: .own, on: .none, ServiceCalls.version),
        Route(.get, "/healthz", .nothing, on: .none, ServiceCalls.health),
        Route(.get, "/livez", .nothing, on: .none, ServiceCalls.health),
        Route(.get, "/readyz", .nothing, on: .none, ServiceCalls.ready),
        Route(.get, "/metrics", .reading, MetricsCalls.text),
        Route(.get, "/openapi.json", .reading, ServiceCalls.openAPI),
        Route(.get, "/telemetry", .reading, TelemetryCalls.telemetry),
        Route(.get, "/cluster", .reading, on: .none, ServiceCalls.cluster),
        Route(.get, "/issues", .reading, on: .none, ServiceCalls.issues),
        Route(.get, "/jobs", .reading, of: .own, JobCalls.list),
        Route(.delete, "/jobs/{id}", .managing, JobCalls.cancel),
        Route(.delete, "/issues", .managing, on: .none, ServiceCalls.clearIssues),
    ]

    private static let collections: [Route] = [
        Route(.get, "/collections", .reading, of: .own, CollectionCalls.list),
        Route(.get, "/collections/{name}", .reading, CollectionCalls.info),
        Route(.put, "/collections/{name}", .managing, on: .long, CollectionCalls.create),
        Route(.patch, "/collections/{name}", .managing, CollectionCalls.change),
        Route(.delete, "/collections/{name}", .managing, on: .long, CollectionCalls.delete),
        Route(.get, "/collections/{name}/exists", .reading, CollectionCalls.exists),
        Route(.put, "/collections/{name}/index", .writing, on: .long, CollectionCalls.index),
        Route(.delete, "/collections/{name}/index/{field}", .writing, on: .long, CollectionCalls.dropIndex),
        Route(.put, "/collections/{name}/vectors/{vector}", .managing, on: .long, VectorCalls.add),
        Route(.delete, "/collections/{name}/vectors/{vector}", .managing, on: .long, VectorCalls.drop),
        Route(.get, "/collections/{name}/optimizations", .reading, OptimizationCalls.list),
        Route(.get, "/collections/{name}/cluster", .reading, CollectionCalls.cluster),
    ]

    private static let points: [Route] = [
        Route(.put, "/collections/{name}/points", .writing, PointCalls.write("upsert")),
        Route(.post, "/collections/{name}/points", .reading, PointCalls.retrieve),
        Route(.get, "/collections/{name}/points/{id}", .reading, PointCalls.get),
        Route(.post, "/collections/{name}/points/delete", .writing, PointCalls.write("delete")),
        Route(.put, "/collections/{name}/points/vectors", .writing, PointCalls.write("update_vectors")),
        Route(.post, "/collections/{name}/points/vectors/delete", .writing, PointCalls.write("delete_vectors")),
        Route(.post, "/collections/{name}/points/payload", .writing, PointCalls.write("set_payload")),
        Route(.put, "/collections/{name}/points/payload", .writing, PointCalls.write("overwrite_payload")),
        Route(.post, "/collections/{name}/points/payload/delete", .writing, PointCalls.write("delete_payload")),
        Route(.post, "/collections/{name}/points/payload/clear", .writing, PointCalls.write("clear_payload")),
        Route(.post, "/collections/{name}/points/batch", .writing, PointCalls.batch),
        Route(.post, "/collections/{name}/points/scroll", .reading, PointCalls.scroll),
        Route(.post, "/collections/{name}/points/count", .reading, PointCalls.count),
        Route(.post, "/collections/{name}/facet", .reading, PointCalls.facet),
        Route(.post, "/collections/{name}/seen", .writing, SeenCalls.note),
        Route(.post, "/collections/{name}/seen/forget", .writing, SeenCalls.forget),
        Route(.get, "/collections/{name}/seen/{user}", .reading, on: .long, SeenCalls.list),
        Route(.post, "/collections/{name}/recommend", .reading, RecommendCalls.recommend),
        Route(.post, "/feedback", .writing, RecommendCalls.feedback),
    ]

    private static let queries: [Route] = [
        Route(.post, "/collections/{name}/points/query", .reading, QueryCalls.query),
        Route(.post, "/collections/{name}/points/query/batch", .reading, QueryCalls.batch),
        Route(.post, "/collections/{name}/points/query/groups", .reading, QueryCalls.groups),
        Route(.post, "/collections/{name}/points/search/matrix/pairs", .reading, QueryCalls.pairs),
        Route(.post, "/collections/{name}/points/search/matrix/offsets", .reading, QueryCalls.offsets),
        // What clients up to 1.18 and those of other languages send.
        Route(.post, "/collections/{name}/points/search", .reading, QueryCalls.older(OlderQueries.search)),
        Route(.post, "/collections/{name}/points/search/batch", .reading, QueryCalls.olderBatch(OlderQueries.search)),
        Route(.post, "/collections/{name}/points/search/groups", .reading, QueryCalls.olderGroups(OlderQueries.search)),
        Route(.post, "/collections/{name}/points/recommend", .reading, QueryCalls.older(OlderQueries.recommend)),
        Route(
            .post, "/collections/{name}/points/recommend/batch", .reading, QueryCalls.olderBatch(OlderQueries.recommend)
        ),
        Route(
            .post, "/collections/{name}/points/recommend/groups", .reading,
            QueryCalls.olderGroups(OlderQueries.recommend)),
        Route(.post, "/collections/{name}/points/discover", .reading, QueryCalls.older(OlderQueries.discover)),
        Route(
            .post, "/collections/{name}/points/discover/batch", .reading, QueryCalls.olderBatch(OlderQueries.discover)),
    ]

    private static let aliases: [Route] = [
        Route(.get, "/aliases", .reading, of: .own, AliasCalls.all),
        Route(.get, "/collections/{name}/aliases", .reading, AliasCalls.ofCollection),
        Route(.post, "/collections/aliases", .managing, AliasCalls.change),
    ]

    private static let snapshots: [Route] = [
        Route(.get, "/collections/{name}/snapshots", .reading, SnapshotCalls.list),
        Route(.post, "/collections/{name}/snapshots", .managing, on: .long, SnapshotCalls.create),
        Route(.get, "/collections/{name}/snapshots/{file}", .reading, SnapshotCalls.download),
        Route(.delete, "/collections/{name}/snapshots/{file}", .managing, on: .long, SnapshotCalls.delete),
        Route(.put, "/collections/{name}/snapshots/recover", .managing, on: .long, SnapshotCalls.recover),
        Route(
            .post, "/collections/{name}/snapshots/upload", .managing, on: .long, isStreamed: true, SnapshotCalls.upload),
        Route(.get, "/snapshots", .reading, SnapshotCalls.listWhole),
        Route(.post, "/snapshots", .managing, on: .long, SnapshotCalls.createWhole),
        Route(.get, "/snapshots/{file}", .reading, SnapshotCalls.downloadWhole),
        Route(.delete, "/snapshots/{file}", .managing, on: .long, SnapshotCalls.deleteWhole),
    ]

    private static let models: [Route] = [
        Route(.get, "/v1/models", .reading, of: .own, ModelCalls.list),
        Route(.post, "/v1/embeddings", .reading, of: .own, ModelCalls.embed),
        Route(.post, "/v1/rerank", .reading, of: .own, RerankCalls.rerank),
        Route(.post, "/mcp", .reading, of: .own, MCPCalls.message),
    ]

    /// What the interface has and Belfry does not, by name.
    private static let refused: [Route] = [
        Route(.put, "/collections/{name}/shards", .managing, on: .none, ServiceCalls.refuse("shard keys")),
        Route(.get, "/collections/{name}/shards", .reading, on: .none, ServiceCalls.refuse("shard keys")),
        Route(.post, "/collections/{name}/shards/delete", .managing, on: .none, ServiceCalls.refuse("shard keys")),
        Route(.post, "/collections/{name}/cluster", .managing, on: .none, ServiceCalls.refuse("clusters")),
        Route(.post, "/cluster/recover", .managing, on: .none, ServiceCalls.refuseAlone),
        Route(.delete, "/cluster/peer/{id}", .managing, on: .none, ServiceCalls.refuseAlone),
        Route(.get, "/quotas", .reading, on: .none, ServiceCalls.refuse("quotas")),
        Route(.put, "/quotas", .managing, on: .none, ServiceCalls.refuse("quotas")),
    ]
}
