import CKernels
import Files

extension OperatorTable {
    /// Turns pairs of components by angles that grow with the position (Su et al., 2021).
    ///
    /// The input is [batch, heads, tokens, size] or [batch, tokens, heads · size]; the caches hold cosines and sines,
    /// [positions, pairs] with positions as numbers, or [batch, tokens, pairs].
    static let rotaryEmbedding = Operator(
        "RotaryEmbedding", versions: 23...Operator.newest, inputs: 3...4
    ) { node throws(BelfryError) in
        let type = try node.type(0, in: TensorType.staged)
        for cache in 1...2 { _ = try node.type(cache, in: [type]) }
        if node.has(3) { _ = try node.type(3, in: [.int64]) }
        let settings = try RotarySettings(node)
        return Kernel(type) { call throws(BelfryError) in
            try settings.run(
                call, call.input(0), cosines: call.input(1), sines: call.input(2), positions: call.optional(3))
        }
    }

    /// The same with its inputs in another order, as onnxruntime has it: the positions come second, and may be one number
    /// that is the first token's.
    static let microsoftRotaryEmbedding = Operator(
        "RotaryEmbedding", domain: microsoftDomain, inputs: 4...4
    ) { node throws(BelfryError) in
        let type = try node.type(0, in: TensorType.staged)
        _ = try node.type(1, in: [.int64])
        for cache in 2...3 { _ = try node.type(cache, in: [type]) }
        guard try node.float("scale", default: 1) == 1 else { throw node.unsupported("a scale") }
        guard try !node.flag("is_packed_batching") else { throw node.unsupported("is_packed_batching") }
        let settings = try RotarySettings(node)
        return Kernel(type) { call throws(BelfryError) in
            try settings.run(
                call, call.input(0), cosines: call.input(2), sines: call.input(3), positions: call.input(1),
                startsAtPosition: true)
        }
    }
}

/// The attributes, and what is done with them.
struct RotarySettings: Sendable {
    private let isInterleaved: Bool
    private let heads: Int
    private let turned: Int

    init(_ node: NodeContext) throws(BelfryError) {
        isInterleaved = try node.flag("interleaved")
        heads = try node.int("num_heads", default: 0)
        turned = try node.int("rotary_embedding_dim", default: 0)
    }

    fileprivate func run(
        _ call: Call, _ x: TensorView, cosines: TensorView, sines: TensorView, positions: TensorView?,
        startsAtPosition: Bool = false
    ) throws(BelfryError) {
        let y = try call.output(0, x.shape)
        guard y.count > 0 else { return }
        let isFlat = x.shape.rank == 3
        guard isFlat || x.shape.rank == 4 else { throw call.fail("its input has the shape \(x.shape)") }
        var heads = isFlat ? self.heads : x.shape[1]
        if startsAtPosition, isFlat, heads == 0, let pairs = cosines.shape.last, pairs > 0 {
            // Without a number of heads their size is what the caches are for.
            heads = x.shape[2] / (2 * pairs)
        }
        guard heads > 0, !isFlat || x.shape[2] % heads == 0 else {
            throw call.fail("its input has the shape \(x.shape), which num_heads \(self.heads) does not divide")
        }
        let (batch, tokens) = (x.shape[0], x.shape[isFlat ? 1 : 2])
        let size = isFlat ? x.shape[2] / heads : x.shape[3]
        let turned = self.turned == 0 ? size : self.turned
        let pairs = turned / 2
        let cacheShape: Shape = positions == nil ? [batch, tokens, pairs] : [cosines.shape.first ?? 0, pairs]
        let isStart = startsAtPosition && positions?.count == 1 && positions?.shape != [batch, tokens]
        guard turned >= 0, turned <= size, turned % 2 == 0, cosines.shape == cacheShape, sines.shape == cacheShape,
            positions == nil || isStart || positions!.shape == [batch, tokens]
        else {
            throw call.fail(
                "its caches have the shapes \(cosines.shape) and \(sines.shape) for \(x.shape)")
        }
        var staging = try Staging(
            call, Staging.room(x) + Staging.room(cosines) + Staging.room(sines) + Staging.room(y))
        let (from, to) = (staging.floats(x), staging.target(y))
        let (cosine, sine) = (staging.floats(cosines), staging.floats(sines))
        for token in 0..<batch * tokens {
            var position = token
            if let positions {
                let given = positions.integer(isStart ? 0 : token)
                guard given >= 0, given < cacheShape[0] else {
                    throw call.fail("the position \(given) is not among the \(cacheShape[0]) of its caches")
                }
                position = given + (isStart ? token % tokens : 0)
                guard position < cacheShape[0] else {
                    throw call.fail("the position \(position) is not among the \(cacheShape[0]) of its caches")
                }
            }
            for head in 0..<heads {
                let row = isFlat ? token * heads + head : (token / tokens * heads + head) * tokens + token % tokens
                Self.turn(
                    from + row * size, cosine + position * pairs, sine + position * pairs, pairs, isInterleaved,
                    to + row * size)
                (to + row * size + turned).update(from: from + row * size + turned, count: size - turned)
            }
        }
        staging.finish(y, to)
    }

    /// Turns the pairs of one row; `to` may be `from`.
    static func turn(
        _ from: UnsafePointer<Float>, _ cosine: UnsafePointer<Float>, _ sine: UnsafePointer<Float>, _ pairs: Int,
        _ isInterleaved: Bool, _ to: UnsafeMutablePointer<Float>
    ) {
        // A pair's components lie next to each other, or half of the turned ones apart.
        let (step, apart) = isInterleaved ? (2, 1) : (1, pairs)
        for pair in 0..<pairs {
            let (first, second) = (from[pair * step], from[pair * step + apart])
            to[pair * step] = cosine[pair] * first - sine[pair] * second
            to[pair * step + apart] = sine[pair] * first + cosine[pair] * second
        }
    }
}
