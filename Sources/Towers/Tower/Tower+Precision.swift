public import Files
import Vectors

extension Tower {
    /// How far the canary vectors are from those of the import, which was in f32.
    public struct PrecisionLoss: Sendable {
        /// Of any component.
        public var largestDifference: Float
        /// 1 − cos of any pair of vectors.
        public var largestCosineLoss: Double

        /// A loss of so much.
        public init(largestDifference: Float = 0, largestCosineLoss: Double = 0) {
            self.largestDifference = largestDifference
            self.largestCosineLoss = largestCosineLoss
        }
    }

    /// Embeds the canary texts and compares them with what `import` kept.
    /// - Throws: `corruptData` if the kept vectors have another shape.
    public func precisionLoss() throws(BelfryError) -> PrecisionLoss {
        let file = path + "/" + TowerManifest.canaryFile
        let kept = try NpyArray(file)
        guard kept.shape == [manifest.canaries.count, dimension] else {
            throw .corrupt("The canary vectors have the shape \(kept.shape).", at: .init(file: file))
        }
        let wanted = kept.floats()
        let found = try embed(manifest.canaries)
        var loss = PrecisionLoss()
        for row in 0..<found.rows {
            var (dot, left, right) = (0.0, 0.0, 0.0)
            for (a, b) in zip(found.row(row), wanted[row * dimension..<(row + 1) * dimension]) {
                loss.largestDifference = max(loss.largestDifference, abs(a - b))
                dot += Double(a) * Double(b)
                left += Double(a) * Double(a)
                right += Double(b) * Double(b)
            }
            // Two vectors of zeros are equal.
            let cosine = left * right > 0 ? dot / (left * right).squareRoot() : 1
            loss.largestCosineLoss = max(loss.largestCosineLoss, 1 - cosine)
        }
        return loss
    }
}
