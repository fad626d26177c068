import CKernels
public import Files
import Vectors

extension Tower {
    /// What the products of the encoder are computed in.
    public enum Precision: String, Sendable, CaseIterable {
        /// 32-bit floats: what vectors are promised for.
        case f32
        /// Inputs and weights of products rounded to the upper half of an f32, sums in f32: about twice as fast where
        /// the processor has instructions for it, and a `precisionLoss`. An option, never the default.
        case bf16

        /// Whether this processor has instructions for it; without them it computes the same, no faster than f32.
        public var isNative: Bool { self == .f32 || belfry_nn_has_bf16() != 0 }
    }

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

    /// Only the layers of BERT and its relatives are computed in bf16.
    static func refuse(_ precision: Precision, _ kind: EncoderKind, at path: String) throws(BelfryError) {
        guard precision == .bf16 else { return }
        throw BelfryError(
            .unsupported, "A tower of the kind “\(kind.rawValue)” is computed in f32 only.", at: .init(file: path),
            remedy: "Load it as f32.")
    }

    /// bf16 is computed by kernels of our own, in pairs of numbers.
    static func check(
        _ precision: Precision, _ products: Products, sizes: [Int], _ place: BelfryError.Location
    ) throws(BelfryError) {
        guard precision == .bf16 else { return }
        if products.usesBLAS {
            throw BelfryError(
                .unsupported, "bf16 needs a processor with AVX2 or AVX-512.", at: place, remedy: "Load it as f32.")
        }
        for size in sizes where size % 2 != 0 {
            throw BelfryError(
                .unsupported, "bf16 needs an even number of components, not \(size).", at: place,
                remedy: "Load it as f32.")
        }
    }
}
