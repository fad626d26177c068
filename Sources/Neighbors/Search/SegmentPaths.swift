/// Where a segment's files are.
public struct SegmentPaths: Sendable {
    /// The directory.
    public let directory: String
    /// The files of the segment in `directory`.
    public init(_ directory: String) { self.directory = directory }
    /// The rows in full precision.
    public var vectors: String { directory + "/vectors.shard" }
    /// Which point each row is.
    public var ids: String { directory + "/ids" }
    /// Which slot each row's point has; not there where they are consecutive.
    public var slots: String { directory + "/slots" }
    /// Sparse vectors, in the place of dense ones.
    public var sparse: String { directory + "/sparse" }
    /// Which rows of the shard are a point's, where each has several.
    public var bounds: String { directory + "/bounds" }
    /// The inverted index of sparse vectors.
    public var postings: String { directory + "/postings" }
    /// One byte per component.
    public var codes: String { directory + "/codes" }
    /// The graph.
    public var graph: String { directory + "/graph" }
    /// The lists.
    public var lists: String { directory + "/lists" }
    /// The queries that the calibration asked beside rows; not there where it asked none.
    public var queries: String { directory + "/queries" }
    /// What efforts are worth.
    public var calibration: String { directory + "/calibration" }
}

extension SegmentPaths {
    /// The names of all files that a segment may have, whatever its index: nothing else in its folder is Belfry's.
    public static let names: Set<String> = {
        let files = SegmentPaths("")
        return Set(
            [
                files.vectors, files.ids, files.slots, files.codes, files.graph, files.lists, files.queries,
                files.calibration, files.sparse, files.postings, files.bounds,
            ].map {
                String($0.dropFirst())
            })
    }()
}
