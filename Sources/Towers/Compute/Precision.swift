import CKernels

/// What the products of the encoder are computed in.
public enum Precision: String, Sendable, CaseIterable {
    /// 32-bit floats: what vectors are promised for.
    case f32
    /// Inputs and weights of products rounded to the upper half of an f32, sums in f32: about twice as fast where
    /// the processor has instructions for it, and a `Tower.precisionLoss`. An option, never the default.
    case bf16

    /// Whether this processor has instructions for it; without them it computes the same, no faster than f32.
    public var isNative: Bool { self == .f32 || belfry_nn_has_bf16() != 0 }
}
