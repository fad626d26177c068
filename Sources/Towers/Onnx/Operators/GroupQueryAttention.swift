import Files

extension OperatorTable {
    /// Causal attention in which several heads of queries share one of keys and values (Ainslie et al., 2023), with the
    /// positions turned in if it is asked to.
    ///
    /// Queries are [batch, tokens, heads · size], keys and values [batch, tokens, key heads · size], or all three lie in
    /// the first input side by side. `seqlens_k` is the number of a text's last token.
    static let groupQueryAttention = Operator(
        "GroupQueryAttention", domain: microsoftDomain, inputs: 7...14, outputs: 1...4
    ) { node throws(BelfryError) in
        for index in [0, 1, 2, 7, 8, 10] where node.has(index) { _ = try node.type(index, in: [.float32]) }
        for index in 5...6 { _ = try node.type(index, in: [.int32]) }
        guard node.has(1) == node.has(2) else { throw node.invalid("it has only one of key and value") }
        for (index, name) in [(3, "past_key"), (4, "past_value"), (9, "position_ids"), (11, "head_sink")]
        where node.has(index) {
            throw node.unsupported("the input \(name)")
        }
        for index in 12..<max(node.inputTypes.count, 12) where node.has(index) {
            throw node.unsupported("input \(index)")
        }
        guard let heads = try node.int("num_heads", in: 1...NodeContext.maxParts),
            let keyHeads = try node.int("kv_num_heads", in: 1...NodeContext.maxParts), heads % keyHeads == 0
        else { throw node.invalid("its num_heads and kv_num_heads do not go together") }
        for name in ["k_quant_type", "v_quant_type"] where try node.string(name) ?? "NONE" != "NONE" {
            throw node.unsupported(name)
        }
        for name in ["local_window_size", "smooth_softmax", "qk_output"] {
            guard let value = try node.int(name) else { continue }
            guard value == (name == "local_window_size" ? -1 : 0) || name == "smooth_softmax" && value == -1 else {
                throw node.unsupported(name)
            }
        }
        node.ignore("kv_cache_bit_width")
        let (scale, cap) = (try node.float("scale", default: 0), try node.float("softcap", default: 0))
        let (turns, isInterleaved) = (try node.flag("do_rotary"), try node.flag("rotary_interleaved"))
        guard !turns || node.has(7) && node.has(8) else { throw node.invalid("it has no caches to turn by") }
        return Kernel(.float32, .float32, .float32, .float32) { call throws(BelfryError) in
            let (q, k, v) = (call.input(0), call.optional(1), call.optional(2))
            guard !call.wants(1), !call.wants(2), !call.wants(3) else {
                throw call.unsupported("its keys and values are asked for, which only a later call needs")
            }
            let parts = heads + 2 * keyHeads
            guard q.shape.rank == 3, q.shape[2] > 0, q.shape[2] % (k == nil ? parts : heads) == 0 else {
                throw call.fail("its queries have the shape \(q.shape)")
            }
            let (texts, tokens, width) = (q.shape[0], q.shape[1], q.shape[2])
            let size = width / (k == nil ? parts : heads)
            let shape: Shape = [texts, tokens, keyHeads * size]
            guard k == nil || k!.shape == shape && v!.shape == shape else {
                throw call.fail("its keys and values have the shapes \(k!.shape) and \(v!.shape)")
            }
            let lengths = call.input(5)
            guard lengths.count == texts, call.input(6).count == 1 else {
                throw call.fail("its seqlens_k have the shape \(lengths.shape) for \(texts) texts")
            }
            let y = try call.output(0, [texts, tokens, heads * size])
            guard y.count > 0 else { return }
            let workers = AttentionProduct.scratch(keys: tokens, headSize: size, valueSize: size) * call.threads
            let turned = turns ? texts * tokens * (heads + keyHeads) * size : 0
            var staging = try Staging(call, workers + Staging.rounded(turned) + Staging.rounded(2 * texts) + 16)
            let memory = staging.take(workers)
            func rows(_ view: TensorView, _ offset: Int) -> AttentionProduct.Rows {
                let row = view.shape[2]
                return .init(start: view.floats + offset, text: tokens * row, head: size, token: row)
            }
            var query = rows(q, 0)
            var key = k.map { rows($0, 0) } ?? rows(q, heads * size)
            if turns {
                let start = staging.take(turned)
                query = try turn(query, heads, texts, tokens, size, isInterleaved, start, call)
                key = try turn(
                    key, keyHeads, texts, tokens, size, isInterleaved, start + texts * tokens * heads * size, call)
            }
            var product = AttentionProduct(
                query: query, key: key, value: v.map { rows($0, 0) } ?? rows(q, (heads + keyHeads) * size),
                output: .init(start: y.floats, text: tokens * heads * size, head: size, token: heads * size),
                texts: texts, heads: heads, keyHeads: keyHeads, queries: tokens, keys: tokens, headSize: size,
                valueSize: size, scale: scale == 0 ? 1 / Float(size).squareRoot() : scale, cap: cap)
            let counts = UnsafeMutableRawPointer(staging.take(2 * texts)).assumingMemoryBound(to: Int64.self)
            for text in 0..<texts {
                let last = lengths.integer(text)
                guard last >= 0, last < tokens else {
                    throw call.unsupported("a text's last token is \(last) of \(tokens)")
                }
                counts[text] = Int64(last) + 1
            }
            product.bias.lengths = UnsafePointer(counts)
            product.bias.past = 0
            if let added = call.optional(10) {
                product.bias.planes.1 = try AttentionBias.Plane(added, texts, heads, tokens, tokens, call)
            }
            product.run(call.products.isa, threads: call.threads, memory)
        }
    }

    /// A copy of the rows, [texts, tokens, heads · size], with their positions turned in.
    private static func turn(
        _ rows: AttentionProduct.Rows, _ heads: Int, _ texts: Int, _ tokens: Int, _ size: Int, _ isInterleaved: Bool,
        _ start: UnsafeMutablePointer<Float>, _ call: Call
    ) throws(BelfryError) -> AttentionProduct.Rows {
        let (cosines, sines) = (call.input(7), call.input(8))
        let pairs = cosines.shape.last ?? 0
        guard cosines.shape.rank == 2, sines.shape == cosines.shape, 2 * pairs <= size, tokens <= cosines.shape[0]
        else {
            throw call.fail("its caches have the shapes \(cosines.shape) and \(sines.shape) for \(tokens) tokens")
        }
        let result = AttentionProduct.Rows(start: start, text: tokens * heads * size, head: size, token: heads * size)
        for text in 0..<texts {
            for head in 0..<heads {
                for token in 0..<tokens {
                    let from = rows.head(text, head) + token * rows.token
                    let to = result.head(text, head) + token * result.token
                    RotarySettings.turn(
                        from, cosines.floats + token * pairs, sines.floats + token * pairs, pairs, isInterleaved, to)
                    (to + 2 * pairs).update(from: from + 2 * pairs, count: size - 2 * pairs)
                }
            }
        }
        return result
    }
}
