import Files

extension OperatorTable {
    /// Attention of projected queries, keys and values, [batch, tokens, heads · size] each, with a bias that is added to
    /// all three; keys and values may also be [batch, heads, tokens, size].
    static let multiHeadAttention = Operator(
        "MultiHeadAttention", domain: microsoftDomain, inputs: 3...8, outputs: 1...3
    ) { node throws(BelfryError) in
        for index in [0, 1, 2, 3, 5] where node.has(index) { _ = try node.type(index, in: [.float32]) }
        if node.has(4) { _ = try node.type(4, in: [.int32]) }
        guard node.has(1), node.has(2) else { throw node.unsupported("queries, keys and values in one tensor") }
        guard !node.has(6), !node.has(7), node.outputCount == 1 else {
            throw node.unsupported("keys and values of earlier calls (past, present)")
        }
        guard let heads = try node.int("num_heads", in: 1...NodeContext.maxParts) else {
            throw node.invalid("it has no num_heads")
        }
        let (scale, filler) = (
            try node.float("scale", default: 0), try node.float("mask_filter_value", default: -10_000)
        )
        let isCausal = try node.flag("unidirectional")
        return Kernel(.float32) { call throws(BelfryError) in
            let (q, k, v) = (call.input(0), call.input(1), call.input(2))
            let (key, value) = (HeadShape(k.shape, heads), HeadShape(v.shape, heads))
            guard q.shape.rank == 3, q.shape[2] % heads == 0, let key, let value, key.texts == q.shape[0],
                value.texts == q.shape[0], key.tokens == value.tokens, key.size == q.shape[2] / heads, key.size > 0,
                value.size > 0
            else {
                throw call.fail("its queries, keys and values have the shapes \(q.shape), \(k.shape) and \(v.shape)")
            }
            let (texts, queries, keys) = (q.shape[0], q.shape[1], key.tokens)
            let y = try call.output(0, [texts, queries, heads * value.size])
            guard y.count > 0 else { return }
            guard keys > 0 else { return y.floats.update(repeating: 0, count: y.count) }
            let mask = try call.optional(4).map { view throws(BelfryError) in try MaskShape(view, texts, keys, call) }
            let bias = call.optional(3)
            guard bias == nil || bias!.count == heads * (2 * key.size + value.size) else {
                throw call.fail("its bias has the shape \(bias!.shape)")
            }
            let workers =
                AttentionProduct.scratch(keys: keys, headSize: key.size, valueSize: value.size) * call.threads
            let room = bias == nil ? 0 : [q, k, v].reduce(0) { $0 + Staging.rounded($1.count) }
            var staging = try Staging(call, workers + room + Staging.rounded(mask?.count ?? 0))
            let memory = staging.take(workers)
            /// The rows with their part of the bias added.
            func rows(_ view: TensorView, _ shape: HeadShape, _ first: Int) -> AttentionProduct.Rows {
                guard let bias else { return shape.rows(view.floats) }
                let copy = staging.take(view.count)
                copy.update(from: view.floats, count: view.count)
                let rows = shape.rows(copy)
                for text in 0..<shape.texts {
                    for head in 0..<heads {
                        let offset = bias.floats + first + head * shape.size
                        for token in 0..<shape.tokens {
                            let row = rows.head(text, head) + token * rows.token
                            for index in 0..<shape.size { row[index] += offset[index] }
                        }
                    }
                }
                return rows
            }
            let query = HeadShape(q.shape, heads)!
            var product = AttentionProduct(
                query: rows(q, query, 0), key: rows(k, key, heads * key.size),
                value: rows(v, value, 2 * heads * key.size),
                output: .init(
                    start: y.floats, text: queries * heads * value.size, head: value.size, token: heads * value.size),
                texts: texts, heads: heads, keyHeads: heads, queries: queries, keys: keys, headSize: key.size,
                valueSize: value.size, scale: scale == 0 ? 1 / Float(key.size).squareRoot() : scale, cap: 0)
            if let mask {
                guard mask.isForQueries(queries) else { throw call.fail("its mask does not fit \(queries) queries") }
                product.bias.planes.0 = mask.plane(filler, in: staging.take(mask.count))
            }
            if let added = call.optional(5) {
                product.bias.planes.1 = try AttentionBias.Plane(added, texts, heads, queries, keys, call)
            }
            if isCausal {
                product.bias.past = keys - queries
                product.bias.later = -.greatestFiniteMagnitude
            }
            product.run(call.products.isa, threads: call.threads, memory)
        }
    }
}

/// Where the heads lie in [batch, tokens, heads · size] or [batch, heads, tokens, size].
struct HeadShape {
    let texts: Int
    let heads: Int
    let tokens: Int
    let size: Int
    private let isFlat: Bool

    init?(_ shape: Shape, _ heads: Int) {
        guard shape.rank == 3 || shape.rank == 4 else { return nil }
        isFlat = shape.rank == 3
        guard isFlat ? shape[2] % heads == 0 : shape[1] == heads else { return nil }
        self.heads = heads
        (texts, tokens, size) = isFlat ? (shape[0], shape[1], shape[2] / heads) : (shape[0], shape[2], shape[3])
    }

    func rows(_ start: UnsafeMutablePointer<Float>) -> AttentionProduct.Rows {
        isFlat
            ? .init(start: start, text: tokens * heads * size, head: size, token: heads * size)
            : .init(start: start, text: heads * tokens * size, head: tokens * size, token: size)
    }
}

extension AttentionBias.Plane {
    /// What is added to the scores, [1 or texts, 1 or heads, queries, keys].
    init(
        _ added: TensorView, _ texts: Int, _ heads: Int, _ queries: Int, _ keys: Int, _ call: Call
    ) throws(BelfryError) {
        let shape = added.shape
        guard shape.rank == 4, shape[0] == 1 || shape[0] == texts, shape[1] == 1 || shape[1] == heads,
            shape[2] == queries, shape[3] == keys
        else { throw call.fail("its attention bias has the shape \(shape)") }
        let strides = shape.strides
        self.init(
            start: added.floats, text: shape[0] == 1 ? 0 : strides[0], head: shape[1] == 1 ? 0 : strides[1],
            query: strides[2], keys: keys)
    }
}
