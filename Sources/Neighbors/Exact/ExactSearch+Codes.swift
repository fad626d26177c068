import Files
import Shards
import Synchronization
import Vectors

// The scan by codes.
//
// 1. The codes are handed out in runs, which each thread's ``CodesScan`` walks through. No row beyond the last limit can be
//    among the k nearest.
// 2. The threads' limits are merged; what each had kept is held against the common one.
// 3. The survivors are read from the shard in the order of their lower bounds, and compared in f32, until the next lower
//    bound is above the k-th distance.
// 4. A query with so many survivors that decoding all blocks is cheaper is handed over to the scan in f32.
extension ExactSearch {
    /// The top-k of every query by the codes of all rows that the filter keeps, or of the `listed` ones.
    func nearestByCodes(
        _ queries: Matrix, _ k: Int, _ codes: CodesReader, listed: [UInt32]?, _ filter: RowFilter?, _ threads: Int
    ) throws(BelfryError) -> [TopK] {
        let candidates = try scan(queries, k, codes, listed, filter, threads)
        let tops = Mutex([TopK](repeating: TopK(k), count: queries.rows))
        try WorkPool(threads: threads).run(queries.rows, "search") { worker in
            let comparer = CandidateComparer(shard, kernel)
            while worker.one({ index throws(BelfryError) in
                guard let survivors = candidates[index].survivors else { return }
                let query = kernel.prepare(queries.pointer + index * queries.columns, dimension: queries.columns)
                let top = try comparer.nearest(query, survivors, k)
                tops.withLock { $0[index] = top }
            }) {}
        }
        var result = tops.withLock { $0 }
        let undecided = candidates.indices.filter { candidates[$0].survivors == nil }
        if !undecided.isEmpty {
            let rest = Matrix(undecided.map { queries[$0] })
            let found = try compare(rest, k, listed.map { .rows($0) } ?? .blocks(filter), threads)
            for (place, index) in undecided.enumerated() { result[index] = found[place] }
        }
        return result
    }

    /// What may be among the k nearest of every query.
    private func scan(
        _ queries: Matrix, _ k: Int, _ codes: CodesReader, _ listed: [UInt32]?, _ filter: RowFilter?, _ threads: Int
    ) throws(BelfryError) -> [Candidates] {
        let prepared = (0..<queries.rows).map { index in
            let query = codes.makeQuery()
            query.prepare(queries.pointer + index * queries.columns)
            return query
        }
        // Only read from here on.
        nonisolated(unsafe) let shared = prepared
        let rows = listed?.count ?? codes.rowCount
        // One row by itself costs some ten times its share of a whole block.
        let empty = Candidates(k, most: max(16 * k, rows / 16))
        let tile = CodesScan.tile(of: codes.code, queries: queries.rows)
        let run = tile * max(1, (1 << 18) / (tile * codes.code.recordSize))

        let merged = Mutex([Candidates](repeating: empty, count: queries.rows))
        try WorkPool(threads: threads).run((rows + run - 1) / run, "search") { worker in
            var scan = CodesScan(codes.code, shared, filter, empty)
            while worker.one({ piece throws(BelfryError) in
                let places = piece * run..<min((piece + 1) * run, rows)
                if let listed {
                    listed.withUnsafeBufferPointer {
                        scan.look(at: codes.records, listed: UnsafeBufferPointer(rebasing: $0[places]))
                    }
                } else {
                    scan.look(at: codes.records, places)
                }
            }) {}
            let mine = scan.candidates
            merged.withLock { merged in
                for index in mine.indices { merged[index].offer(mine[index]) }
            }
        }
        return merged.withLock { $0 }
    }
}

/// Compares candidates in f32. Not thread-safe: use one per thread.
private final class CandidateComparer {
    private let shard: ShardReader
    private let kernel: DistanceKernel
    private let row: UnsafeMutableBufferPointer<Float>
    private let scratch = ShardReader.Scratch()

    init(_ shard: ShardReader, _ kernel: DistanceKernel) {
        self.shard = shard
        self.kernel = kernel
        row = .allocate(capacity: shard.dimension)
    }

    deinit { row.deallocate() }

    /// The top-k of candidates that come with lower bounds, smallest first.
    func nearest(_ query: DistanceKernel.Query, _ candidates: [Neighbor], _ k: Int) throws(BelfryError) -> TopK {
        try TopK(k, nearestOf: candidates) { number throws(BelfryError) in
            try shard.copyRow(Int(number), into: row, scratch)
            return kernel.distance(to: query, row: row.baseAddress!)
        }
    }
}
