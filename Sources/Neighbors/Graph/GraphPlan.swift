import Files
import Vectors

/// Everything about a graph that is decided before the first link: where the rows are placed, and how they are coded.
///
/// What it holds of a row are its codes. The row itself is read from its source when it is inserted.
final class GraphPlan {
    let space: Space
    /// The placed rows, in the order of the graph: a random one, so that the first rows are a sample of all.
    let rows: PlacedRows
    let coder: RoutingCoder
    let records: UnsafeMutablePointer<UInt8>
    /// What distances between rows are taken from.
    let bytes: ByteRows
    /// Rows that equal others.
    let twins: Twins

    /// So many rows decide about the codes.
    static let sampleLimit = 16_384

    /// In which order rows are stored and inserted: a random one, with those that are `held` back last.
    static func order(of rows: Int, held: [UInt32], seed: UInt64) -> [UInt32] {
        var random = SplitMix64(seed: seed)
        return HeldRows.last(held, of: random.permutation(rows))
    }

    /// Plans the graph of `stored` rows, which are finite and in their order.
    init(_ stored: any VectorSource, _ space: Space, seed: UInt64, threads: Int) throws(BelfryError) {
        let rows = PlacedRows(stored, space)
        (self.space, self.rows) = (space, rows)
        twins = try Twins(rows, threads: threads)
        let center = try rows.mean()
        let coder = try Self.coder(rows, center, seed: seed)
        self.coder = coder
        let bytes = ByteRows(rows: rows.rowCount, dimension: rows.dimension)
        self.bytes = bytes
        records = UnsafeMutableRawPointer.allocate(
            byteCount: max(64, rows.rowCount * coder.shape.recordBytes), alignment: 64
        ).assumingMemoryBound(to: UInt8.self)
        nonisolated(unsafe) let (target, rounded) = (records, bytes)
        try rows.forEachBlock(threads: threads) { first, block in
            coder.encode(block, into: target + first * coder.shape.recordBytes)
            for row in 0..<block.rows {
                rounded.put(first + row, block.pointer + row * block.columns, center: center)
            }
        }
    }

    deinit { records.deallocate() }

    /// The coder with the fewest cache lines that holds all components, or whose estimates still find nearly all of the true
    /// ten nearest among the nearest twenty, on a sample.
    private static func coder(_ rows: PlacedRows, _ center: [Float], seed: UInt64) throws(BelfryError) -> RoutingCoder {
        let dimension = rows.dimension
        let first = Matrix(rows: min(rows.rowCount, sampleLimit), columns: dimension)
        try rows.copy(0..<first.rows, into: first.pointer)
        let sample = Matrix(rows: first.rows, columns: dimension)
        for row in 0..<first.rows {
            for index in 0..<dimension {
                sample.pointer[row * dimension + index] = first.pointer[row * dimension + index] - center[index]
            }
        }
        let trial = RoutingTrial(sample: sample)
        var lines = 1
        while true {
            let whole = RoutingShape(bits: 8, lines: lines, dimension: dimension)
            let half = RoutingShape(bits: 4, lines: lines, dimension: dimension)
            for shape in [whole, half] {
                // Bytes for some components against nibbles for twice as many: bytes pay where they hold them all.
                if shape == whole, whole.projected, half.components > whole.components, lines < 4 { continue }
                let coder = RoutingCoder(shape: shape, sample: sample, center: center, seed: seed)
                if !shape.projected || trial.coverage(of: coder, first) >= 0.985 { return coder }
            }
            lines += 1
        }
    }
}

extension RoutingCoder {
    /// Writes the records of some placed rows.
    fileprivate func encode(_ rows: Matrix, into records: UnsafeMutablePointer<UInt8>) {
        let projected = Matrix(rows: rows.rows, columns: shape.components)
        let scratch = Matrix(rows: rows.rows, columns: rows.columns)
        let squares = Matrix(rows: 1, columns: rows.rows)
        project(
            rows.pointer, count: rows.rows, into: projected.pointer, squares: squares.pointer,
            scratch: scratch.pointer)
        for row in 0..<rows.rows {
            encode(
                projected.pointer + row * shape.components, square: squares.pointer[row],
                into: records + row * shape.recordBytes)
        }
    }
}
