import CKernels

/// Stored components to f32 and back, on raw memory. Every instruction set gives the same bits.
public enum Elements {
    /// Widens `count` components of `type` to f32: exact. `source` needs no alignment and must not overlap `target`.
    public static func widen(
        _ source: UnsafeRawPointer, _ type: ElementType, count: Int, into target: UnsafeMutablePointer<Float>,
        instructionSet: InstructionSet = .current
    ) {
        let kernels = belfry_convert_kernels_for(instructionSet.isa)!
        switch type {
        case .f32: UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count * 4)
        case .f16: kernels.pointee.widen_f16(source, count, target)
        case .bf16: kernels.pointee.widen_bf16(source, count, target)
        }
    }

    /// Narrows `count` f32 components to `type`, to the nearest, ties to even. What is too large becomes infinite; a
    /// NaN stays a NaN. `target` needs no alignment and must not overlap `source`.
    public static func narrow(
        _ source: UnsafePointer<Float>, to type: ElementType, count: Int, into target: UnsafeMutableRawPointer,
        instructionSet: InstructionSet = .current
    ) {
        let kernels = belfry_convert_kernels_for(instructionSet.isa)!
        switch type {
        case .f32: target.copyMemory(from: source, byteCount: count * 4)
        case .f16: kernels.pointee.narrow_f16(source, count, target)
        case .bf16: kernels.pointee.narrow_bf16(source, count, target)
        }
    }
}
