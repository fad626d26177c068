/// One tensor of a safetensors file, which says where its bytes lie.
package struct StoredTensor: Hashable, Sendable {
    /// Its name.
    package let name: String
    /// `F32`, `F16`, `BF16`, `I64`, …
    package let type: String
    /// Its extents, the slowest first; empty for a scalar.
    package let shape: [Int]
    /// How many numbers it holds.
    package let count: Int
    /// Where its bytes lie in the file.
    package let bytes: Range<Int>
}
