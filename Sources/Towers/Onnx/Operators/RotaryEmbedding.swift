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
        let isInterleaved = try node.flag("interleaved")
        let (wantedHeads, wantedSize) = (try node.int("num_heads", default: 0), try node.int("rotary_embedding_dim", default: 0))
        return Kernel(type) { call throws(BelfryError) in
            let (x, cosines, sines) = (call.input(0), call.input(1), call.input(2))
            let y = try call.output(0, x.shape)
            let isFlat = x.shape.rank == 3
            guard isFlat || x.shape.rank == 4 else { throw call.fail("its input has the shape \(x.shape)") }
            let heads = isFlat ? wantedHeads : x.shape[1]
            guard heads > 0, !isFlat || x.shape[2] % heads == 0 else {
                throw call.fail("its input has the shape \(x.shape), which num_heads \(wantedHeads) does not divide")
            }
            let (batch, tokens) = (x.shape[0], x.shape[isFlat ? 1 : 2])
            let size = isFlat ? x.shape[2] / heads : x.shape[3]
            let turned = wantedSize == 0 ? size : wantedSize
            let pairs = turned / 2
            let positions = call.optional(3)
            let cacheShape: Shape = positions == nil ? [batch, tokens, pairs] : [cosines.shape.first ?? 0, pairs]
            guard turned >= 0, turned <= size, turned % 2 == 0, cosines.shape == cacheShape, sines.shape == cacheShape,
                positions == nil || positions!.shape == [batch, tokens]
            else {
                throw call.fail("its caches have the shapes \(cosines.shape) and \(sines.shape) for \(x.shape)")
            }
            var staging = try Staging(
                call, Staging.room(x) + Staging.room(cosines) + Staging.room(sines) + Staging.room(y))
            let (from, to) = (staging.floats(x), staging.target(y))
            let (cosine, sine) = (staging.floats(cosines), staging.floats(sines))
            // A pair's components lie next to each other, or half of the turned ones apart.
            let (step, apart) = isInterleaved ? (2, 1) : (1, pairs)
            for token in 0..<batch * tokens {
                var position = token
                if let positions {
                    position = Int(positions.elements(Int64.self)[token])
                    guard position >= 0, position < cacheShape[0] else {
                        throw call.fail("the position \(position) is not among the \(cacheShape[0]) of its caches")
                    }
                }
                let (c, s) = (cosine + position * pairs, sine + position * pairs)
                for head in 0..<heads {
                    let row = isFlat ? token * heads + head : (token / tokens * heads + head) * tokens + token % tokens
                    let (a, b) = (from + row * size, to + row * size)
                    for pair in 0..<pairs {
                        let (first, second) = (a[pair * step], a[pair * step + apart])
                        b[pair * step] = c[pair] * first - s[pair] * second
                        b[pair * step + apart] = s[pair] * first + c[pair] * second
                    }
                    (b + turned).update(from: a + turned, count: size - turned)
                }
            }
            staging.finish(y, to)
        }
    }
}
