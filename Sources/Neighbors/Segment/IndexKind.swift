/// What finds a segment's near rows.
public enum IndexKind: String, CaseIterable, Codable, Sendable {
    /// A navigable graph.
    case hnsw
    /// Lists around centroids.
    case ivf
    /// A scan of all codes.
    case exact
}
