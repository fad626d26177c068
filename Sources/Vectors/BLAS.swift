import COpenBLAS

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
        oneThreadEach
        cblas_sgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
            Int32(m), Int32(n), Int32(k), alpha, a, Int32(max(lda, 1)), b, Int32(max(ldb, 1)), beta, c, Int32(ldc))
    }

    /// Makes OpenBLAS use one thread in each call, before its first call in this process.
    ///
    /// We put tiles on threads ourselves, so that a result does not depend on how many there are. The setting is the
    /// process's: changed while a product runs elsewhere, it would change the order of that product's sums.
    static let oneThreadEach: Void = openblas_set_num_threads(1)
}
