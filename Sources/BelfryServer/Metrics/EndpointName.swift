/// The templates of routes as clients and dashboards of the interface know them.
enum EndpointName {
    private static let parts = [
        ("collections/{name}", "collections/{collection_name}"), ("index/{field}", "index/{field_name}"),
        ("vectors/{vector}", "vectors/{vector_name}"), ("snapshots/{file}", "snapshots/{snapshot_name}"),
        ("peer/{id}", "peer/{peer_id}"),
    ]

    static func of(_ template: String) -> String {
        parts.reduce(template) { name, part in name.replacing(part.0, with: part.1) }
    }
}
