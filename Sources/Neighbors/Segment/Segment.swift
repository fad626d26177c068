public import Files
public import Shards
public import Vectors

/// A segment that is open for search: the shard, the codes, and an index if it has one.
///
/// ## Usage
/// ```swift
/// let segment = try Segment("segments/000001", metric: .cosine)
/// let searcher = segment.makeSearcher()
/// let near = try searcher.search(query, k: 10, effort: segment.effort(recall: 0.95, k: 10))
/// ```
/// Opening reads headers and small sections only.
public final class Segment: Sendable {
    /// How hard a search works.
    public enum Effort: Hashable, Sendable {
        /// All rows: nothing is missed.
        case exact
        /// A walk through the graph that expands so many of the nearest rows.
        case graph(window: Int)
        /// A scan of so many of the nearest lists.
        case lists(probes: Int)
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
        let files = SegmentFiles(directory)
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

    /// The efforts of the index, cheap to dear.
    public var efforts: [Effort] {
        if graph != nil { return GraphEffort.windows.map { .graph(window: $0) } }
        guard let lists else { return [.exact] }
        return ListsEffort.probes(lists: lists.listCount).map { .lists(probes: $0) }
    }

    /// The cheapest effort whose mean recall on queries like the calibration's is at least `target`. For more rows than were
    /// calibrated it is extrapolated, and nothing is promised: see ``RecallCalibration``. Where `k` is more than a sixteenth
    /// of the rows, an index would see most of them anyway, and miss some: all are scanned, as where `k` is
    /// more than a walk through a graph can keep.
    public func effort(recall target: Double, k: Int) -> Effort {
        guard k > 0, k <= shard.rowCount / 16, kind != .hnsw || k <= GraphSearcher.limit, target < 1,
            let choice = calibration?.choice(recall: target, k: k),
            let parameter = choice.effort.parameters.first
        else { return .exact }
        let size = choice.scaled(Int(parameter))
        return kind == .hnsw ? .graph(window: size) : .lists(probes: size)
    }

    /// What one thread searches with.
    /// - Parameter readsAhead: for lists that are larger than memory: lists, codes and blocks are asked for before they are
    ///   needed, and nothing around them is read. It costs a call of the kernel for each where all is in memory. By
    ///   default, where the files are more than half of the memory that the process may use. A graph does not read ahead.
    public func makeSearcher(readsAhead: Bool? = nil) -> SegmentSearcher {
        SegmentSearcher(self, readsAhead: readsAhead ?? (fileBytes > System.memoryLimit / 2))
    }

    /// Bytes of shard, codes and index.
    public var fileBytes: Int { shard.fileBytes + Int(memoryBytesPerVector * Double(shard.rowCount)) }
}
