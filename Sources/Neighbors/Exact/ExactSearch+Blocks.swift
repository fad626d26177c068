import Files
import Shards
import Synchronization
import Vectors

// The scan in f32.
//
// 1. The shard's blocks are handed out in runs of some 32 KiB, which stay in the first cache while all queries pass
//    over them. Each run is decoded once, and widened to f32.
// 2. Each query's distances to the run go to its top-k, which asks the filter only where the distance is
//    good enough.
// 3. Each thread has a top-k of its own per query; they are merged at the end.
extension ExactSearch {
    /// What to compare.
    enum Source {
        /// All blocks: of their rows those that a filter keeps.
        case blocks(RowFilter?)
        /// These rows, in ascending order.
        case rows([UInt32])
    }

    /// The top-k of every query over a part of the shard.
    func compare(_ queries: Matrix, _ k: Int, _ source: Source, _ threads: Int) throws(BelfryError) -> [TopK] {
        let rowBytes = shard.dimension * MemoryLayout<Float>.size
        let blocksPerRun = max(1, (1 << 15) / max(1, shard.rowsPerBlock * rowBytes))
        let rowsPerRun = blocksPerRun * shard.rowsPerBlock
        let runs =
            switch source {
            case .blocks: (shard.blockCount + blocksPerRun - 1) / blocksPerRun
            case .rows(let rows): (rows.count + rowsPerRun - 1) / rowsPerRun
            }
        let merged = Mutex([TopK](repeating: TopK(k), count: queries.rows))
        try WorkPool(threads: threads).run(runs, "search") { worker in
            var comparer = Comparer(shard, kernel, queries, k, room: min(rowsPerRun, shard.rowCount))
            while worker.one({ run throws(BelfryError) in
                switch source {
                case .blocks(let filter):
                    let first = run * blocksPerRun
                    try comparer.compare(blocks: first..<min(first + blocksPerRun, shard.blockCount), filter)
                case .rows(let rows):
                    let first = run * rowsPerRun
                    try comparer.compare(rows: rows[first..<min(first + rowsPerRun, rows.count)])
                }
            }) {}
            let tops = comparer.tops
            merged.withLock { merged in
                for (index, top) in tops.enumerated() { merged[index].offer(top) }
            }
        }
        return merged.withLock { $0 }
    }

    /// What one thread works with.
    private struct Comparer: ~Copyable {
        let shard: ShardReader
        let kernel: DistanceKernel
        let queries: [DistanceKernel.Query]
        let rows: Matrix
        let distances: Matrix
        let scratch = ShardReader.Scratch()
        var tops: [TopK]

        init(_ shard: ShardReader, _ kernel: DistanceKernel, _ queries: Matrix, _ k: Int, room: Int) {
            self.shard = shard
            self.kernel = kernel
            self.queries = (0..<queries.rows).map {
                kernel.prepare(queries.pointer + $0 * queries.columns, dimension: queries.columns)
            }
            rows = Matrix(rows: room, columns: shard.dimension)
            distances = Matrix(rows: 1, columns: room)
            tops = [TopK](repeating: TopK(k), count: queries.rows)
        }

        /// Offers the rows of some blocks to every query.
        mutating func compare(blocks: Range<Int>, _ filter: RowFilter?) throws(BelfryError) {
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
                tops[index].offer(pointer, count: count, firstRow: UInt32(first), filter: filter)
            }
        }

        /// Offers some rows to every query.
        mutating func compare(rows listed: ArraySlice<UInt32>) throws(BelfryError) {
            for (place, row) in listed.enumerated() { try shard.copyRow(Int(row), into: rows.row(place), scratch) }
            let pointer = distances.pointer
            for index in queries.indices {
                kernel.distances(to: queries[index], rows: rows.pointer, count: listed.count, into: pointer)
                for (place, row) in listed.enumerated() { tops[index].offer(row, pointer[place]) }
            }
        }
    }
}
