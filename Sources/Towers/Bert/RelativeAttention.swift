import CKernels
import Files
import Vectors

/// Attention whose scores carry a learnt bias for how far two tokens are apart (MPNet: Song et al., 2020; the buckets
/// are those of T5: Raffel et al., 2020).
///
///     scores ← q · kᵀ / √head_size + bias[head, key's position − query's position]
///
/// Distances up to 7 have a bucket each; from 8 to 127 a bucket spans a factor of √2, and the last one takes the rest.
/// Keys behind the query have buckets of their own.
struct RelativeAttention: Sendable {
    /// Buckets of the model's table.
    static let buckets = 32
    /// Queries whose scores are kept at a time.
    private static let block = 64

    /// [heads, 2 · most − 1]: the bias times √head_size, for distances from −(most − 1) to most − 1.
    private let bias: Weights
    private let most: Int

    /// Reads the table [buckets, heads] of `file` for texts of at most `most` tokens.
    init(_ file: Safetensors, _ name: String, heads: Int, headSize: Int, most: Int) throws(BelfryError) {
        let table = try file.weights(name, shape: [Self.buckets, heads])
        let distances = 2 * most - 1
        let bias = Matrix(rows: 1, columns: heads * distances)
        let scale = Float(headSize).squareRoot()
        for distance in 0..<distances {
            let bucket = Self.bucket(distance - (most - 1))
            for head in 0..<heads {
                bias.pointer[head * distances + distance] = table.pointer[bucket * heads + head] * scale
            }
        }
        self.bias = Weights(mapped: UnsafePointer(bias.pointer), count: heads * distances, owner: bias)
        self.most = most
    }

    /// The bucket of a key that stands `distance` tokens behind the query.
    static func bucket(_ distance: Int) -> Int {
        let first = distance > 0 ? buckets / 2 : 0
        let length = abs(distance)
        // 8 · √2ⁱ, rounded up.
        let bounds = [8, 12, 16, 23, 32, 46, 64, 91]
        return first + (length < 8 ? length : 7 + bounds.count { length >= $0 })
    }

    /// What `belfry_nn_attention` does, with the bias: rows of `qkv` hold queries, keys and values one after another.
    func attend(
        _ isa: belfry_isa, _ qkv: UnsafePointer<Float>, tokens: Int, heads: Int, headSize: Int,
        into y: UnsafeMutablePointer<Float>, _ workspace: Workspace
    ) {
        let hidden = heads * headSize
        let stride = 3 * hidden
        let keys = workspace.buffer(.attention, 2 * tokens * headSize + Self.block * tokens)
        let values = keys + tokens * headSize  // [headSize, tokens]
        let scores = values + tokens * headSize
        let panel = workspace.buffer(.panel, Int(BELFRY_NN_LINEAR_SCRATCH))
        for head in 0..<heads {
            let query = qkv + head * headSize
            for token in 0..<tokens {
                let key = query + token * stride + hidden
                (keys + token * headSize).update(from: key, count: headSize)
                for column in 0..<headSize { values[column * tokens + token] = key[hidden + column] }
            }
            // The bias of key 0 for query 0; a row further down begins one distance earlier.
            let near = bias.pointer + head * (2 * most - 1) + most - 1
            for begin in Swift.stride(from: 0, to: tokens, by: Self.block) {
                let rows = min(Self.block, tokens - begin)
                for row in 0..<rows { (scores + row * tokens).update(from: near - begin - row, count: tokens) }
                belfry_nn_linear(
                    isa, query + begin * stride, stride, rows, keys, headSize, tokens, nil, BELFRY_IDENTITY, scores,
                    scores, tokens, panel)
                for row in 0..<rows {
                    belfry_nn_softmax(isa, scores + row * tokens, tokens, 1 / Float(headSize).squareRoot())
                }
                belfry_nn_linear(
                    isa, scores, tokens, rows, values, tokens, headSize, nil, BELFRY_IDENTITY, nil,
                    y + begin * hidden + head * headSize, hidden, panel)
            }
        }
    }
}
