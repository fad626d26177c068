import CKernels
import Files
import Vectors

extension OperatorTable {
    /// Matrix products.
    static let products: [Operator] = [
        matMul, gemm,
        Operator("FusedMatMul", domain: microsoftDomain, inputs: 2...2) { node throws(BelfryError) in
            guard try !node.flag("transBatchA"), try !node.flag("transBatchB") else {
                throw node.unsupported("transposed batches")
            }
            return try matMul(
                node, alpha: try node.float("alpha", default: 1), transposesA: try node.flag("transA"),
                transposesB: try node.flag("transB"))
        },
    ]

    static let productTypes: Set<TensorType> = [
        .float32, .float64, .float16, .bfloat16, .int32, .int64, .uint32, .uint64,
    ]

    /// As numpy's matmul: the last two dimensions are matrices, the others broadcast; a vector is a row or a column.
    private static let matMul = Operator("MatMul", inputs: 2...2) { node throws(BelfryError) in try matMul(node) }

    private static func matMul(
        _ node: NodeContext, alpha: Float = 1, transposesA: Bool = false, transposesB: Bool = false
    ) throws(BelfryError) -> Kernel {
        let type = try node.commonType(in: alpha == 1 ? productTypes : [.float32])
        let packed = alpha == 1 && !transposesA ? packed(node, transposes: transposesB) : nil
        return Kernel(type) { call throws(BelfryError) in
            let (a, b) = (call.input(0), call.input(1))
            guard a.shape.rank > 0, b.shape.rank > 0 else { throw call.fail("it multiplies \(a.shape) by \(b.shape)") }
            let isRow = a.shape.rank == 1
            let isColumn = b.shape.rank == 1
            let left: Shape = isRow ? [1, a.shape[0]] : a.shape
            let right: Shape = isColumn ? [b.shape[0], 1] : b.shape
            // A vector is not transposed.
            let (turnsA, turnsB) = (transposesA && !isRow, transposesB && !isColumn)
            let (rows, inner) = (left[left.rank - (turnsA ? 1 : 2)], left[left.rank - (turnsA ? 2 : 1)])
            let columns = right[right.rank - (turnsB ? 2 : 1)]
            guard right[right.rank - (turnsB ? 1 : 2)] == inner else {
                throw call.fail("it multiplies \(a.shape) by \(b.shape)")
            }
            let (leftBatch, rightBatch) = (prefix(left), prefix(right))
            let batch = try call.broadcast(leftBatch, rightBatch)
            var shape = batch
            try call.checkRank(batch.rank + 2)
            if !isRow { shape.append(rows) }
            if !isColumn { shape.append(columns) }
            let y = try call.output(0, shape)
            guard y.count > 0 else { return }
            var product = MatrixProduct(rows: rows, inner: inner, columns: columns)
            (product.alpha, product.transposesA, product.transposesB) = (alpha, turnsA, turnsB)
            if rightBatch.elements == 1, leftBatch.elements == batch.elements, !turnsA || batch.elements == 1 {
                // One right matrix for all: one tall product.
                product.rows *= batch.elements
                product.packed = packed
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
        // A bias that is known is laid out with the weights.
        let known = alpha == 1 && beta == 1 && !transposesA ? packedBias(node, transposes: transposesB) : nil
        let packed = alpha == 1 && !transposesA && known == nil ? packed(node, transposes: transposesB) : nil
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
            product.packed = known ?? packed
            if let c = call.optional(2), beta != 0, known == nil {
                guard y.shape.broadcast(with: c.shape) == y.shape else {
                    throw call.fail("it adds \(c.shape) to \(y.shape)")
                }
                if type == .float32, alpha == 1, beta == 1, c.count == product.columns, c.shape.last == product.columns
                {
                    product.bias = UnsafePointer(c.floats)
                    // The packed one has a bias of its own.
                    product.packed = nil
                } else {
                    try StridedCopy.expand(c, to: y)
                    product.beta = beta
                    if beta != 1 { product.packed = nil }
                }
            }
            try product.multiply(a, 0, b, 0, into: y, 0, call)
        }
    }

    /// The right matrix laid out for f32 products if it is known at import: a product with it is then read from front to
    /// back, and its pages of the file are not needed any more.
    private static func packed(_ node: NodeContext, transposes: Bool) -> PackedLinear? {
        packed(node, bias: nil, transposes: transposes)
    }

    /// The same with the bias in input 2, one number for each column.
    private static func packedBias(_ node: NodeContext, transposes: Bool) -> PackedLinear? {
        guard let bias = node.constant(2), let weight = node.constant(1), weight.shape.rank == 2, bias.type == .float32,
            bias.count == weight.shape[transposes ? 0 : 1], bias.shape.last == bias.count
        else { return nil }
        return packed(node, bias: bias, transposes: transposes)
    }

    /// The right matrix and the bias, if there is one, of a node whose weights are not transposed.
    static func packedRight(_ node: NodeContext) -> PackedLinear? {
        node.has(2) ? packedBias(node, transposes: false) : packed(node, transposes: false)
    }

    private static func packed(_ node: NodeContext, bias: Tensor?, transposes: Bool) -> PackedLinear? {
        guard !node.products.usesBLAS, let weight = node.constant(1), weight.type == .float32, weight.shape.rank == 2,
            weight.count > 0
        else { return nil }
        let products = node.products
        defer { withExtendedLifetime((weight, bias)) {} }
        guard transposes else {
            return products.pack(
                columns: weight.view.floats, inputs: weight.shape[0], outputs: weight.shape[1], bias: bias?.view.floats)
        }
        let zeros = [Float](repeating: 0, count: weight.shape[0])
        return zeros.withUnsafeBufferPointer { zeros in
            let rows = Products.Part(
                weight: UnsafePointer(weight.view.floats),
                bias: bias.map { UnsafePointer($0.view.floats) } ?? zeros.baseAddress!, outputs: weight.shape[0])
            return products.pack([rows], inputs: weight.shape[1])
        }
    }
}

/// y = activation(alpha · op(a) · op(b) + beta · y), or + bias in every row.
///
/// A row of y has the same bits however many rows there are and however many threads share them, except where OpenBLAS
/// multiplies, on processors that Belfry has no kernel of its own for.
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
    /// The buffer of the call that has what is laid out in it: its scratch, or one of the node's own.
    var buffer = 0

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
        let from = (a.start + startA).assumingMemoryBound(to: Float.self)
        let weight = (b.start + startB).assumingMemoryBound(to: Float.self)
        let to = (y.start + startY).assumingMemoryBound(to: Float.self)
        if call.products.usesBLAS {
            try multiplyWithBLAS(from, weight, to, call)
        } else if let packed, !transposesA {
            let (products, inner, columns, activation, adds) = (call.products, inner, columns, activation, beta != 0)
            nonisolated(unsafe) let (from, to) = (from, to)
            share(call) { range, _ in
                products.multiply(
                    from + range.lowerBound * inner, rows: range.count, packed, columns: 0..<columns, activation,
                    adds: adds, into: to + range.lowerBound * columns, stride: columns)
            }
        } else if transposesB, !transposesA, alpha == 1, beta == 0 {
            let isa = call.products.isa
            let size = Int(BELFRY_NN_LINEAR_SCRATCH)
            nonisolated(unsafe) let scratch = try floats(size * threads(call), call)
            nonisolated(unsafe) let (from, to, weight, bias) = (from, to, weight, bias)
            let (inner, columns, activation) = (inner, columns, activation)
            share(call) { range, worker in
                belfry_nn_linear(
                    isa, from + range.lowerBound * inner, inner, range.count, weight, inner, columns, bias,
                    activation, nil, to + range.lowerBound * columns, columns, scratch + worker * size)
            }
        } else {
            try multiplyByPacking(from, weight, to, call)
        }
    }

    /// A right matrix that is known only now, or lies the other way round, is laid out for the one product.
    private func multiplyByPacking(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ call: Call
    ) throws(BelfryError) {
        let isPlain = alpha == 1 && beta == 0
        let room = Staging.rounded(belfry_packed_floats(inner, columns))
        let turned = transposesA ? Staging.rounded(rows * inner) : 0
        let memory = try floats(room + turned + (isPlain ? 0 : rows * columns), call)
        if transposesB {
            belfry_packed_rows(b, inner, inner, columns, bias, memory)
        } else {
            belfry_packed_columns(b, columns, inner, columns, memory)
            if let bias { memory.update(from: bias, count: columns) }
        }
        nonisolated(unsafe) var left = a
        if transposesA {
            let copy = memory + room
            for row in 0..<rows { for index in 0..<inner { copy[row * inner + index] = a[index * rows + row] } }
            left = UnsafePointer(copy)
        }
        nonisolated(unsafe) let (from, packed, old) = (left, UnsafePointer(memory), y)
        nonisolated(unsafe) let to = isPlain ? y : memory + room + turned
        let (isa, inner, columns, alpha, beta, activation) = (
            call.products.isa, inner, columns, alpha, beta, activation
        )
        share(call) { range, _ in
            let (first, count) = (range.lowerBound * columns, range.count * columns)
            belfry_packed_multiply(
                isa, from + range.lowerBound * inner, inner, range.count, packed, inner, columns, to + first, columns)
            if !isPlain {
                // An old y of no weight may be what was left in memory.
                for index in first..<first + count {
                    old[index] = alpha * to[index] + (beta == 0 ? 0 : beta * old[index])
                }
            }
            if activation != BELFRY_IDENTITY { belfry_nn_activate(isa, old + first, count, activation) }
        }
    }

    private func multiplyWithBLAS(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ call: Call
    ) throws(BelfryError) {
        guard max(inner, columns, transposesA ? rows : 0) <= Int32.max else {
            throw call.fail("it multiplies \(rows) × \(inner) by \(inner) × \(columns) numbers")
        }
        var kept = beta
        if let bias {
            for row in 0..<rows { (y + row * columns).update(from: bias, count: columns) }
            kept = 1
        }
        nonisolated(unsafe) let (from, weight, to) = (a, b, y)
        nonisolated(unsafe) let product = self
        let beta = kept
        share(call) { range, _ in
            BLAS.multiply(
                m: range.count, n: product.columns, k: product.inner,
                from + range.lowerBound * (product.transposesA ? 1 : product.inner), weight,
                into: to + range.lowerBound * product.columns, transposeA: product.transposesA,
                transposeB: product.transposesB, leadingA: product.transposesA ? product.rows : product.inner,
                alpha: product.alpha, beta: beta)
        }
        if activation != BELFRY_IDENTITY { belfry_nn_activate(call.products.isa, y, rows * columns, activation) }
    }

    private func floats(_ count: Int, _ call: Call) throws(BelfryError) -> UnsafeMutablePointer<Float> {
        try call.buffer(buffer, bytes: 4 * count).assumingMemoryBound(to: Float.self)
    }

    private func threads(_ call: Call) -> Int {
        call.threads > 1 && rows > 1 && rows * inner * columns >= Self.parallelFrom ? call.threads : 1
    }

    /// The rows in pieces of whole tiles, two for each thread so that a late one has less to wait for.
    private func share(_ call: Call, _ body: @Sendable (Range<Int>, Int) -> Void) {
        let threads = threads(call)
        let piece = threads > 1 ? max((rows / (2 * threads) + 15) / 16 * 16, 16) : rows
        Parallel.forEachRange(of: rows, size: min(piece, 1 << 24), threads: threads, body)
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
