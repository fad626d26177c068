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
