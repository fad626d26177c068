import Vectors

/// Everything about a graph that is decided before the first link: the order of the rows, where they are placed, and
/// how they are coded.
final class GraphPlan {
    let space: Space
    /// `order[new]` is the row, as it was given, that is stored as row `new`: a random order, so that the first rows are
    /// a sample of all.
    let order: [UInt32]
    /// The placed rows in that order.
    let rows: Matrix
    let coder: RoutingCoder
    let records: UnsafeMutablePointer<UInt8>
    /// What distances between rows are taken from.
    let bytes: ByteRows
    /// Rows that equal others.
    let twins: Twins

    private static let sampleLimit = 16_384

    /// Plans the graph of `rows`, which are finite; those that are `held` back are stored, and inserted, last.
    init(rows given: Matrix, held: [UInt32] = [], metric: Metric, seed: UInt64, threads: Int) {
        var random = SplitMix64(seed: seed)
        space = Space(metric: metric, of: given)
        order = HeldRows.last(held, of: random.permutation(given.rows))
        rows = space.place(given, order: order, threads: threads)
        twins = Twins(rows, threads: threads)
        let center = Self.center(rows)
        bytes = ByteRows(rows, center: center, threads: threads)
        let sample = Self.sample(rows, center)
        coder = Self.coder(rows, sample, center, seed: seed)
        records = UnsafeMutableRawPointer.allocate(
            byteCount: max(64, rows.rows * coder.shape.recordBytes), alignment: 64
        ).assumingMemoryBound(to: UInt8.self)
        encode(threads: threads)
    }

    deinit { records.deallocate() }

    /// The mean of all rows, summed in their order.
    private static func center(_ rows: Matrix) -> [Float] {
        var sums = [Double](repeating: 0, count: rows.columns)
        for row in 0..<rows.rows {
            let values = rows.pointer + row * rows.columns
            for index in 0..<rows.columns { sums[index] += Double(values[index]) }
        }
        return sums.map { Float($0 / Double(max(1, rows.rows))) }
    }

    /// The first rows, centered: they are in random order.
    private static func sample(_ rows: Matrix, _ center: [Float]) -> Matrix {
        let sample = Matrix(rows: min(rows.rows, sampleLimit), columns: rows.columns)
        for row in 0..<sample.rows {
            for index in 0..<rows.columns {
                sample.pointer[row * rows.columns + index] = rows.pointer[row * rows.columns + index] - center[index]
            }
        }
        return sample
    }

    /// The coder with the fewest cache lines that holds all components, or whose estimates still find nearly all of the true
    /// ten nearest among the nearest twenty, on a sample.
    private static func coder(_ rows: Matrix, _ sample: Matrix, _ center: [Float], seed: UInt64) -> RoutingCoder {
        let dimension = rows.columns
        let trial = RoutingTrial(sample: sample)
        var lines = 1
        while true {
            let whole = RoutingShape(bits: 8, lines: lines, dimension: dimension)
            let half = RoutingShape(bits: 4, lines: lines, dimension: dimension)
            for shape in [whole, half] {
                // Bytes for some components against nibbles for twice as many: bytes pay where they hold them all.
                if shape == whole, whole.projected, half.components > whole.components, lines < 4 { continue }
                let coder = RoutingCoder(shape: shape, sample: sample, center: center, seed: seed)
                if !shape.projected || trial.coverage(of: coder, rows) >= 0.985 { return coder }
            }
            lines += 1
        }
    }

    private func encode(threads: Int) {
        let (rows, coder) = (rows, coder)
        nonisolated(unsafe) let records = records
        WorkPool(threads: threads).forEachRange(of: rows.rows, size: 256) { range, _ in
            let components = coder.shape.components
            let projected = Matrix(rows: range.count, columns: components)
            let scratch = Matrix(rows: range.count, columns: rows.columns)
            let squares = Matrix(rows: 1, columns: range.count)
            coder.project(
                rows.pointer + range.lowerBound * rows.columns, count: range.count, into: projected.pointer,
                squares: squares.pointer, scratch: scratch.pointer)
            for (index, row) in range.enumerated() {
                coder.encode(
                    projected.pointer + index * components, square: squares.pointer[index],
                    into: records + row * coder.shape.recordBytes)
            }
        }
    }
}
