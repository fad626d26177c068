import COpenBLAS
import Files
import Foundation

/// Matrix products in f32 on OpenBLAS. All matrices are row-major.
public enum BLAS {
    /// `c = alpha · op(a) · op(b) + beta · c`, where `op` transposes if asked to.
    ///
    /// `op(a)` is `m × k`, `op(b)` is `k × n`, `c` is `m × n`. A leading dimension is the distance in floats from
    /// one row *as stored* to the next; nil means rows without gaps. With `beta` 0 the old content of `c` is not read.
    public static func multiply(
        m: Int, n: Int, k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
        into c: UnsafeMutablePointer<Float>, transposeA: Bool = false, transposeB: Bool = false,
        leadingA: Int? = nil, leadingB: Int? = nil, leadingC: Int? = nil, alpha: Float = 1, beta: Float = 0
    ) {
        let columnsA = transposeA ? m : k
        let columnsB = transposeB ? k : n
        let (lda, ldb, ldc) = (leadingA ?? columnsA, leadingB ?? columnsB, leadingC ?? n)
        // OpenBLAS prints a message and leaves `c` alone on a bad argument: stop here instead.
        precondition(m >= 0 && n >= 0 && k >= 0, "a matrix has no negative side")
        precondition(lda >= columnsA && ldb >= columnsB && ldc >= n, "rows overlap")
        guard m > 0, n > 0 else { return }
        cblas_sgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
            Int32(m), Int32(n), Int32(k), alpha, a, Int32(max(lda, 1)), b, Int32(max(ldb, 1)), beta, c, Int32(ldc))
    }

    /// How many threads OpenBLAS may use in one call, for the whole process.
    public static func setThreads(_ count: Int) {
        precondition(count > 0)
        openblas_set_num_threads(Int32(count))
    }

    /// The CPU core whose kernels OpenBLAS chose: `SkylakeX`, `Haswell`. Printed with every figure.
    public static let coreName = String(cString: openblas_get_corename())

    /// A sentence for the user when that core is below what this CPU has; nil when all is well.
    public static let warning = warning(
        core: coreName, best: .best, pinned: ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"])
}

extension BLAS {
    /// Cores without AVX-512 kernels, and those without AVX2 ones. A name that is in neither list is a newer core.
    private static let withoutAVX512: Set = ["haswell", "zen", "excavator"]
    private static let withoutAVX2: Set = [
        "generic", "prescott", "core2", "penryn", "dunnington", "nehalem", "sandybridge", "atom", "nano", "athlon",
        "opteron", "opteron_sse3", "barcelona", "bobcat", "bulldozer", "piledriver", "steamroller", "katmai",
        "coppermine", "northwood", "banias",
    ]

    /// The sentence for one case.
    static func warning(core: String, best: InstructionSet, pinned: String?) -> String? {
        let name = core.lowercased()
        let reached: InstructionSet =
            withoutAVX2.contains(name) ? .scalar : withoutAVX512.contains(name) ? .avx2 : .avx512
        guard reached < best else { return nil }
        let remedy =
            if let pinned {
                "OPENBLAS_CORETYPE=\(pinned) in the environment asks for them: unset it, and OPENBLAS_L2_SIZE too."
            } else {
                "A newer OpenBLAS may know this CPU; OPENBLAS_CORETYPE=\(best == .avx512 ? "SkylakeX" : "Haswell") "
                    + "chooses by hand."
            }
        let has = best == .avx512 ? "AVX-512" : "AVX2"
        return "OpenBLAS runs its \(core) kernels though this CPU has \(has), about half as fast. \(remedy)"
    }
}
