import CKernels

extension ElementType {
    /// Writes `count` components of this type at `source` as f32 at `target`. Exact.
    ///
    /// Neither side needs alignment; they must not overlap. Every instruction set gives the same bits.
    public func widen(
        _ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int,
        instructionSet: InstructionSet = .current
    ) {
        let kernels = belfry_convert_kernels_for(instructionSet.isa)!
        switch self {
        case .f32: target.copyMemory(from: source, byteCount: count * 4)
        case .f16: kernels.pointee.widen_f16(source, count, target)
        case .bf16: kernels.pointee.widen_bf16(source, count, target)
        }
    }

    /// Writes `count` f32 components at `source` as this type at `target`, rounding to nearest, ties to even.
    ///
    /// What is too large becomes infinite; a NaN stays a NaN. Neither side needs alignment; they must not overlap.
    public func narrow(
        _ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int,
        instructionSet: InstructionSet = .current
    ) {
        let kernels = belfry_convert_kernels_for(instructionSet.isa)!
        switch self {
        case .f32: target.copyMemory(from: source, byteCount: count * 4)
        case .f16: kernels.pointee.narrow_f16(source, count, target)
        case .bf16: kernels.pointee.narrow_bf16(source, count, target)
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
