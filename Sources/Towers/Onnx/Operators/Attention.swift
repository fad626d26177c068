import CKernels
import Files

extension OperatorTable {
    /// Operators of transformers.
    static let attention: [Operator] = [standardAttention, rotaryEmbedding]

    /// Attention as the standard has it: queries, keys and values as [batch, heads, tokens, size] or
    /// [batch, tokens, heads · size].
    private static let standardAttention = Operator(
        "Attention", versions: 23...Operator.newest, inputs: 3...7, outputs: 1...4
    ) { node throws(BelfryError) in
        let settings = try AttentionSettings(node)
        let (type, valueType) = (try node.type(0, in: TensorType.staged), try node.type(2, in: TensorType.staged))
        _ = try node.type(1, in: [type])
        if node.has(3) { _ = try node.type(3, in: TensorType.staged.union([.bool])) }
        guard node.has(4) == node.has(5) else { throw node.invalid("it has only one of past_key and past_value") }
        if node.has(4) {
            _ = try node.type(4, in: [type])
            _ = try node.type(5, in: [valueType])
        }
        if node.has(6) { _ = try node.type(6, in: [.int64]) }
        return Kernel(type, type, valueType, type) { call throws(BelfryError) in
            try AttentionShapes(call, settings).run(call, settings)
        }
    }
}

/// The attributes.
private struct AttentionSettings: Sendable {
    let heads: Int?
    let keyHeads: Int?
    let scale: Float?
    let cap: Float
    let isCausal: Bool
    let stage: AttentionProduct.Stage

    init(_ node: NodeContext) throws(BelfryError) {
        heads = try node.int("q_num_heads", in: 1...NodeContext.maxParts)
        keyHeads = try node.int("kv_num_heads", in: 1...NodeContext.maxParts)
        scale = try node.float("scale")
        cap = try node.float("softcap", default: 0)
        isCausal = try node.flag("is_causal")
        // Always f32, which is the most precise of the types that are read.
        node.ignore("softmax_precision")
        let mode = try node.int("qk_matmul_output_mode", default: 0)
        guard let stage = AttentionProduct.Stage(rawValue: mode) else {
            throw node.invalid("qk_matmul_output_mode is \(mode)")
        }
        self.stage = stage
    }
}

/// The extents of one call, checked.
private struct AttentionShapes {
    let isFlat: Bool
    let texts: Int
    let heads: Int
    let keyHeads: Int
    let queries: Int
    let newKeys: Int
    let past: Int
    let headSize: Int
    let valueSize: Int
    var keys: Int { past + newKeys }

    init(_ call: Call, _ settings: AttentionSettings) throws(BelfryError) {
        let (q, k, v) = (call.input(0).shape, call.input(1).shape, call.input(2).shape)
        let wrong = "its queries, keys and values have the shapes \(q), \(k) and \(v)"
        guard q.rank == k.rank, k.rank == v.rank, q.rank == 3 || q.rank == 4, q[0] == k[0], k[0] == v[0] else {
            throw call.fail(wrong)
        }
        isFlat = q.rank == 3
        texts = q[0]
        if isFlat {
            guard let heads = settings.heads, let keyHeads = settings.keyHeads, q[2] % heads == 0, k[2] % keyHeads == 0,
                v[2] % keyHeads == 0
            else { throw call.fail(wrong + ", which its numbers of heads do not divide") }
            (self.heads, self.keyHeads) = (heads, keyHeads)
            (queries, newKeys, headSize, valueSize) = (q[1], k[1], q[2] / heads, v[2] / keyHeads)
            guard k[2] / keyHeads == headSize, v[1] == newKeys else { throw call.fail(wrong) }
        } else {
            (heads, keyHeads, queries, newKeys, headSize, valueSize) = (q[1], k[1], q[2], k[2], q[3], v[3])
            guard k[3] == headSize, v[1] == keyHeads, v[2] == newKeys else { throw call.fail(wrong) }
        }
        let output: Shape = [texts, heads, queries, valueSize]
        guard keyHeads > 0, headSize > 0, heads % keyHeads == 0, output.checkedElements != nil else {
            throw call.fail(wrong)
        }
        past = call.optional(4)?.shape.dropFirst(2).first ?? 0
        if let key = call.optional(4), let value = call.optional(5) {
            guard key.shape == [texts, keyHeads, past, headSize], value.shape == [texts, keyHeads, past, valueSize]
            else {
                throw call.fail("its past keys and values have the shapes \(key.shape) and \(value.shape)")
            }
        }
        if let lengths = call.optional(6), lengths.shape != [texts] {
            throw call.fail("nonpad_kv_seqlen has the shape \(lengths.shape)")
        }
    }

    /// Where rows of `heads` heads of `size` floats lie in a tensor as it comes in or goes out.
    private func rows(
        _ start: UnsafeMutablePointer<Float>, _ heads: Int, _ tokens: Int, _ size: Int, isFlat: Bool
    ) -> AttentionProduct.Rows {
        isFlat
            ? .init(start: start, text: tokens * heads * size, head: size, token: heads * size)
            : .init(start: start, text: heads * tokens * size, head: tokens * size, token: size)
    }

    func run(_ call: Call, _ settings: AttentionSettings) throws(BelfryError) {
        let (q, k, v) = (call.input(0), call.input(1), call.input(2))
        let (mask, pastKey, pastValue) = (call.optional(3), call.optional(4), call.optional(5))
        let y = try call.output(
            0, isFlat ? [texts, queries, heads * valueSize] : [texts, heads, queries, valueSize])
        // Keys that come in two parts must lie in one place; the outputs for the next call are that place.
        let isKept = pastKey != nil || call.wants(1) || call.wants(2)
        let presentKey = isKept ? try call.output(1, [texts, keyHeads, keys, headSize]) : nil
        let presentValue = isKept ? try call.output(2, [texts, keyHeads, keys, valueSize]) : nil
        let scores = call.wants(3) ? try call.output(3, [texts, heads, queries, keys]) : nil

        let workers = AttentionProduct.scratch(keys: keys, headSize: headSize, valueSize: valueSize) * call.threads
        let inputs = Staging.room(q) + Staging.room(k) + Staging.room(v) + Staging.room(mask)
        let past = Staging.room(pastKey) + Staging.room(pastValue)
        let outputs = Staging.room(y) + Staging.room(presentKey) + Staging.room(presentValue) + Staging.room(scores)
        var staging = try Staging(call, workers + inputs + past + outputs)
        let memory = staging.take(workers)

        var key = rows(staging.floats(k), keyHeads, newKeys, headSize, isFlat: isFlat)
        var value = rows(staging.floats(v), keyHeads, newKeys, valueSize, isFlat: isFlat)
        if let presentKey, let presentValue {
            key = join(pastKey.map { staging.floats($0) }, key, headSize, in: staging.target(presentKey))
            value = join(pastValue.map { staging.floats($0) }, value, valueSize, in: staging.target(presentValue))
            staging.finish(presentKey, key.start)
            staging.finish(presentValue, value.start)
        }
        let target = staging.target(y)
        let scoresTarget = scores.map { staging.target($0) }
        var product = AttentionProduct(
            query: rows(staging.floats(q), heads, queries, headSize, isFlat: isFlat), key: key, value: value,
            output: rows(target, heads, queries, valueSize, isFlat: isFlat), texts: texts, heads: heads,
            keyHeads: keyHeads, queries: queries, keys: keys, headSize: headSize, valueSize: valueSize,
            scale: settings.scale ?? 1 / Float(headSize).squareRoot(), cap: settings.cap)
        product.bias.past = settings.isCausal ? self.past : nil
        product.bias.lengths = call.optional(6).map { UnsafePointer($0.elements(Int64.self)) }
        if let mask { product.bias.planes.0 = try plane(mask, &staging, call) }
        (product.scores, product.stage) = (scoresTarget, settings.stage)
        guard y.count > 0 else { return }
        product.run(call.products.isa, threads: call.threads, memory)
        staging.finish(y, target)
        if let scores, let scoresTarget { staging.finish(scores, scoresTarget) }
    }

    /// The rows that came before, then the new ones, head by head.
    private func join(
        _ past: UnsafeMutablePointer<Float>?, _ new: AttentionProduct.Rows, _ size: Int,
        in start: UnsafeMutablePointer<Float>
    ) -> AttentionProduct.Rows {
        let joined = rows(start, keyHeads, keys, size, isFlat: false)
        guard keys * size > 0 else { return joined }
        for text in 0..<texts {
            for head in 0..<keyHeads {
                let to = joined.head(text, head)
                if let past {
                    to.update(from: past + (text * keyHeads + head) * self.past * size, count: self.past * size)
                }
                for token in 0..<newKeys {
                    let row = new.head(text, head) + token * new.token
                    (to + (self.past + token) * size).update(from: row, count: size)
                }
            }
        }
        return joined
    }

    /// A mask of any shape that broadcasts to [texts, heads, queries, keys], or has fewer keys.
    private func plane(
        _ mask: TensorView, _ staging: inout Staging, _ call: Call
    ) throws(BelfryError) -> AttentionBias.Plane {
        var shape = Shape(rank: 4)
        guard mask.shape.rank <= 4 else { throw call.fail("its mask has the shape \(mask.shape)") }
        for back in 0..<mask.shape.rank { shape[3 - back] = mask.shape[mask.shape.rank - 1 - back] }
        guard shape[0] == 1 || shape[0] == texts, shape[1] == 1 || shape[1] == heads,
            shape[2] == 1 || shape[2] == queries, shape[3] <= keys
        else {
            throw call.fail("its mask has the shape \(mask.shape) where \([texts, heads, queries, keys]) is needed")
        }
        let floats: UnsafeMutablePointer<Float>
        if mask.type == .bool {
            floats = staging.take(mask.count)
            let isSeen = mask.elements(Bool.self)
            for index in 0..<mask.count { floats[index] = isSeen[index] ? 0 : -.infinity }
        } else {
            floats = staging.floats(mask)
        }
        let strides = shape.strides
        return AttentionBias.Plane(
            start: floats, text: shape[0] == 1 ? 0 : strides[0], head: shape[1] == 1 ? 0 : strides[1],
            query: shape[2] == 1 ? 0 : strides[2], keys: shape[3])
    }
}
