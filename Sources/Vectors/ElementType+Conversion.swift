import CKernels

extension ElementType {
    /// Writes `count` components of this type at `source` as f32 at `target`. Exact; neither side needs alignment.
    public func widen(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int) {
        let isa = InstructionSet.current.isa
        switch self {
        case .f32: target.copyMemory(from: source, byteCount: count * 4)
        case .f16: belfry_widen_f16(isa, count, source, target)
        case .bf16: belfry_widen_bf16(isa, count, source, target)
        }
    }

    /// Writes `count` f32 components at `source` as this type at `target`, rounding to nearest, ties to even.
    ///
    /// What is too large becomes infinite. Neither side needs alignment.
    public func narrow(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int) {
        let isa = InstructionSet.current.isa
        switch self {
        case .f32: target.copyMemory(from: source, byteCount: count * 4)
        case .f16: belfry_narrow_f16(isa, count, source, target)
        case .bf16: belfry_narrow_bf16(isa, count, source, target)
        }
    }

    /// The largest finite value.
    public var largest: Float {
        switch self {
        case .f32: .greatestFiniteMagnitude
        case .f16: 65_504
        case .bf16: 0x1.fep127
        }
    }
}
