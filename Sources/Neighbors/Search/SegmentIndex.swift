public import Files
public import Shards
public import Vectors

/// A segment that is open for search: the shard, the codes, and an index if it has one.
///
/// ## Usage
/// ```swift
/// let segment = try SegmentIndex("segments/000001", metric: .cosine)
/// let searcher = segment.makeSearcher()
/// let near = try searcher.search(query, k: 10, effort: segment.effort(recall: 0.95, k: 10))
/// ```
/// Opening reads headers and small sections only.
public final class SegmentIndex: Sendable {
    /// How hard a search works.
    public enum Effort: Hashable, Sendable {
        /// All rows: nothing is missed.
        case exact
        /// A walk through the graph that expands so many of the nearest rows.
        case graph(window: Int)
        /// A scan of so many of the nearest lists.
        case lists(probes: Int)
        /// A walk, or a scan of lists, that goes on for as long as what is next is at most so many times as far from the
        /// query as the k-th nearest row found.
        case following(ratio: Float)
    }

    /// What finds near rows.
    public let kind: IndexKind
    /// How vectors are compared.
    public let metric: Metric
    /// The rows in full precision.
    public let shard: ShardReader
    /// What the efforts are worth; nil where that was not measured: every recall below 1 is then answered exactly.
    public let calibration: RecallCalibration?
    package let codes: CodesReader
    let graph: GraphReader?
    let lists: ListsReader?

    /// Opens the segment in `directory`.
    /// - Parameter names: The files that are its own: an index that is not among them is none, in whatever state it is.
    ///   By default, all that are there.
    /// - Throws: `notFound`, or `corruptData` with file and offset, also for files that do not belong together.
    public init(_ directory: String, metric: Metric, files names: Set<String>? = nil) throws(BelfryError) {
        func has(_ path: String) -> Bool {
            names?.contains(String(path.dropFirst(directory.count + 1))) ?? System.exists(path)
        }
        let files = SegmentPaths(directory)
        self.metric = metric
        shard = try ShardReader(files.vectors)
        codes = try CodesReader(files.codes)
        graph = has(files.graph) ? try GraphReader(files.graph) : nil
        lists = has(files.lists) ? try ListsReader(files.lists) : nil
        kind = graph != nil ? .hnsw : lists != nil ? .ivf : .exact
        calibration = has(files.calibration) ? try RecallCalibration(files.calibration) : nil
        try Self.demand(codes.rowCount, codes.dimension, codes.metric, codes.path, shard, metric)
        if let lists { try Self.demand(lists.rowCount, lists.dimension, lists.metric, lists.path, shard, metric) }
        if let graph { try Self.demand(graph.rowCount, graph.dimension, graph.metric, graph.path, shard, metric) }
    }

    private static func demand(
        _ rows: Int, _ dimension: Int, _ metric: Metric, _ path: String, _ shard: ShardReader, _ wanted: Metric
    ) throws(BelfryError) {
        guard rows == shard.rowCount, dimension == shard.dimension, metric == wanted else {
            throw .corrupt(
                "It holds \(rows) rows of \(dimension) under \(metric.rawValue); the segment has \(shard.rowCount) rows of "
                    + "\(shard.dimension) under \(wanted.rawValue).", at: .init(file: path))
        }
    }

    /// The bytes per row that a search reads again and again: codes and index, not the shard.
    public var memoryBytesPerVector: Double {
        codes.bytesPerVector + (graph?.bytesPerVector ?? lists?.bytesPerVector ?? 0)
    }

    /// The fixed efforts of the index, from cheapest to most expensive.
    public var efforts: [Effort] {
        if graph != nil { return GraphEffort.windows.map { .graph(window: $0) } }
        guard let lists else { return [.exact] }
        return ListsEffort.probes(lists: lists.listCount).map { .lists(probes: $0) }
    }

    /// The cheapest effort that keeps a recall target for every kind of query of the calibration: see ``RecallPromise``.
    /// For more rows than were calibrated nothing is promised. What would compute more distances than there are rows is a
    /// scan. Where `k` is more than a sixteenth of the rows, an index
    /// would see most of them anyway, and miss some: all are scanned, as where `k` is more than a walk through a graph can
    /// keep.
    /// - Parameter styles: how the queries are, if that is known; nil for any kind.
    public func effort(recall target: Double, k: Int, for styles: Set<QueryStyle>? = nil) -> Effort {
        guard k > 0, k <= shard.rowCount / 16, kind != .hnsw || k <= GraphSearcher.limit / 4, target < 1,
            let calibration, let choice = calibration.choice(recall: target, k: k, for: styles),
            calibration.evaluations(choice.level, k: k, for: styles) < Double(shard.rowCount)
        else { return .exact }
        return .following(ratio: Slack.ratio(choice.effort))
    }

    /// What one thread searches with.
    /// - Parameter readsAhead: for lists that are larger than memory: lists, codes and blocks are asked for before they are
    ///   needed, and nothing around them is read. It costs a call of the kernel for each where all is in memory. By
    ///   default, where the files are more than half of the memory that the process may use. A graph does not read ahead.
    public func makeSearcher(readsAhead: Bool? = nil) -> SegmentSearcher {
        SegmentSearcher(self, readsAhead: readsAhead ?? (fileBytes > System.memoryLimit / 2))
    }

    /// Cache lines of a graph's routing codes; nil where there is no graph.
    package var routingLines: Int? { graph?.format.shape.lines }

    /// Bytes of shard, codes and index.
    public var fileBytes: Int { shard.fileBytes + Int(memoryBytesPerVector * Double(shard.rowCount)) }
}
