import CKernels
import Vectors

/// How well a routing code orders a sample of rows.
struct RoutingTrial {
    private let sample: Matrix
    private let queries: Int
    /// The true ten nearest of every query among the sample.
    private let nearest: [[UInt32]]

    private static let wanted = 10
    private static let looked = 20

    /// The first rows of the sample are the queries, all of it the base; rows are centered.
    init(sample: Matrix) {
        self.sample = sample
        queries = min(128, sample.rows)
        let kernel = DistanceKernel(metric: .l2)
        let distances = Matrix(rows: 1, columns: sample.rows)
        var nearest: [[UInt32]] = []
        for query in 0..<queries {
            let prepared = kernel.prepare(sample.pointer + query * sample.columns, dimension: sample.columns)
            kernel.distances(to: prepared, rows: sample.pointer, count: sample.rows, into: distances.pointer)
            distances.pointer[query] = .infinity
            var top = TopK(min(Self.wanted, sample.rows - 1))
            top.offer(distances.pointer, count: sample.rows, firstRow: 0)
            nearest.append(top.sorted.map(\.row))
        }
        self.nearest = nearest
    }

    /// The share of the true ten nearest that are among the twenty with the best estimates. The sample must be the first
    /// of `rows`.
    func coverage(of coder: RoutingCoder, _ rows: Matrix) -> Double {
        let (count, components, bytes) = (sample.rows, coder.shape.components, coder.shape.recordBytes)
        let projected = Matrix(rows: count, columns: components)
        let scratch = Matrix(rows: count, columns: rows.columns)
        let squares = Matrix(rows: 1, columns: count)
        coder.project(
            rows.pointer, count: count, into: projected.pointer, squares: squares.pointer, scratch: scratch.pointer)
        let records = UnsafeMutableRawPointer.allocate(byteCount: max(64, count * bytes), alignment: 64)
            .assumingMemoryBound(to: UInt8.self)
        defer { records.deallocate() }
        for row in 0..<count {
            coder.encode(
                projected.pointer + row * components, square: squares.pointer[row], into: records + row * bytes)
        }
        let query = RoutingCoder.Query(coder)
        let kernels = belfry_routing_kernels_for(InstructionSet.current.isa)!.pointee
        let all = [UInt32](0..<UInt32(count))
        var (found, wanted) = (0, 0)
        for number in 0..<queries {
            coder.prepare(rows.pointer + number * rows.columns, into: query)
            var routing = belfry_routing(
                records: records, rows: UInt64(count), lines: UInt32(coder.shape.lines), bits: UInt32(coder.shape.bits),
                query: query.planes, slope: query.slope, offset: query.offset, constant: query.constant)
            kernels.estimates(&routing, all, count, squares.pointer)
            squares.pointer[number] = .infinity
            var top = TopK(Self.looked)
            top.offer(squares.pointer, count: count, firstRow: 0)
            let near = Set(top.sorted.map(\.row))
            wanted += nearest[number].count
            found += nearest[number].count { near.contains($0) }
        }
        return wanted == 0 ? 1 : Double(found) / Double(wanted)
    }
}
