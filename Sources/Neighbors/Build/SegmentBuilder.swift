public import Files
public import Shards
public import Vectors

/// Builds the files of a segment: the shard, the codes, an index and what its efforts are worth.
///
/// 1. The index says in which order the rows are stored.
/// 2. `vectors.shard` and `ids` are written in that order, then `codes` from what the shard gives back.
/// 3. The index is built and written, and calibrated. Some of the rows are held back for that: a graph is first built
///    without them, lists' centroids do not learn from them. These are queries that the index has never seen, and so are
///    the queries of other kinds that are given. Then the rows are inserted as well.
///
/// The rows are read from where they are, some at a time, and later from the shard that was written: what is held in memory
/// is the index alone. How much that is, ``SegmentMemory`` says.
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
    /// Queries like those that will be asked, to calibrate on and to choose by, beside rows of the data. A kind with too
    /// few to promise anything is left out: see ``minQueries``.
    public var queries: [QuerySample] = []
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

    /// With fewer queries of a kind than this a calibration could promise next to nothing of it.
    package static let minQueries = 100

    /// The kinds of query that are given and are enough to promise anything.
    var givenQueries: [QuerySample] { queries.filter { $0.queries.rows >= Self.minQueries } }

    /// Builds a segment of finite `rows` in `directory`, which is there; the id of row `i` is `ids(i)`.
    public func build(
        _ rows: any VectorSource, ids: (Int) -> PointID = { .number(UInt64($0)) }, in directory: String
    ) throws(BelfryError) {
        let files = SegmentPaths(directory)
        let count = rows.rowCount
        switch kind {
        case .exact:
            _ = try write(rows, [UInt32](0..<UInt32(count)), ids, files)
        case .hnsw:
            let held = try HeldRows.choose(rows, seed: seed, threads: threads)
            let space = try Space(metric: metric, of: rows)
            let (shard, codes) = try write(
                rows, GraphPlan.order(of: count, held: held, seed: seed), ids, files)
            let plan = try GraphPlan(shard, space, seed: seed, threads: threads)
            let builder = GraphBuilder(plan, options: .init(), threads: threads)
            if held.count >= Self.minQueries {
                let last = count - held.count..<count
                try builder.insert(upTo: last.lowerBound) { progress("linking", $0, count) }
                try calibrator(shard, codes).calibrate(builder, held: last, given: givenQueries)
                    .write(to: files.calibration)
            }
            try builder.insert(upTo: count) { progress("linking", $0, count) }
            try builder.write(to: files.graph)
        case .ivf:
            let held = try HeldRows.choose(rows, seed: seed, threads: threads)
            let plan = try ListsBuilder.build(
                rows: rows, held: held, metric: metric, seed: seed, threads: threads,
                progress: { progress("clustering", $0, $1) })
            let (shard, codes) = try write(rows, plan.order, ids, files)
            try plan.write(to: files.lists, stored: shard, threads: threads)
            if held.count >= Self.minQueries {
                let set = RowSet(held.map(Int.init), capacity: count)
                let places = plan.order.indices.filter { set.contains(Int(plan.order[$0])) }
                try calibrator(shard, codes).calibrate(ListsReader(files.lists), held: places, given: givenQueries)
                    .write(to: files.calibration)
            }
        }
    }

    private func calibrator(_ shard: ShardReader, _ codes: CodesReader) -> Calibrator {
        Calibrator(shard: shard, codes: codes, metric: metric, threads: threads, progress: progress)
    }

    /// Writes shard, ids and codes in the order of the index.
    private func write(
        _ rows: any VectorSource, _ order: [UInt32], _ ids: (Int) -> PointID, _ files: SegmentPaths
    ) throws(BelfryError) -> (ShardReader, CodesReader) {
        let writer = try ShardWriter(
            files.vectors, dimension: rows.dimension, elementType: elementType, threads: threads)
        let names = try IDsWriter(files.ids)
        let ordered = SelectedRows(rows, order)
        let size = 4 * Matrix.blockRows
        let block = Matrix(rows: min(size, order.count), columns: rows.dimension)
        for first in stride(from: 0, to: order.count, by: size) {
            try WorkEnd.check("build")
            let range = first..<min(first + size, order.count)
            try ordered.copy(range, into: block.pointer)
            try writer.append(block.prefix(range.count))
            for old in order[range] { try names.append(ids(Int(old))) }
            progress("compressing", range.upperBound, order.count)
        }
        try writer.finish()
        try names.finish()
        let shard = try ShardReader(files.vectors)
        try CodesWriter.write(files.codes, of: shard, metric: metric, threads: threads)
        return (shard, try CodesReader(files.codes))
    }
}
