extension BLAS {
    /// What OpenBLAS calls the CPU that its kernels are for: `Haswell`, `SkylakeX`, `Zen`, …
    public static var coreName: String { OpenBLAS.shared?.coreName().map { String(cString: $0) } ?? "none" }

    /// What to tell a person if OpenBLAS uses kernels for a lesser CPU than this one; nil if it does not.
    public static var coreWarning: String? { coreWarning(core: coreName, best: .best) }

    private static let avx512Cores: Set<String> = ["SkylakeX", "Cooperlake", "SapphireRapids"]
    private static let avx2Cores: Set<String> = avx512Cores.union(["Haswell", "Zen", "Excavator"])

    static func coreWarning(core: String, best: InstructionSet) -> String? {
        let (cores, name) =
            switch best {
            case .avx512: (avx512Cores, "AVX-512")
            case .avx2: (avx2Cores, "AVX2")
            case .scalar: (Set([core]), "")
            }
        guard !cores.contains(core), core != "none" else { return nil }
        return "OpenBLAS uses its kernels for \(core) on a CPU with \(name), which slows matrix products down. "
            + "Unset OPENBLAS_CORETYPE, or set it to \(best == .avx512 ? "SkylakeX" : "Haswell")."
    }
}
