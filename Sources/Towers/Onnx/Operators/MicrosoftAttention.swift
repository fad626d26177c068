import Files

extension OperatorTable {
    /// Self-attention with the product that makes queries, keys and values of the tokens [batch, tokens, inputs].
    ///
    /// The weights are [inputs, queries + keys + values], one head after another within each of the three.
    static let fusedAttention = Operator(
        "Attention", domain: microsoftDomain, inputs: 2...7, outputs: 1...2
    ) { node throws(BelfryError) in
        for index in [0, 1, 2, 5] where node.has(index) { _ = try node.type(index, in: [.float32]) }
        if node.has(3) { _ = try node.type(3, in: [.int32]) }
        guard !node.has(4), !node.has(6), node.outputCount == 1 else {
            throw node.unsupported("keys and values of earlier calls (past, present)")
        }
        guard try !node.flag("do_rotary") else { throw node.unsupported("do_rotary") }
        guard let heads = try node.int("num_heads", in: 1...NodeContext.mostParts) else {
            throw node.invalid("it has no num_heads")
        }
        let sizes = try node.ints("qkv_hidden_sizes") ?? []
        guard
            sizes.isEmpty
                || sizes.count == 3 && sizes[0] == sizes[1]
                    && sizes.allSatisfy({ (1...NodeContext.mostParts).contains($0) && $0 % heads == 0 })
        else { throw node.invalid("its qkv_hidden_sizes are \(sizes)") }
        let (scale, filler) = (
            try node.float("scale", default: 0), try node.float("mask_filter_value", default: -10_000)
        )
        let isCausal = try node.flag("unidirectional")
        node.ignore("past_present_share_buffer", "rotary_embedding_dim")
        let packed = OperatorTable.packedRight(node)
        let buffer = node.reserveBuffer()
        return Kernel(.float32) { call throws(BelfryError) in
            let (x, w, bias) = (call.input(0), call.input(1), call.optional(2))
            guard x.shape.rank == 3, w.shape.rank == 2, w.shape[0] == x.shape[2], w.shape[1] > 0,
                bias == nil || bias!.shape == [w.shape[1]],
                sizes.isEmpty ? w.shape[1] % (3 * heads) == 0 : w.shape[1] == sizes[0] + sizes[1] + sizes[2]
            else { throw call.fail("its input has the shape \(x.shape) and its weights \(w.shape) for \(heads) heads") }
            let (texts, tokens, width) = (x.shape[0], x.shape[1], w.shape[1])
            let projected: Shape = [texts, tokens, width]
            guard projected.checkedElements != nil else { throw call.fail("its input has the shape \(x.shape)") }
            let queries = sizes.isEmpty ? width / 3 : sizes[0]
            let values = width - 2 * queries
            let (headSize, valueSize) = (queries / heads, values / heads)
            let y = try call.output(0, [texts, tokens, values])
            guard y.count > 0 else { return }

            let mask = try call.optional(3).map { view throws(BelfryError) in try MaskShape(view, texts, tokens, call) }
            let workers =
                AttentionProduct.scratch(keys: tokens, headSize: headSize, valueSize: valueSize) * call.threads
            var staging = try Staging(
                call, workers + Staging.rounded(texts * tokens * width) + Staging.rounded(mask?.count ?? 0))
            let memory = staging.take(workers)
            let rows = staging.take(texts * tokens * width)
            var projection = MatrixProduct(rows: texts * tokens, inner: x.shape[2], columns: width)
            projection.bias = bias.map { UnsafePointer($0.floats) }
            (projection.packed, projection.buffer) = (packed, buffer)
            try projection.multiply(
                x, 0, w, 0, into: TensorView(type: .float32, shape: [texts * tokens, width], start: rows), 0, call)

            func part(_ start: Int, _ size: Int) -> AttentionProduct.Rows {
                .init(start: rows + start, text: tokens * width, head: size, token: width)
            }
            var product = AttentionProduct(
                query: part(0, headSize), key: part(queries, headSize), value: part(2 * queries, valueSize),
                output: .init(start: y.floats, text: tokens * values, head: valueSize, token: values), texts: texts,
                heads: heads, keyHeads: heads, queries: tokens, keys: tokens, headSize: headSize, valueSize: valueSize,
                scale: scale == 0 ? 1 / Float(headSize).squareRoot() : scale, cap: 0)
            product.bias.planes.0 = mask.map { $0.plane(filler, in: staging.take($0.count)) }
            if let added = call.optional(5) {
                let shape = added.shape
                guard shape.rank == 4, shape[0] == 1 || shape[0] == texts, shape[1] == 1 || shape[1] == heads,
                    shape[2] == tokens, shape[3] == tokens
                else { throw call.fail("its attention bias has the shape \(shape)") }
                let strides = shape.strides
                product.bias.planes.1 = .init(
                    start: added.floats, text: shape[0] == 1 ? 0 : strides[0], head: shape[1] == 1 ? 0 : strides[1],
                    query: strides[2], keys: tokens)
            }
            if isCausal {
                product.bias.past = 0
                product.bias.later = -.greatestFiniteMagnitude
            }
            product.run(call.products.isa, threads: call.threads, memory)
        }
    }
}

/// The forms of a mask: [batch] numbers of tokens, [2 · batch] ends and starts, [batch, tokens] or
/// [batch, tokens, tokens] zeros and ones.
private struct MaskShape {
    private let view: TensorView
    private let texts: Int
    private let tokens: Int
    /// Rows of one text.
    private let rows: Int
    /// Floats of the plane that it becomes.
    var count: Int { texts * rows * tokens }

    init(_ view: TensorView, _ texts: Int, _ tokens: Int, _ call: Call) throws(BelfryError) {
        (self.view, self.texts, self.tokens) = (view, texts, tokens)
        switch view.shape {
        case [texts], [2 * texts], [texts, tokens]: rows = 1
        case [texts, tokens, tokens]: rows = tokens
        default: throw call.fail("its mask has the shape \(view.shape) for \(texts) texts of \(tokens) tokens")
        }
    }

    /// 0 where a token is seen, `filler` where it is not.
    func plane(_ filler: Float, in floats: UnsafeMutablePointer<Float>) -> AttentionBias.Plane {
        for text in 0..<texts {
            let row = floats + text * rows * tokens
            guard view.shape.rank == 1 else {
                for index in 0..<rows * tokens {
                    row[index] = view.integer(text * rows * tokens + index) > 0 ? 0 : filler
                }
                continue
            }
            let end = view.integer(text)
            let start = view.count > texts ? view.integer(texts + text) : 0
            for token in 0..<tokens { row[token] = token >= start && token < end ? 0 : filler }
        }
        return .init(start: floats, text: rows * tokens, head: 0, query: rows == 1 ? 0 : tokens, keys: tokens)
    }
}
