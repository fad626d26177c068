import CKernels
import Files
import Vectors

extension Operator {
    /// The domain of the operators that `GraphFusion` makes.
    static let fused = "belfry.fused"
}

extension OperatorTable {
    /// Parts of encoders as one operator each, on float32.
    static let fused: [Operator] = [linear, gelu, layerNorm, l2Normalize, attentionCore]

    private static let activations: [String: belfry_activation] = [
        "gelu": BELFRY_GELU_ERF, "gelu_tanh": BELFRY_GELU_TANH, "relu": BELFRY_RELU, "tanh": BELFRY_TANH,
    ]

    /// activation(x · weightᵀ + bias): x [..., inputs], weight [outputs, inputs], bias [outputs].
    private static let linear = Operator("Linear", domain: Operator.fused, inputs: 2...3) { node throws(BelfryError) in
        _ = try node.commonType(in: [.float32])
        let activation = try node.string("activation").flatMap { activations[$0] } ?? BELFRY_IDENTITY
        let packed = packed(node)
        return Kernel(.float32) { call throws(BelfryError) in
            let (x, weight) = (call.input(0), call.input(1))
            guard weight.shape.rank == 2, x.shape.last == weight.shape[1] else {
                throw call.fail("it multiplies \(x.shape) by the transposed \(weight.shape)")
            }
            var shape = x.shape
            shape[shape.rank - 1] = weight.shape[0]
            let y = try call.output(0, shape)
            guard y.count > 0 else { return }
            var product = MatrixProduct(
                rows: y.count / weight.shape[0], inner: weight.shape[1], columns: weight.shape[0])
            product.transposesB = true
            product.activation = activation
            product.packed = packed
            if let bias = call.optional(2) {
                guard bias.count == weight.shape[0] else { throw call.fail("its bias has the shape \(bias.shape)") }
                product.bias = UnsafePointer(bias.floats)
            }
            try product.multiply(x, 0, weight, 0, into: y, 0, call)
        }
    }

    /// Weights of at most so many elements are laid out at import. For one row that is most of a product's work; larger
    /// weights stay in the mapped file alone.
    private static let mostPacked = 1 << 16

    private static func packed(_ node: NodeContext) -> PackedLinear? {
        guard !node.products.usesBLAS, let weight = node.constant(1), weight.shape.rank == 2,
            (1...mostPacked).contains(weight.count), !node.has(2) || node.constant(2)?.count == weight.shape[0]
        else { return nil }
        let bias = node.constant(2)?.values() ?? [Float](repeating: 0, count: weight.shape[0])
        return bias.withUnsafeBufferPointer { bias in
            let rows = Products.Part(
                weight: UnsafePointer(weight.view.floats), bias: bias.baseAddress!, outputs: weight.shape[0])
            return node.products.pack([rows], inputs: weight.shape[1])
        }
    }

    private static let gelu = Operator("Gelu", domain: Operator.fused, inputs: 1...1) { node throws(BelfryError) in
        _ = try node.type(0, in: [.float32])
        let activation = try node.string("approximate") == "tanh" ? BELFRY_GELU_TANH : BELFRY_GELU_ERF
        return Kernel(.float32) { call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            y.start.copyMemory(from: x.start, byteCount: x.byteCount)
            belfry_nn_activate(call.products.isa, y.floats, y.count, activation)
        }
    }

    /// Over the last dimension; weight and bias are as long as it is.
    private static let layerNorm = Operator("LayerNorm", domain: Operator.fused, inputs: 3...3) {
        node throws(BelfryError) in
        _ = try node.commonType(in: [.float32])
        let epsilon = try node.float("epsilon", default: 1e-5)
        return Kernel(.float32) { call throws(BelfryError) in
            let (x, weight, bias) = (call.input(0), call.input(1), call.input(2))
            guard let columns = x.shape.last, weight.count == columns, bias.count == columns else {
                throw call.fail("it normalises \(x.shape) by \(weight.shape) and \(bias.shape)")
            }
            let y = try call.output(0, x.shape)
            guard y.count > 0 else { return }
            y.start.copyMemory(from: x.start, byteCount: x.byteCount)
            belfry_nn_layer_norm(
                call.products.isa, y.floats, y.count / columns, columns, weight.floats, bias.floats, epsilon)
        }
    }

    /// x divided along an axis by its Euclidean length, or by ε if that is greater.
    private static let l2Normalize = Operator(
        "L2Normalize", domain: Operator.fused, inputs: 1...1
    ) { node throws(BelfryError) in
        _ = try node.type(0, in: [.float32])
        let axis = try node.int("axis", default: -1)
        let epsilon = try node.float("epsilon", default: 1e-12)
        return Kernel(.float32) { call throws(BelfryError) in
            let x = call.input(0)
            let axis = try call.axis(axis, of: x.shape)
            let extent = x.shape[axis]
            let inner = x.shape.elements(in: axis + 1..<x.shape.rank)
            let y = try call.output(0, x.shape)
            guard y.count > 0 else { return }
            y.start.copyMemory(from: x.start, byteCount: x.byteCount)
            let values = y.floats
            for place in 0..<y.count / extent {
                if inner == 1 {
                    belfry_nn_l2_normalize(call.products.isa, values + place * extent, extent, epsilon)
                    continue
                }
                let start = values + place / inner * extent * inner + place % inner
                var square: Float = 0
                for index in 0..<extent { square += start[index * inner] * start[index * inner] }
                let length = max(square.squareRoot(), epsilon)
                for index in 0..<extent { start[index * inner] /= length }
            }
        }
    }

    /// softmax(q · kᵀ · scale + mask) · v for each text and head.
    ///
    /// q is [texts, tokens, heads, size], k and v [texts, others, heads, size]; the mask broadcasts to
    /// [texts, heads, tokens, others]. The heads are read where they lie: nothing is transposed.
    private static let attentionCore = Operator(
        "Attention", domain: Operator.fused, inputs: 3...4
    ) { node throws(BelfryError) in
        _ = try node.commonType(in: [.float32])
        let scale = try node.float("scale", default: 1)
        return Kernel(.float32) { call throws(BelfryError) in
            let (q, k, v) = (call.input(0), call.input(1), call.input(2))
            guard q.shape.rank == 4, k.shape.rank == 4, v.shape.rank == 4, q.shape[0] == k.shape[0],
                v.shape[0] == k.shape[0], v.shape[1] == k.shape[1], q.shape[2] == k.shape[2],
                v.shape[2] == k.shape[2], q.shape[3] == k.shape[3]
            else { throw call.fail("its queries, keys and values are \(q.shape), \(k.shape), \(v.shape)") }
            let (texts, tokens, heads, size) = (q.shape[0], q.shape[1], q.shape[2], q.shape[3])
            let (others, width) = (k.shape[1], v.shape[3])
            let scores: Shape = [texts, heads, tokens, others]
            let mask = call.optional(3)
            var steps: Shape = [0, 0, 0, 0]
            if let mask {
                guard scores.broadcast(with: mask.shape) == scores else {
                    throw call.fail("its mask of \(mask.shape) does not fit \(scores)")
                }
                let own = mask.shape.strides
                for axis in mask.shape.indices where mask.shape[axis] != 1 {
                    steps[axis + 4 - mask.shape.rank] = own[axis]
                }
            }
            let y = try call.output(0, [texts, tokens, heads, width])
            guard y.count > 0 else { return }
            guard others > 0 else { return y.floats.update(repeating: 0, count: y.count) }
            let pieces = texts * heads
            let threads = pieces * tokens * others * size >= 1 << 18 ? call.threads : 1
            // The rows of one worker's scores begin on a cache line of their own.
            let scratch = (tokens * others + 15) / 16 * 16
            nonisolated(unsafe) let memory = try call.scratch(scratch * threads)
            nonisolated(unsafe) let (queries, keys, values, result) = (q.floats, k.floats, v.floats, y.floats)
            nonisolated(unsafe) let added = mask?.floats
            let (isa, maskSteps) = (call.products.isa, steps)
            Parallel.forEach(pieces, threads: threads) { piece, worker in
                let (text, head) = (piece / heads, piece % heads)
                let rows = memory + worker * scratch
                BLAS.multiply(
                    m: tokens, n: others, k: size, queries + (text * tokens * heads + head) * size,
                    keys + (text * others * heads + head) * size, into: rows, transposeB: true,
                    leadingA: heads * size, leadingB: heads * size, leadingC: others, alpha: scale)
                for token in 0..<tokens {
                    let row = rows + token * others
                    if let added {
                        let from = added + text * maskSteps[0] + head * maskSteps[1] + token * maskSteps[2]
                        if maskSteps[3] == 0 {
                            for other in 0..<others { row[other] += from[0] }
                        } else {
                            for other in 0..<others { row[other] += from[other] }
                        }
                    }
                    belfry_nn_softmax(isa, row, others, 1)
                }
                BLAS.multiply(
                    m: tokens, n: width, k: others, rows, values + (text * others * heads + head) * width,
                    into: result + (text * tokens * heads + head) * width, leadingA: others, leadingB: heads * width,
                    leadingC: heads * width)
            }
        }
    }
}
