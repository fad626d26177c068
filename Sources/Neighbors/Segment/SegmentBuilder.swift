public import Files
public import Shards
public import Vectors

/// Builds the files of a segment: the shard, the codes, an index and what its efforts are worth.
///
/// 1. The index says in which order the rows are stored.
/// 2. `vectors.shard` and `ids` are written in that order, then `codes` from what the shard gives back.
/// 3. The index is built and written, and calibrated on queries that are given. Without them a graph is first built
///    without some of the rows: these are queries that it has never seen, and calibrate it. Then they are inserted as well.
///
/// The files have the same bytes for any number of threads.
public struct SegmentBuilder: Sendable {
    /// How vectors are compared.
    public var metric: Metric
    /// What finds near rows.
    public var kind: IndexKind
    /// How a component is stored.
    public var elementType: ElementType
    /// What all that is random starts from.
    public var seed: UInt64
    /// Queries like those that will be asked, to calibrate on and to choose by. Where there are none, rows of the data
    /// take their place.
    public var queries: Matrix?
    /// How many threads work.
    public var threads: Int
    /// Hears how many of how many are done, and of what.
    public var progress: @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void

    /// A builder.
    public init(
        metric: Metric, kind: IndexKind, elementType: ElementType = .f32, seed: UInt64 = 1, threads: Int = 1,
        progress: @escaping @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in }
    ) {
        (self.metric, self.kind, self.elementType) = (metric, kind, elementType)
        (self.seed, self.threads, self.progress) = (seed, threads, progress)
    }

    /// Queries of a calibration, and rows that are held back from a graph for it: few beside the rest, and enough that what
    /// was found of one neighbour each has a standard error of less than 0.007.
    static func calibrationRows(_ count: Int) -> Int { min(2_000, count / 20) }

    /// The queries that are there, if they are enough to promise anything.
    var givenQueries: Matrix? { queries.flatMap { $0.rows >= Self.fewestQueries ? $0 : nil } }

    /// With fewer queries than this a calibration could promise next to nothing.
    package static let fewestQueries = 100

    /// Builds a segment of finite `rows` in `directory`, which is there; the id of row `i` is `ids(i)`.
    public func build(
        _ rows: Matrix, ids: (Int) -> PointID = { .number(UInt64($0)) }, in directory: String
    ) throws(BelfryError) {
        let files = SegmentFiles(directory)
        switch kind {
        case .exact:
            _ = try write(rows, [UInt32](0..<UInt32(rows.rows)), ids, files)
        case .hnsw:
            let plan = GraphPlan(rows: rows, metric: metric, seed: seed, threads: threads)
            let (shard, codes) = try write(rows, plan.order, ids, files)
            let builder = GraphBuilder(plan, options: .init(), threads: threads)
            let held = Self.calibrationRows(rows.rows)
            let calibrator = Calibrator(
                shard: shard, codes: codes, metric: metric, threads: threads, progress: progress)
            let isGiven = givenQueries != nil
            builder.insert(upTo: rows.rows - (isGiven ? 0 : held)) { progress("linking", $0, rows.rows) }
            if held >= Self.fewestQueries {
                try calibrator.calibrate(builder, givenQueries, held: held).write(to: files.calibration)
            }
            builder.insert(upTo: rows.rows) { progress("linking", $0, rows.rows) }
            try builder.write(to: files.graph)
        case .ivf:
            let plan = try ListsBuilder.build(
                rows: rows, metric: metric, seed: seed, threads: threads,
                progress: { progress("clustering", $0, $1) })
            let (shard, codes) = try write(rows, plan.order, ids, files)
            try plan.write(to: files.lists, threads: threads)
            let held = Self.calibrationRows(rows.rows)
            if held >= Self.fewestQueries {
                try Calibrator(shard: shard, codes: codes, metric: metric, threads: threads, progress: progress)
                    .calibrate(ListsReader(files.lists), givenQueries, queries: held, seed: seed)
                    .write(to: files.calibration)
            }
        }
    }

    /// Writes shard, ids and codes in the order of the index.
    private func write(
        _ rows: Matrix, _ order: [UInt32], _ ids: (Int) -> PointID, _ files: SegmentFiles
    ) throws(BelfryError) -> (ShardReader, CodesReader) {
        let writer = try ShardWriter(
            files.vectors, dimension: rows.columns, elementType: elementType, threads: threads)
        let names = try IDsWriter(files.ids)
        for (new, old) in order.enumerated() {
            try writer.append(components: UnsafeBufferPointer(rows.row(Int(old))))
            try names.append(ids(Int(old)))
            if new % 4_096 == 0 { progress("compressing", new, order.count) }
        }
        try writer.finish()
        try names.finish()
        let shard = try ShardReader(files.vectors)
        try CodesWriter.write(files.codes, of: shard, metric: metric, threads: threads)
        return (shard, try CodesReader(files.codes))
    }
}

/// Where a segment's files are.
public struct SegmentFiles: Sendable {
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
