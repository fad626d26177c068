import CKernels
import Files
import Vectors

extension Operator {
    /// The domain of the operators that `GraphFusion` makes.
    static let fused = "belfry.fused"
}

extension OperatorTable {
    /// Parts of encoders as one operator each, on float32.
    static let fused: [Operator] = [
        linear, gelu, layerNorm, l2Normalize, attentionCore, embeddingBag, dynamicQuantizeRows,
    ]

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
    private static let maxPacked = 1 << 16

    private static func packed(_ node: NodeContext) -> PackedLinear? {
        guard !node.products.usesBLAS, let weight = node.constant(1), weight.shape.rank == 2,
            (1...maxPacked).contains(weight.count), !node.has(2) || node.constant(2)?.count == weight.shape[0]
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
                throw call.fail("it normalizes \(x.shape) by \(weight.shape) and \(bias.shape)")
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
            let lines = AxisLines(x.shape, axis: axis)
            let (extent, inner) = (lines.extent, lines.inner)
            let y = try call.output(0, x.shape)
            guard y.count > 0 else { return }
            y.start.copyMemory(from: x.start, byteCount: x.byteCount)
            let values = y.floats
            for place in 0..<y.count / extent {
                if inner == 1 {
                    belfry_nn_l2_normalize(call.products.isa, values + place * extent, extent, epsilon)
                    continue
                }
                let start = values + lines.start(place)
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
            guard q.shape.rank == 4, k.shape.rank == 4, v.shape.rank == 4, v.shape[1] == k.shape[1],
                q.shape[3] == k.shape[3]
            else { throw call.fail("its queries, keys and values are \(q.shape), \(k.shape), \(v.shape)") }
            // One text or head of one of them may serve all of another.
            func common(_ axis: Int) throws(BelfryError) -> Int {
                try call.broadcast(try call.broadcast([q.shape[axis]], [k.shape[axis]]), [v.shape[axis]])[0]
            }
            let (texts, heads) = (try common(0), try common(2))
            let (tokens, others, size, width) = (q.shape[1], k.shape[1], q.shape[3], v.shape[3])
            let scores: Shape = [texts, heads, tokens, others]
            let mask = call.optional(3)
            guard scores.checkedElements != nil, mask == nil || scores.broadcast(with: mask!.shape) == scores else {
                throw call.fail("its mask of \(mask?.shape ?? []) does not fit \(scores)")
            }
            let y = try call.output(0, [texts, tokens, heads, width])
            guard y.count > 0 else { return }
            guard others > 0 else { return y.floats.update(repeating: 0, count: y.count) }
            let threads = texts * heads * tokens * others * size >= 1 << 18 ? call.threads : 1
            let workers = AttentionProduct.scratch(keys: others, headSize: size, valueSize: width) * threads
            // A row of the mask that is one number is written out.
            let isNarrow = mask.map { $0.shape.last ?? 1 != others } ?? false
            var staging = try Staging(call, workers + (isNarrow ? mask!.count * others : 0))
            let memory = staging.take(workers)
            func rows(_ view: TensorView) -> AttentionProduct.Rows {
                let strides = view.shape.strides
                return .init(
                    start: view.floats, text: view.shape[0] == 1 ? 0 : strides[0],
                    head: view.shape[2] == 1 ? 0 : strides[2], token: strides[1])
            }
            var product = AttentionProduct(
                query: rows(q), key: rows(k), value: rows(v), output: rows(y), texts: texts, heads: heads,
                keyHeads: heads, queries: tokens, keys: others, headSize: size, valueSize: width, scale: scale, cap: 0)
            if let mask {
                var start = mask.floats
                if isNarrow {
                    start = staging.take(mask.count * others)
                    for row in 0..<mask.count {
                        (start + row * others).update(repeating: mask.floats[row], count: others)
                    }
                }
                var shape = Shape(rank: 4)
                for back in 0..<mask.shape.rank { shape[3 - back] = mask.shape[mask.shape.rank - 1 - back] }
                shape[3] = others
                let strides = shape.strides
                product.bias.planes.0 = .init(
                    start: start, text: shape[0] == 1 ? 0 : strides[0], head: shape[1] == 1 ? 0 : strides[1],
                    query: shape[2] == 1 ? 0 : strides[2], keys: others)
            }
            product.run(call.products.isa, threads: threads, memory)
        }
    }
}
