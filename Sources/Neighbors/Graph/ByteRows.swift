import CKernels
import Vectors

/// Rows with one byte per component, for the many distances between rows that a graph's build asks for.
///
/// A row is the components' distances from the center in 127 steps of its own size each way. The distance between two of
/// them is that between the rounded rows: never negative, zero for rows that are equal.
final class ByteRows {
    private let rows: UnsafeMutablePointer<Int8>
    private let stride: Int
    private let sums: UnsafeMutablePointer<Int32>
    private let steps: UnsafeMutablePointer<Float>
    private let squares: UnsafeMutablePointer<Float>
    private let kernel: belfry_pairs

    /// Room for rows: each is to be put in its place.
    init(rows count: Int, dimension: Int) {
        stride = (dimension + 63) / 64 * 64
        let bytes = max(64, count * stride)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        rows = memory.initializeMemory(as: Int8.self, repeating: 0, count: bytes)
        sums = .allocate(capacity: max(1, count))
        steps = .allocate(capacity: max(1, count))
        squares = .allocate(capacity: max(1, count))
        kernel = belfry_pairs_for(InstructionSet.current.isa)
    }

    /// Bytes that a row takes.
    static func rowBytes(dimension: Int) -> Int { (dimension + 63) / 64 * 64 + 12 }

    deinit {
        rows.deallocate()
        sums.deallocate()
        steps.deallocate()
        squares.deallocate()
    }

    /// Rounds a row. Several threads may, each its own.
    func put(_ row: Int, _ components: UnsafePointer<Float>, center: [Float]) {
        let dimension = center.count
        var largest: Float = 0
        for index in 0..<dimension { largest = max(largest, abs(components[index] - center[index])) }
        let step = largest / 127
        let factor = step > 0 && step.isFinite ? 1 / step : 0
        let target = rows + row * stride
        var (sum, square): (Int32, Int32) = (0, 0)
        for index in 0..<dimension where factor.isFinite {
            let value = ((components[index] - center[index]) * factor).rounded()
            let byte = Int32(max(-127, min(127, value.isNaN ? 0 : value)))
            target[index] = Int8(byte)
            sum += byte
            square &+= byte * byte
        }
        (sums[row], steps[row]) = (sum, factor.isFinite ? step : 0)
        squares[row] = Float(square) * steps[row] * steps[row]
    }

    /// Writes the squared distances of `row` from some others to `distances`; `products` is scratch of the same size.
    @inline(__always)
    func distances(
        from row: UInt32, to others: UnsafePointer<UInt32>, count: Int, _ products: UnsafeMutablePointer<Int32>,
        into distances: UnsafeMutablePointer<Float>
    ) {
        kernel(rows, sums, stride, row, others, count, products)
        let (steps, squares) = (steps, squares)
        let (step, square) = (-2 * steps[Int(row)], squares[Int(row)])
        for index in 0..<count {
            let other = Int(others[index])
            let between = square + squares[other] + step * steps[other] * Float(products[index])
            distances[index] = max(0, between)
        }
    }
}
