import Dispatch
public import Files
public import Shards
import Synchronization
public import Vectors

/// The nearest rows of a shard by looking at every one of them: the truth that every index is measured against.
///
/// 1. The queries are checked against the shard's dimension, and prepared once.
/// 2. The shard's blocks are handed out in runs of some 32 KiB, which stay in the first cache while all queries pass
///    over them. Each run is decoded once, and widened to f32.
/// 3. Each query's distances to the run go to its top-k, which asks for excluded rows only where the distance is good
///    enough.
/// 4. Each thread has a top-k of its own per query; they are merged at the end. Since ties are broken by row, the answer
///    is the same for any number of threads.
///
/// It computes in f32: within one instruction set the distances are, to the bit, those of the kernel over the rows as
/// they are stored. A row with a NaN has no distance and is never returned; a run with a damaged block is an error, and
/// not skipped.
///
/// It does not look at the queries' components (`VectorCheck` does), and knows neither ids nor segments.
public struct ExactSearch: Sendable {
    /// Where the rows are.
    public let shard: ShardReader
    /// How vectors are compared.
    public var metric: Metric { kernel.metric }
    private let kernel: DistanceKernel

    /// A search over `shard`.
    public init(_ shard: ShardReader, metric: Metric, instructionSet: InstructionSet = .current) {
        self.shard = shard
        kernel = DistanceKernel(metric: metric, instructionSet: instructionSet)
    }

    /// The `k` nearest rows to one query, nearest first, fewer if the shard has fewer.
    ///
    /// - Parameters:
    ///   - excluded: Rows that must not be returned: tombstones, or what a filter leaves out.
    ///   - threads: How many threads share the work.
    /// - Throws: `invalidInput` for a query of another dimension, `corruptData` with the place of a damaged block, and
    ///   `cancelled`.
    public func search(
        _ query: [Float], k: Int, excluding excluded: RowSet? = nil, threads: Int = 1
    ) throws(BelfryError) -> [Neighbor] {
        try search(Matrix([query]), k: k, excluding: excluded, threads: threads)[0]
    }

    /// The `k` nearest rows to each query, nearest first, fewer if the shard has fewer. All queries share one pass.
    ///
    /// - Parameters:
    ///   - queries: A query per row.
    ///   - excluded: Rows that must not be returned to any query.
    ///   - ownRows: For each query the row that it was taken from, which it must not find; nil for a query from
    ///     elsewhere.
    ///   - threads: How many threads share the work.
    /// - Throws: As the search for one query.
    public func search(
        _ queries: Matrix, k: Int, excluding excluded: RowSet? = nil, ownRows: [Int?]? = nil, threads: Int = 1
    ) throws(BelfryError) -> [[Neighbor]] {
        precondition(k >= 0 && threads > 0)
        precondition(ownRows == nil || ownRows!.count == queries.rows, "an own row per query")
        guard queries.rows > 0 else { return [] }
        try check(dimension: queries.columns)
        // An own row takes at most one place of one more.
        let kept = min(k, shard.rowCount) + (ownRows == nil ? 0 : 1)
        var answers = try scan(queries, kept, excluded, threads).map(\.sorted)
        if let ownRows {
            for (index, own) in ownRows.enumerated() {
                if let own { answers[index].removeAll { Int($0.row) == own } }
                answers[index] = Array(answers[index].prefix(k))
            }
        }
        return answers
    }

    private func check(dimension: Int) throws(BelfryError) {
        guard dimension == shard.dimension else {
            throw BelfryError(
                .invalidInput, "The query has \(dimension) components; the shard's rows have \(shard.dimension).",
                at: .init(file: shard.path), remedy: "Use the model that filled the shard.")
        }
        guard shard.rowCount <= Int(UInt32.max) else {
            throw BelfryError(
                .unsupported, "The shard has \(shard.rowCount) rows; a search numbers them up to \(UInt32.max).",
                at: .init(file: shard.path), remedy: "Split it into several segments.")
        }
    }
}

extension ExactSearch {
    /// What the threads share, besides the number of the next run.
    private struct Outcome {
        var tops: [TopK]
        /// The failure in the first run of all that failed: the same one for any number of threads.
        var failure: (run: Int, error: BelfryError)?
    }

    /// The top-k of every query over the whole shard.
    private func scan(
        _ queries: Matrix, _ k: Int, _ excluded: RowSet?, _ threads: Int
    ) throws(BelfryError) -> [TopK] {
        let empty = [TopK](repeating: TopK(k), count: queries.rows)
        let blockBytes = shard.rowsPerBlock * shard.dimension * MemoryLayout<Float>.size
        let blocksPerRun = max(1, (1 << 15) / max(1, blockBytes))
        let runs = (shard.blockCount + blocksPerRun - 1) / blocksPerRun
        guard runs > 0, k > 0 else { return empty }

        let next = Atomic<Int>(0)
        let failed = Atomic<Bool>(false)
        let outcome = Mutex(Outcome(tops: empty))
        // The task is alive while this function runs, and only asked whether it was cancelled.
        nonisolated(unsafe) let task = withUnsafeCurrentTask { $0 }
        DispatchQueue.concurrentPerform(iterations: min(threads, runs)) { _ in
            var worker = Worker(shard, kernel, queries, k, blocksPerRun)
            // Runs are handed out in order and finished once begun, so the first failing one is always seen.
            while !failed.load(ordering: .relaxed) {
                let run = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard run < runs else { break }
                do throws(BelfryError) {
                    if task?.isCancelled == true { throw BelfryError(.cancelled, "The search was cancelled.") }
                    let first = run * blocksPerRun
                    try worker.scan(first..<min(first + blocksPerRun, shard.blockCount), excluded)
                } catch {
                    failed.store(true, ordering: .relaxed)
                    outcome.withLock { outcome in
                        if run < outcome.failure?.run ?? .max { outcome.failure = (run, error) }
                    }
                }
            }
            let tops = worker.tops
            outcome.withLock { outcome in
                for (index, top) in tops.enumerated() { outcome.tops[index].offer(top) }
            }
        }
        let result = outcome.withLock { $0 }
        if let failure = result.failure { throw failure.error }
        return result.tops
    }

    /// What one thread works with.
    private struct Worker: ~Copyable {
        let shard: ShardReader
        let kernel: DistanceKernel
        let queries: [DistanceKernel.Query]
        let rows: Matrix
        let distances: Matrix
        let scratch = ShardReader.Scratch()
        var tops: [TopK]

        init(_ shard: ShardReader, _ kernel: DistanceKernel, _ queries: Matrix, _ k: Int, _ blocksPerRun: Int) {
            self.shard = shard
            self.kernel = kernel
            self.queries = (0..<queries.rows).map {
                kernel.prepare(queries.pointer + $0 * queries.columns, dimension: queries.columns)
            }
            let room = min(blocksPerRun * shard.rowsPerBlock, shard.rowCount)
            rows = Matrix(rows: room, columns: shard.dimension)
            distances = Matrix(rows: 1, columns: room)
            tops = [TopK](repeating: TopK(k), count: queries.rows)
        }

        /// Offers the rows of some blocks to every query.
        mutating func scan(_ blocks: Range<Int>, _ excluded: RowSet?) throws(BelfryError) {
            let first = shard.rows(ofBlock: blocks.lowerBound).lowerBound
            var count = 0
            for block in blocks {
                let left = UnsafeMutableBufferPointer(
                    start: rows.pointer + count * rows.columns, count: (rows.rows - count) * rows.columns)
                count += try shard.decodeBlock(block, into: left, scratch).count
            }
            let pointer = distances.pointer
            for index in queries.indices {
                kernel.distances(to: queries[index], rows: rows.pointer, count: count, into: pointer)
                tops[index].offer(pointer, count: count, firstRow: UInt32(first), excluding: excluded)
            }
        }
    }
}
