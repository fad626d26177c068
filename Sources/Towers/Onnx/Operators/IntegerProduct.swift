import Files
import Vectors

extension OperatorTable {
    /// (a - zero point) · (b - zero point) in integers; a zero point is one number, or one for each row of a or column
    /// of b.
    ///
    /// The products are f32's, which is exact: a number has 9 bits with its sign, so that 256 products of two add up to
    /// less than 2^24. Longer sums are taken in parts and added as int32.
    static let matMulInteger = Operator(
        "MatMulInteger", versions: 10...Operator.newest, inputs: 2...4
    ) { node throws(BelfryError) in
        let bytes: Set<TensorType> = [.int8, .uint8]
        let (left, right) = (try node.type(0, in: bytes), try node.type(1, in: bytes))
        if node.has(2) { _ = try node.type(2, in: [left]) }
        if node.has(3) { _ = try node.type(3, in: [right]) }
        return Kernel(.int32) { call throws(BelfryError) in
            let (a, b) = (call.input(0), call.input(1))
            guard a.shape.rank >= 2, b.shape.rank >= 2, a.shape[a.shape.rank - 1] == b.shape[b.shape.rank - 2] else {
                throw call.fail("it multiplies \(a.shape) by \(b.shape)")
            }
            let (inner, columns) = (a.shape[a.shape.rank - 1], b.shape[b.shape.rank - 1])
            var leftBatch = Shape(), rightBatch = Shape()
            for axis in 0..<a.shape.rank - 2 { leftBatch.append(a.shape[axis]) }
            for axis in 0..<b.shape.rank - 2 { rightBatch.append(b.shape[axis]) }
            var shape = try call.broadcast(leftBatch, rightBatch)
            let batch = shape
            shape.append(a.shape[a.shape.rank - 2])
            shape.append(columns)
            let y = try call.output(0, shape)
            // One right matrix for all texts: one product.
            let isTall = rightBatch.elements == 1
            let rows = a.shape[a.shape.rank - 2] * (isTall ? leftBatch.elements : 1)
            let product = IntegerProduct(
                rows: rows, inner: inner, columns: columns, left: left, right: right,
                leftZero: call.optional(2), rightZero: call.optional(3),
                rowsPerZero: max(a.count / max(inner, 1) / max(call.optional(2)?.count ?? 1, 1), 1))
            try product.check(a, b, call)
            guard y.count > 0 else { return }
            let floats = try call.scratch(product.scratch)
            let to = y.elements(Int32.self)
            guard !isTall else { return product.run(a.start, 0, b.start, to, floats) }
            let layout = Broadcast(batch, leftBatch, rightBatch)
            let (stepA, stepB) = (layout.step(0), layout.step(1))
            layout.forEachRow { starts, start in
                for index in 0..<layout.row {
                    let (first, second) = (starts[0] + index * stepA, starts[1] + index * stepB)
                    product.run(
                        a.start + first * rows * inner, first * rows, b.start + second * inner * columns,
                        to + (start + index) * rows * columns, floats)
                }
            }
        }
    }
}

/// One product of two matrices of bytes.
struct IntegerProduct {
    let rows: Int
    let inner: Int
    let columns: Int
    let left: TensorType
    let right: TensorType
    let leftZero: TensorView?
    let rightZero: TensorView?
    /// Rows of a that share a zero point, where there are several.
    let rowsPerZero: Int

    /// The longest sum of products of two 9-bit numbers that f32 holds exactly.
    private static let depth = 256

    var scratch: Int {
        let depth = min(inner, Self.depth)
        return Staging.rounded(rows * depth) + Staging.rounded(depth * columns) + rows * columns
    }

    func check(_ a: TensorView, _ b: TensorView, _ call: Call) throws(BelfryError) {
        guard max(rows, inner, columns) <= Int32.max else {
            throw call.unsupported("it multiplies \(a.shape) by \(b.shape)")
        }
        // One for each row, or for all rows of the first dimension's index.
        if let leftZero, leftZero.count != 1, leftZero.count * inner != a.count,
            leftZero.shape.rank != a.shape.rank || leftZero.count != a.shape[0] || leftZero.shape[0] != a.shape[0]
        {
            throw call.fail("its first zero point has the shape \(leftZero.shape) for \(a.shape)")
        }
        if let rightZero, rightZero.count != 1, rightZero.count != columns {
            throw call.fail("its second zero point has the shape \(rightZero.shape) for \(b.shape)")
        }
    }

    /// `firstRow` is the number of a's first row among all that have a zero point.
    func run(
        _ a: UnsafeRawPointer, _ firstRow: Int, _ b: UnsafeRawPointer, _ y: UnsafeMutablePointer<Int32>,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        let maximum = min(inner, Self.depth)
        let (x, w) = (scratch, scratch + Staging.rounded(rows * maximum))
        let sums = w + Staging.rounded(maximum * columns)
        y.update(repeating: 0, count: rows * columns)
        for first in stride(from: 0, to: inner, by: Self.depth) {
            let depth = min(Self.depth, inner - first)
            for row in 0..<rows {
                let zero = Self.zero(leftZero, (firstRow + row) / rowsPerZero, left)
                Self.widen(a + row * inner + first, left, depth, x + row * depth)
                if zero != 0 { for index in row * depth..<(row + 1) * depth { x[index] -= zero } }
            }
            for row in 0..<depth {
                let to = w + row * columns
                Self.widen(b + (first + row) * columns, right, columns, to)
                if let rightZero {
                    if rightZero.count == 1 {
                        let zero = Self.zero(rightZero, 0, right)
                        if zero != 0 { for column in 0..<columns { to[column] -= zero } }
                    } else {
                        for column in 0..<columns { to[column] -= Self.zero(rightZero, column, right) }
                    }
                }
            }
            BLAS.multiply(m: rows, n: columns, k: depth, x, w, into: sums)
            for index in 0..<rows * columns { y[index] &+= Int32(sums[index]) }
        }
    }

    private static func zero(_ zeros: TensorView?, _ index: Int, _ type: TensorType) -> Float {
        guard let zeros else { return 0 }
        let place = zeros.count == 1 ? 0 : index
        return type == .int8 ? Float(zeros.elements(Int8.self)[place]) : Float(zeros.elements(UInt8.self)[place])
    }

    private static func widen(
        _ bytes: UnsafeRawPointer, _ type: TensorType, _ count: Int, _ floats: UnsafeMutablePointer<Float>
    ) {
        if type == .int8 {
            let numbers = bytes.assumingMemoryBound(to: Int8.self)
            for index in 0..<count { floats[index] = Float(numbers[index]) }
        } else {
            let numbers = bytes.assumingMemoryBound(to: UInt8.self)
            for index in 0..<count { floats[index] = Float(numbers[index]) }
        }
    }
}
