import CKernels
import Files
import Vectors

extension OperatorTable {
    /// Matrix products.
    static let products: [Operator] = [matMul, gemm]

    private static let productTypes: Set<TensorType> = [
        .float32, .float64, .float16, .bfloat16, .int32, .int64, .uint32, .uint64,
    ]

    /// As numpy's matmul: the last two dimensions are matrices, the others broadcast; a vector is a row or a column.
    private static let matMul = Operator("MatMul", inputs: 2...2) { node throws(BelfryError) in
        let type = try node.commonType(in: productTypes)
        return Kernel(type) { call throws(BelfryError) in
            let (a, b) = (call.input(0), call.input(1))
            guard a.shape.rank > 0, b.shape.rank > 0 else { throw call.fail("it multiplies \(a.shape) by \(b.shape)") }
            let isRow = a.shape.rank == 1
            let isColumn = b.shape.rank == 1
            let left: Shape = isRow ? [1, a.shape[0]] : a.shape
            let right: Shape = isColumn ? [b.shape[0], 1] : b.shape
            let (rows, inner) = (left[left.rank - 2], left[left.rank - 1])
            let columns = right[right.rank - 1]
            guard right[right.rank - 2] == inner else { throw call.fail("it multiplies \(a.shape) by \(b.shape)") }
            let (leftBatch, rightBatch) = (prefix(left), prefix(right))
            let batch = try call.broadcast(leftBatch, rightBatch)
            var shape = batch
            guard batch.rank + 2 <= Shape.maximumRank else { throw call.fail("it multiplies \(a.shape) by \(b.shape)") }
            if !isRow { shape.append(rows) }
            if !isColumn { shape.append(columns) }
            let y = try call.output(0, shape)
            guard y.count > 0 else { return }
            var product = MatrixProduct(rows: rows, inner: inner, columns: columns)
            if rightBatch.elements == 1, leftBatch.elements == batch.elements {
                // One right matrix for all: one tall product.
                product.rows *= batch.elements
                try product.multiply(a, 0, b, 0, into: y, 0, call)
                return
            }
            let layout = Broadcast(batch, leftBatch, rightBatch)
            let (stepA, stepB) = (layout.step(0), layout.step(1))
            let size = type.size
            var failure: BelfryError?
            layout.forEachRow { starts, start in
                for index in 0..<layout.row {
                    do throws(BelfryError) {
                        try product.multiply(
                            a, (starts[0] + index * stepA) * rows * inner * size,
                            b, (starts[1] + index * stepB) * inner * columns * size,
                            into: y, (start + index) * rows * columns * size, call)
                    } catch {
                        failure = error
                    }
                }
            }
            if let failure { throw failure }
        }
    }

    private static func prefix(_ shape: Shape) -> Shape {
        var prefix = Shape()
        for axis in 0..<shape.rank - 2 { prefix.append(shape[axis]) }
        return prefix
    }

    /// y = alpha · op(a) · op(b) + beta · c, with c broadcast to y.
    private static let gemm = Operator("Gemm", versions: 7...Operator.newest, inputs: 2...3) {
        node throws(BelfryError) in
        let type = try node.commonType(in: productTypes)
        let (alpha, beta) = (try node.float("alpha", default: 1), try node.float("beta", default: 1))
        let (transposesA, transposesB) = (try node.flag("transA"), try node.flag("transB"))
        guard type == .float32 || alpha == 1 && beta == 1 else { throw node.unsupported("alpha or beta for \(type)") }
        return Kernel(type) { call throws(BelfryError) in
            let (a, b) = (call.input(0), call.input(1))
            guard a.shape.rank == 2, b.shape.rank == 2 else {
                throw call.fail("it multiplies \(a.shape) by \(b.shape)")
            }
            var product = MatrixProduct(
                rows: a.shape[transposesA ? 1 : 0], inner: a.shape[transposesA ? 0 : 1],
                columns: b.shape[transposesB ? 0 : 1])
            guard b.shape[transposesB ? 1 : 0] == product.inner else {
                throw call.fail("it multiplies \(a.shape) by \(b.shape)")
            }
            (product.transposesA, product.transposesB, product.alpha) = (transposesA, transposesB, alpha)
            let y = try call.output(0, [product.rows, product.columns])
            guard y.count > 0 else { return }
            if let c = call.optional(2), beta != 0 {
                guard y.shape.broadcast(with: c.shape) == y.shape else {
                    throw call.fail("it adds \(c.shape) to \(y.shape)")
                }
                if type == .float32, alpha == 1, beta == 1, c.count == product.columns, c.shape.last == product.columns
                {
                    product.bias = UnsafePointer(c.floats)
                } else {
                    try StridedCopy.expand(c, to: y)
                    product.beta = beta
                }
            }
            try product.multiply(a, 0, b, 0, into: y, 0, call)
        }
    }
}

/// y = activation(alpha · op(a) · op(b) + beta · y), or + bias in every row.
struct MatrixProduct {
    var rows: Int
    var inner: Int
    var columns: Int
    var transposesA = false
    var transposesB = false
    var alpha: Float = 1
    var beta: Float = 0
    var bias: UnsafePointer<Float>?
    /// Only for f32 without an old y.
    var activation = BELFRY_IDENTITY
    /// The right matrix and the bias, if they were laid out before.
    var packed: PackedLinear?

    /// Multiplications from which a second thread is worth its start.
    private static let parallelFrom = 1 << 20

    /// The matrices begin so many bytes into the tensors.
    func multiply(
        _ a: TensorView, _ startA: Int, _ b: TensorView, _ startB: Int, into y: TensorView, _ startY: Int, _ call: Call
    ) throws(BelfryError) {
        guard y.type == .float32 else {
            try y.type.withNumber(
                PlainBody(product: self, a: a.start + startA, b: b.start + startB, y: y.start + startY))
            return
        }
        nonisolated(unsafe) let from = (a.start + startA).assumingMemoryBound(to: Float.self)
        nonisolated(unsafe) let weight = (b.start + startB).assumingMemoryBound(to: Float.self)
        nonisolated(unsafe) let to = (y.start + startY).assumingMemoryBound(to: Float.self)
        let isParallel = call.threads > 1 && rows > 1 && rows * inner * columns >= Self.parallelFrom
        let threads = isParallel ? call.threads : 1
        // Pieces of whole tiles of rows, two for each thread so that a late one has less to wait for.
        let piece = isParallel ? max((rows / (2 * threads) + 15) / 16 * 16, 16) : rows
        if let packed {
            let (products, inner, columns, activation) = (call.products, inner, columns, activation)
            Parallel.forEachRange(of: rows, size: piece, threads: threads) { range, _ in
                products.multiply(
                    from + range.lowerBound * inner, rows: range.count, packed, columns: 0..<columns, activation,
                    into: to + range.lowerBound * columns, stride: columns)
            }
            return
        }
        if transposesB, !transposesA, alpha == 1, beta == 0, !call.products.usesBLAS {
            let isa = call.products.isa
            let size = Int(BELFRY_NN_LINEAR_SCRATCH)
            nonisolated(unsafe) let scratch = try call.scratch(size * threads)
            nonisolated(unsafe) let bias = bias
            let (inner, columns, activation) = (inner, columns, activation)
            Parallel.forEachRange(of: rows, size: piece, threads: threads) { range, worker in
                belfry_nn_linear(
                    isa, from + range.lowerBound * inner, inner, range.count, weight, inner, columns, bias,
                    activation, nil, to + range.lowerBound * columns, columns, scratch + worker * size)
            }
            return
        }
        var beta = beta
        if let bias {
            for row in 0..<rows { (to + row * columns).update(from: bias, count: columns) }
            beta = 1
        }
        let (kept, alpha, inner, columns) = (beta, alpha, inner, columns)
        let (transposesA, transposesB, stride) = (transposesA, transposesB, transposesA ? rows : inner)
        Parallel.forEachRange(of: rows, size: piece, threads: threads) { range, _ in
            BLAS.multiply(
                m: range.count, n: columns, k: inner, from + range.lowerBound * (transposesA ? 1 : inner), weight,
                into: to + range.lowerBound * columns, transposeA: transposesA, transposeB: transposesB,
                leadingA: stride, alpha: alpha, beta: kept)
        }
        if activation != BELFRY_IDENTITY { belfry_nn_activate(call.products.isa, to, rows * columns, activation) }
    }

    /// For other types than f32, which no encoder multiplies much of.
    private struct PlainBody: NumberBody {
        let product: MatrixProduct
        let a: UnsafeMutableRawPointer
        let b: UnsafeMutableRawPointer
        let y: UnsafeMutableRawPointer

        func run<Element: Number>(_: Element.Type) {
            let a = self.a.assumingMemoryBound(to: Element.self)
            let b = self.b.assumingMemoryBound(to: Element.self)
            let y = self.y.assumingMemoryBound(to: Element.self)
            let (rows, inner, columns) = (product.rows, product.inner, product.columns)
            let (rowA, stepA) = product.transposesA ? (1, rows) : (inner, 1)
            let (stepB, columnB) = product.transposesB ? (1, inner) : (columns, 1)
            for row in 0..<rows {
                for column in 0..<columns {
                    var sum = product.beta == 0 ? Element.zero : y[row * columns + column]
                    for index in 0..<inner {
                        sum = .adding(
                            sum, .multiplying(a[row * rowA + index * stepA], b[index * stepB + column * columnB]))
                    }
                    y[row * columns + column] = sum
                }
            }
        }
    }
}
