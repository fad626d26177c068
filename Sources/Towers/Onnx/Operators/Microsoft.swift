import CKernels
import Files

extension OperatorTable {
    /// Operators of the domain com.microsoft: what the optimizer of onnxruntime makes of encoders, as its page
    /// ContribOperators describes them.
    static let microsoft: [Operator] = [
        fusedAttention, quantizedAttention, multiHeadAttention, groupQueryAttention, microsoftRotaryEmbedding,
        skipLayerNormalization, skipSimplifiedLayerNormalization, embedLayerNormalization, matMulNBits,
        Operator("BiasGelu", domain: microsoftDomain, inputs: 2...2) { node throws(BelfryError) in
            try activation(node, BELFRY_GELU_ERF)
        },
        Operator("Gelu", domain: microsoftDomain, inputs: 1...1) { node throws(BelfryError) in
            try activation(node, BELFRY_GELU_ERF)
        },
        Operator("FastGelu", domain: microsoftDomain, inputs: 1...2) { node throws(BelfryError) in
            try activation(node, BELFRY_GELU_TANH)
        },
    ]

    static let microsoftDomain = "com.microsoft"

    /// (x + skip + bias) normalized over the last dimension, then · gamma + beta.
    private static let skipLayerNormalization = Operator(
        "SkipLayerNormalization", domain: microsoftDomain, inputs: 3...5, outputs: 1...4
    ) { node throws(BelfryError) in
        _ = try node.commonType(in: [.float32])
        let epsilon = try node.float("epsilon", default: 1e-12)
        return Kernel(.float32, .float32, .float32, .float32) { call throws(BelfryError) in
            let (x, skip, gamma) = (call.input(0), call.input(1), call.input(2))
            let (beta, bias) = (call.optional(3), call.optional(4))
            let columns = x.shape.last ?? 0
            guard columns > 0, gamma.shape == [columns], beta == nil || beta!.shape == [columns],
                bias == nil || bias!.shape == [columns], skip.shape.rank >= 2, skip.shape.rank <= x.shape.rank,
                isEnd(skip.shape, of: x.shape), skip.count > 0
            else { throw call.fail("its inputs have the shapes \(x.shape), \(skip.shape) and \(gamma.shape)") }
            guard !call.wants(1), !call.wants(2) else {
                throw call.fail("its mean is asked for, which only training needs")
            }
            let y = try call.output(0, x.shape)
            let (from, other, to, count) = (x.floats, skip.floats, y.floats, skip.count)
            for start in stride(from: 0, to: x.count, by: count) {
                for index in 0..<count { to[start + index] = from[start + index] + other[index] }
            }
            let rows = x.count / columns
            if let bias = bias?.floats {
                for row in 0..<rows {
                    for column in 0..<columns { to[row * columns + column] += bias[column] }
                }
            }
            if call.wants(3) { try call.output(3, x.shape).floats.update(from: to, count: y.count) }
            let zeros = try call.scratch(columns)
            zeros.update(repeating: 0, count: columns)
            normalize(to, rows, columns, gamma.floats, beta?.floats ?? zeros, epsilon, call)
        }
    }

    /// (x + skip + bias) / √(mean of squares + epsilon) · gamma over the last dimension; the sum is another output.
    private static let skipSimplifiedLayerNormalization = Operator(
        "SkipSimplifiedLayerNormalization", domain: microsoftDomain, inputs: 3...4, outputs: 1...4
    ) { node throws(BelfryError) in
        _ = try node.commonType(in: [.float32])
        let epsilon = try node.float("epsilon", default: 1e-12)
        return Kernel(.float32, .float32, .float32, .float32) { call throws(BelfryError) in
            let (x, skip, gamma, bias) = (call.input(0), call.input(1), call.input(2), call.optional(3))
            let columns = x.shape.last ?? 0
            guard columns > 0, gamma.shape == [columns], bias == nil || bias!.shape == [columns], skip.shape.rank >= 2,
                skip.shape.rank <= x.shape.rank, isEnd(skip.shape, of: x.shape), skip.count > 0
            else { throw call.fail("its inputs have the shapes \(x.shape), \(skip.shape) and \(gamma.shape)") }
            guard !call.wants(1), !call.wants(2) else {
                throw call.fail("its mean is asked for, which only training needs")
            }
            let y = try call.output(0, x.shape)
            let sums = call.wants(3) ? try call.output(3, x.shape).floats : y.floats
            let (from, other, to) = (x.floats, skip.floats, y.floats)
            for row in 0..<x.count / columns {
                let first = row * columns
                var squares: Float = 0
                for column in 0..<columns {
                    let sum = from[first + column] + other[(first + column) % skip.count] + (bias?.floats[column] ?? 0)
                    sums[first + column] = sum
                    squares += sum * sum
                }
                let factor = 1 / (squares / Float(columns) + epsilon).squareRoot()
                for column in 0..<columns { to[first + column] = sums[first + column] * factor * gamma.floats[column] }
            }
        }
    }

    /// Whether a tensor's rows repeat those of one with this shape: it is its end, behind extents of 1.
    private static func isEnd(_ part: Shape, of whole: Shape) -> Bool {
        let own = part.drop { $0 == 1 }
        return whole.suffix(own.count).elementsEqual(own)
    }

    /// The sum of word, position and segment embeddings, normalized; and how many tokens each text has.
    private static let embedLayerNormalization = Operator(
        "EmbedLayerNormalization", domain: microsoftDomain, inputs: 7...9, outputs: 1...3
    ) { node throws(BelfryError) in
        for index in [0, 1, 7, 8] where node.has(index) { _ = try node.type(index, in: [.int32]) }
        for index in 2...6 where node.has(index) { _ = try node.type(index, in: [.float32]) }
        let epsilon = try node.float("epsilon", default: 1e-12)
        node.ignore("mask_index_type")
        return Kernel(.float32, .int32, .float32) { call throws(BelfryError) in
            let (ids, words, positions) = (call.input(0), call.input(2), call.input(3))
            let (segments, segmentRows) = (call.optional(1), call.optional(4))
            let (gamma, beta, mask, places) = (call.input(5), call.input(6), call.optional(7), call.optional(8))
            let columns = gamma.count
            guard ids.shape.rank == 2, (segments == nil) == (segmentRows == nil), gamma.shape == [columns],
                beta.shape == [columns], columns > 0,
                segments == nil || segments!.shape == ids.shape, mask == nil || mask!.shape == ids.shape,
                places == nil || places!.shape == ids.shape || places!.shape == [1, ids.shape[1]]
            else { throw call.fail("its inputs do not fit ids of shape \(ids.shape)") }
            let y = try call.output(0, [ids.shape[0], ids.shape[1], columns])
            let (tokens, to, isa) = (ids.shape[1], y.floats, call.products.isa)
            func row(_ table: TensorView, _ number: Int) throws(BelfryError) -> UnsafePointer<Float> {
                guard table.shape.rank == 2, table.shape[1] == columns, number >= 0, number < table.shape[0] else {
                    throw call.fail("its embeddings of shape \(table.shape) have no row \(number) of \(columns)")
                }
                return UnsafePointer(table.floats + number * columns)
            }
            let zeros = try call.scratch(columns)
            zeros.update(repeating: 0, count: columns)
            for index in 0..<ids.count {
                var segment = UnsafePointer(zeros)
                if let segments, let segmentRows { segment = try row(segmentRows, segments.integer(index)) }
                let place = places.map { $0.integer($0.count == tokens ? index % tokens : index) } ?? index % tokens
                belfry_nn_add3(
                    isa, try row(words, ids.integer(index)), try row(positions, place), segment, to + index * columns,
                    columns)
            }
            if call.wants(2) { try call.output(2, y.shape).floats.update(from: to, count: y.count) }
            normalize(to, ids.count, columns, gamma.floats, beta.floats, epsilon, call)
            guard call.wants(1) else { return }
            let counts = try call.output(1, [ids.shape[0]]).elements(Int32.self)
            for text in 0..<ids.shape[0] {
                var count: Int32 = 0
                if let mask {
                    for token in 0..<tokens where mask.integer(text * tokens + token) == 1 { count += 1 }
                }
                counts[text] = count
            }
        }
    }
}
