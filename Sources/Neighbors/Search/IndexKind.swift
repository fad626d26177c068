/// What finds a segment's near rows.
public enum IndexKind: String, CaseIterable, Codable, Sendable {
    /// A navigable graph.
    case hnsw
    /// Lists around centroids.
    case ivf
    /// A scan of all codes.
    case exact
}

/// What is asked for to find near rows: a kind of index, or whichever is fastest.
package enum IndexRequest: String, CaseIterable, Codable, Sendable {
    /// The one that is fastest on the data.
    case auto
    /// A navigable graph.
    case hnsw
    /// Lists around centroids.
    case ivf
    /// A scan of all codes.
    case exact

    /// The kind that is fixed; nil for `auto`.
    package var kind: IndexKind? { IndexKind(rawValue: rawValue) }
}
