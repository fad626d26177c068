import CKernels
import Foundation
import Vectors

/// softmax(scale · Q·Kᵀ + bias) · V for every head of every text of a batch (Vaswani et al., 2017).
///
/// Several heads of queries may share a head of keys and values (Ainslie et al., 2023). A head's keys and values are
/// packed once; scores exist for a few rows at a time.
struct AttentionProduct {
    /// Where the rows of all heads lie: floats from one text, head and token to the next.
    struct Rows {
        let start: UnsafeMutablePointer<Float>
        let text: Int
        let head: Int
        let token: Int

        /// The rows of one head.
        func head(_ text: Int, _ head: Int) -> UnsafeMutablePointer<Float> {
            start + text * self.text + head * self.head
        }
    }

    /// Which scores are also an output.
    enum Stage: Int { case product, capped, biased, softmax }

    let query: Rows
    let key: Rows
    let value: Rows
    let output: Rows
    let texts: Int
    let heads: Int
    let keyHeads: Int
    let queries: Int
    let keys: Int
    let headSize: Int
    let valueSize: Int
    let scale: Float
    /// The bound of tanh that scores go through, or 0.
    let cap: Float
    var bias = AttentionBias()
    /// [texts, heads, queries, keys], if somebody wants the scores.
    var scores: UnsafeMutablePointer<Float>?
    var stage = Stage.product

    /// Rows of scores that exist at a time.
    private static let block = 48

    /// Floats of scratch that each thread needs.
    static func scratch(keys: Int, headSize: Int, valueSize: Int) -> Int {
        Staging.rounded(belfry_packed_floats(headSize, keys)) + Staging.rounded(belfry_packed_floats(keys, valueSize))
            + (block + 1) * Staging.rounded(keys)
    }

    /// `scratch` has room for all threads.
    func run(_ isa: belfry_isa, threads: Int, _ scratch: UnsafeMutablePointer<Float>) {
        let size = Self.scratch(keys: keys, headSize: headSize, valueSize: valueSize)
        WorkPool(threads: threads).forEach(texts * keyHeads, sharing: (product: self, scratch: scratch)) {
            piece, worker, shared in
            let keyHeads = shared.product.keyHeads
            shared.product.run(
                isa, text: piece / keyHeads, keyHead: piece % keyHeads, shared.scratch + worker * size)
        }
    }

    private func run(_ isa: belfry_isa, text: Int, keyHead: Int, _ scratch: UnsafeMutablePointer<Float>) {
        let packedKeys = scratch
        let packedValues = packedKeys + Staging.rounded(belfry_packed_floats(headSize, keys))
        let rows = packedValues + Staging.rounded(belfry_packed_floats(keys, valueSize))
        let width = Staging.rounded(keys)
        let biasRow = rows + Self.block * width
        belfry_packed_rows(key.head(text, keyHead), key.token, headSize, keys, nil, packedKeys)
        belfry_packed_columns(value.head(text, keyHead), value.token, keys, valueSize, packedValues)
        let group = heads / keyHeads
        for head in keyHead * group..<(keyHead + 1) * group {
            let (from, to) = (query.head(text, head), output.head(text, head))
            if !bias.isEmpty, !bias.changesWithQuery { bias.fill(biasRow, keys, text, head, 0) }
            for first in stride(from: 0, to: queries, by: Self.block) {
                let count = min(Self.block, queries - first)
                belfry_packed_multiply(
                    isa, from + first * query.token, query.token, count, packedKeys, headSize, keys, rows, width)
                for row in 0..<count {
                    let scores = rows + row * width
                    if bias.changesWithQuery { bias.fill(biasRow, keys, text, head, first + row) }
                    let copy = self.scores.map { $0 + ((text * heads + head) * queries + first + row) * keys }
                    if let copy, stage != .softmax {
                        show(scores, bias.isEmpty ? nil : biasRow, in: copy)
                    }
                    belfry_gates_softmax(isa, scores, bias.isEmpty ? nil : biasRow, keys, scale, cap)
                    if let copy, stage == .softmax { copy.update(from: scores, count: keys) }
                }
                belfry_packed_multiply(
                    isa, rows, width, count, packedValues, keys, valueSize, to + first * output.token, output.token)
            }
        }
    }

    /// The scores of one row as they are at `stage`, before softmax.
    private func show(
        _ scores: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?, in copy: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<keys {
            var score = scale * scores[index]
            if stage != .product, cap > 0 { score = cap * tanh(score / cap) }
            if stage == .biased, let bias { score += bias[index] }
            copy[index] = score
        }
    }
}

/// What is added to scores: masks and biases, causality, the ends of texts.
struct AttentionBias {
    /// Floats [texts, heads, queries, keys], where a step of 0 repeats a row.
    struct Plane {
        let start: UnsafePointer<Float>
        let text: Int
        let head: Int
        let query: Int
        /// How many keys a row has; those beyond it are masked out.
        let keys: Int
    }

    var planes: (Plane?, Plane?) = (nil, nil)
    /// For causal attention: how many keys there are before the first query's own.
    var past: Int?
    /// What a later key's score becomes in causal attention.
    var later = -Float.infinity
    /// For each text, how many keys it has.
    var lengths: UnsafePointer<Int64>?

    var isEmpty: Bool { planes.0 == nil && planes.1 == nil && past == nil && lengths == nil }
    /// Whether there is a row of its own for each query.
    var changesWithQuery: Bool {
        past != nil || planes.0.map { $0.query > 0 } ?? false || planes.1.map { $0.query > 0 } ?? false
    }

    func fill(_ row: UnsafeMutablePointer<Float>, _ keys: Int, _ text: Int, _ head: Int, _ query: Int) {
        row.update(repeating: 0, count: keys)
        add(planes.0, to: row, keys, text, head, query)
        add(planes.1, to: row, keys, text, head, query)
        if let past {
            for key in min(past + query + 1, keys)..<keys { row[key] = later }
        }
        if let lengths {
            for key in min(max(Int(lengths[text]), 0), keys)..<keys { row[key] = -.infinity }
        }
    }

    private func add(
        _ plane: Plane?, to row: UnsafeMutablePointer<Float>, _ keys: Int, _ text: Int, _ head: Int, _ query: Int
    ) {
        guard let plane else { return }
        let from = plane.start + text * plane.text + head * plane.head + query * plane.query
        for key in 0..<plane.keys { row[key] += from[key] }
        for key in plane.keys..<keys { row[key] = -.infinity }
    }
}
