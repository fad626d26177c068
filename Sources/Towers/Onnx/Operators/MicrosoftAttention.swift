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
        guard let heads = try node.int("num_heads", in: 1...NodeContext.maxParts) else {
            throw node.invalid("it has no num_heads")
        }
        let sizes = try node.ints("qkv_hidden_sizes") ?? []
        guard
            sizes.isEmpty
                || sizes.count == 3 && sizes[0] == sizes[1]
                    && sizes.allSatisfy({ (1...NodeContext.maxParts).contains($0) && $0 % heads == 0 })
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

            let core = try SelfAttention(call, mask: call.optional(3), texts, tokens, heads, headSize, valueSize)
            var staging = try Staging(call, core.scratch + Staging.rounded(texts * tokens * width))
            let rows = staging.take(texts * tokens * width)
            var projection = MatrixProduct(rows: texts * tokens, inner: x.shape[2], columns: width)
            projection.bias = bias.map { UnsafePointer($0.floats) }
            (projection.packed, projection.buffer) = (packed, buffer)
            try projection.multiply(
                x, 0, w, 0, into: TensorView(type: .float32, shape: [texts * tokens, width], start: rows), 0, call)

            try core.run(
                call, rows, added: call.optional(5), isCausal: isCausal, scale: scale, filler: filler, &staging, into: y
            )
        }
    }

    /// The same of bytes: input and weights, each with its scale and zero point, are multiplied as integers.
    static let quantizedAttention = Operator(
        "QAttention", domain: microsoftDomain, inputs: 5...9, outputs: 1...2
    ) { node throws(BelfryError) in
        let bytes: Set<TensorType> = [.int8, .uint8]
        let (left, right) = (try node.type(0, in: bytes), try node.type(1, in: bytes))
        for index in 2...4 { _ = try node.type(index, in: [.float32]) }
        if node.has(5) { _ = try node.type(5, in: [.int32]) }
        if node.has(6) { _ = try node.type(6, in: [left]) }
        if node.has(7) { _ = try node.type(7, in: [right]) }
        guard !node.has(8), node.outputCount == 1 else {
            throw node.unsupported("keys and values of earlier calls (past, present)")
        }
        guard try !node.flag("do_rotary") else { throw node.unsupported("do_rotary") }
        guard let heads = try node.int("num_heads", in: 1...NodeContext.maxParts) else {
            throw node.invalid("it has no num_heads")
        }
        let (scale, filler) = (
            try node.float("scale", default: 0), try node.float("mask_filter_value", default: -10_000)
        )
        let isCausal = try node.flag("unidirectional")
        node.ignore("past_present_share_buffer")
        let sums = node.reserveBuffer()
        return Kernel(.float32) { call throws(BelfryError) in
            let (x, w, bias) = (call.input(0), call.input(1), call.input(2))
            guard x.shape.rank == 3, w.shape.rank == 2, w.shape[0] == x.shape[2], w.shape[1] > 0,
                w.shape[1] % (3 * heads) == 0, bias.count == w.shape[1]
            else { throw call.fail("its input has the shape \(x.shape) and its weights \(w.shape) for \(heads) heads") }
            let (texts, tokens, width) = (x.shape[0], x.shape[1], w.shape[1])
            let projected: Shape = [texts, tokens, width]
            guard projected.checkedElements != nil else { throw call.fail("its input has the shape \(x.shape)") }
            let (scaleX, scaleW) = (call.input(3), call.input(4))
            guard scaleX.count == 1 || scaleX.count == texts, scaleW.count == 1 || scaleW.count == width else {
                throw call.fail("its scales have the shapes \(scaleX.shape) and \(scaleW.shape)")
            }
            let y = try call.output(0, [texts, tokens, width / 3])
            guard y.count > 0 else { return }
            let size = width / (3 * heads)
            let core = try SelfAttention(call, mask: call.optional(5), texts, tokens, heads, size, size)
            let product = IntegerProduct(
                rows: texts * tokens, inner: x.shape[2], columns: width, left: left, right: right,
                leftZero: call.optional(6), rightZero: call.optional(7),
                rowsPerZero: max(texts * tokens / max(call.optional(6)?.count ?? 1, 1), 1))
            try product.check(x, w, call)
            let results = try call.buffer(sums, bytes: 4 * texts * tokens * width).assumingMemoryBound(to: Int32.self)
            var staging = try Staging(
                call, max(core.scratch, Staging.rounded(product.scratch)) + Staging.rounded(texts * tokens * width))
            let rows = staging.take(texts * tokens * width)
            // What the product needs, attention may have after it.
            var scratch = staging
            product.run(x.start, 0, w.start, results, scratch.take(product.scratch))
            for row in 0..<texts * tokens {
                let own = scaleX.floats[scaleX.count == 1 ? 0 : row / tokens]
                for column in 0..<width {
                    let factor = own * scaleW.floats[scaleW.count == 1 ? 0 : column]
                    rows[row * width + column] = Float(results[row * width + column]) * factor + bias.floats[column]
                }
            }
            try core.run(call, rows, added: nil, isCausal: isCausal, scale: scale, filler: filler, &staging, into: y)
        }
    }
}

/// Self-attention of rows that hold queries, keys and values side by side, one head after another within each.
private struct SelfAttention {
    private let mask: MaskShape?
    private let texts: Int
    private let tokens: Int
    private let heads: Int
    private let headSize: Int
    private let valueSize: Int
    private let workers: Int
    /// Floats that `run` takes.
    let scratch: Int

    init(
        _ call: Call, mask: TensorView?, _ texts: Int, _ tokens: Int, _ heads: Int, _ headSize: Int, _ valueSize: Int
    ) throws(BelfryError) {
        self.mask = try mask.map { view throws(BelfryError) in try MaskShape(view, texts, tokens, call) }
        (self.texts, self.tokens, self.heads) = (texts, tokens, heads)
        (self.headSize, self.valueSize) = (headSize, valueSize)
        workers = AttentionProduct.scratch(keys: tokens, headSize: headSize, valueSize: valueSize) * call.threads
        scratch = workers + Staging.rounded(self.mask?.count ?? 0)
    }

    func run(
        _ call: Call, _ rows: UnsafeMutablePointer<Float>, added: TensorView?, isCausal: Bool, scale: Float,
        filler: Float, _ staging: inout Staging, into y: TensorView
    ) throws(BelfryError) {
        let (queries, values) = (heads * headSize, heads * valueSize)
        let width = 2 * queries + values
        let memory = staging.take(workers)
        func part(_ start: Int, _ size: Int) -> AttentionProduct.Rows {
            .init(start: rows + start, text: tokens * width, head: size, token: width)
        }
        var product = AttentionProduct(
            query: part(0, headSize), key: part(queries, headSize), value: part(2 * queries, valueSize),
            output: .init(start: y.floats, text: tokens * values, head: valueSize, token: values), texts: texts,
            heads: heads, keyHeads: heads, queries: tokens, keys: tokens, headSize: headSize, valueSize: valueSize,
            scale: scale == 0 ? 1 / Float(headSize).squareRoot() : scale, cap: 0)
        product.bias.planes.0 = mask.map { $0.plane(filler, in: staging.take($0.count)) }
        if let added { product.bias.planes.1 = try .init(added, texts, heads, tokens, tokens, call) }
        if isCausal {
            product.bias.past = 0
            product.bias.later = -.greatestFiniteMagnitude
        }
        product.run(call.products.isa, threads: call.threads, memory)
    }
}

/// The forms of a mask: [batch] numbers of tokens, [2 · batch] ends and starts, [batch, tokens] or
/// [batch, tokens, tokens] zeros and ones.
struct MaskShape {
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

    /// Whether it has one row for all queries of a text, or one for each of so many.
    func isForQueries(_ count: Int) -> Bool { rows == 1 || rows == count }

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
