import Vectors

/// The rows of a view that are in one chunk.
struct MemtablePiece {
    /// Where they are.
    let chunk: MemtableChunk
    /// The number of the first of them.
    let first: Int
    /// How many.
    let count: Int
    /// The rows as the view numbers them.
    var range: Range<Int> { first..<first + count }
}

// The comparison in f32.
//
// 1. Rows are taken in runs of some 32 KiB, which stay in the first cache while all queries pass over them.
// 2. Each query's distances to the run go to its top-k, which asks the filter only where the distance is good enough.
// 3. Listed rows are taken one by one.
extension MemtableView {
    /// The view's rows, chunk by chunk: `pieces[i]` is of chunk i. Chunks are asked for once for a search.
    var pieces: [MemtablePiece] {
        guard count > 0 else { return [] }
        let layout = memtable.layout
        return (0...layout.chunk(of: count - 1)).map { index in
            let (chunk, first) = (memtable.chunk(index), layout.first(index))
            return MemtablePiece(chunk: chunk, first: first, count: min(chunk.count, count - first))
        }
    }

    /// The top-k of every query over the rows of `pieces` that the filter keeps.
    func compare(_ queries: Matrix, _ k: Int, _ pieces: [MemtablePiece], _ filter: RowFilter?) -> [TopK] {
        let (kernel, dimension) = (memtable.kernel, memtable.dimension)
        let run = max(8, (1 << 15) / (dimension * MemoryLayout<Float>.stride) / 8 * 8)
        let prepared = prepare(queries)
        var tops = [TopK](repeating: TopK(k), count: queries.rows)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: run) { distances in
            let distances = distances.baseAddress!
            for piece in pieces {
                for place in stride(from: 0, to: piece.count, by: run) {
                    let count = min(run, piece.count - place)
                    let (rows, first) = (piece.chunk.rows + place * dimension, UInt32(piece.first + place))
                    for index in tops.indices {
                        kernel.distances(to: prepared[index], rows: rows, count: count, into: distances)
                        tops[index].offer(distances, count: count, firstRow: first, filter: filter)
                    }
                }
            }
        }
        return tops
    }

    /// The top-k of every query over the listed rows.
    func compare(_ queries: Matrix, _ k: Int, _ listed: [UInt32], in pieces: [MemtablePiece]) -> [TopK] {
        let prepared = prepare(queries)
        var tops = [TopK](repeating: TopK(k), count: queries.rows)
        for row in listed {
            for index in tops.indices { tops[index].offer(row, distance(to: prepared[index], Int(row), in: pieces)) }
        }
        return tops
    }

    /// The distance to one row.
    func distance(to query: DistanceKernel.Query, _ row: Int, in pieces: [MemtablePiece]) -> Float {
        let piece = pieces[memtable.layout.chunk(of: row)]
        return memtable.kernel.distance(to: query, row: piece.chunk.rows + (row - piece.first) * memtable.dimension)
    }

    private func prepare(_ queries: Matrix) -> [DistanceKernel.Query] {
        (0..<queries.rows).map {
            memtable.kernel.prepare(queries.pointer + $0 * queries.columns, dimension: queries.columns)
        }
    }
}
