import CKernels
import Files
import Vectors

/// Attention whose scores carry a learned bias for how far two tokens are apart (MPNet: Song et al., 2020; the buckets
/// are those of T5: Raffel et al., 2020).
///
///     scores ← q · kᵀ / √head_size + bias[head, key's position − query's position]
///
/// Distances up to 7 have a bucket each; from 8 to 127 a bucket spans a factor of √2, and the last one takes the rest.
/// Keys behind the query have buckets of their own.
enum RelativeAttention {
    /// Buckets of the model's table.
    static let buckets = 32

    /// Spreads the table [buckets, heads] of `file` over all distances in texts of at most `maximum` tokens. The bias is
    /// added before all is divided by √head_size, so it is taken times that.
    static func distances(
        _ file: Safetensors, _ name: String, heads: Int, headSize: Int, maximum: Int
    ) throws(BelfryError) -> EncoderLayers.Distances {
        let table = try file.weights(name, shape: [buckets, heads])
        let distances = 2 * maximum - 1
        let bias = Matrix(rows: 1, columns: heads * distances)
        let scale = Float(headSize).squareRoot()
        for distance in 0..<distances {
            let bucket = bucket(distance - (maximum - 1))
            for head in 0..<heads {
                bias.pointer[head * distances + distance] = table.pointer[bucket * heads + head] * scale
            }
        }
        return EncoderLayers.Distances(table: Weights(bias), maximum: maximum)
    }

    /// The bucket of a key that stands `distance` tokens behind the query.
    static func bucket(_ distance: Int) -> Int {
        let first = distance > 0 ? buckets / 2 : 0
        let length = abs(distance)
        // 8 · √2ⁱ, rounded up.
        let bounds = [8, 12, 16, 23, 32, 46, 64, 91]
        return first + (length < 8 ? length : 7 + bounds.count { length >= $0 })
    }
}
