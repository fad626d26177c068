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
    /// One byte per component.
    public var codes: String { directory + "/codes" }
    /// The graph.
    public var graph: String { directory + "/graph" }
    /// The lists.
    public var lists: String { directory + "/lists" }
    /// What efforts are worth.
    public var calibration: String { directory + "/calibration" }
}

extension SegmentPaths {
    /// The names of all files that a segment may have, whatever its index: nothing else in its folder is Belfry's.
    public static let names: Set<String> = {
        let files = SegmentPaths("")
        return Set(
            [files.vectors, files.ids, files.codes, files.graph, files.lists, files.calibration].map {
                String($0.dropFirst())
            })
    }()
}
