import CKernels
import COpenBLAS

/// Matrix products in f32: by OpenBLAS on one thread each, or by Belfry's own kernels where that cannot be used. All
/// matrices are row-major.
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
        guard let library = OpenBLAS.shared else {
            return multiplyOurselves(
                m: m, n: n, k: k, Operand(a, lda, transposeA), Operand(b, ldb, !transposeB), into: c, ldc, alpha, beta)
        }
        library.sgemm(
            101, transposeA ? 112 : 111, transposeB ? 112 : 111, Int32(m), Int32(n), Int32(k), alpha, a,
            Int32(max(lda, 1)), b, Int32(max(ldb, 1)), beta, c, Int32(ldc))
    }
}

extension BLAS {
    /// A matrix as it is stored, and whether the product wants its rows where it has columns.
    struct Operand {
        let pointer: UnsafePointer<Float>
        let leading: Int
        let isTurned: Bool

        init(_ pointer: UnsafePointer<Float>, _ leading: Int, _ isTurned: Bool) {
            (self.pointer, self.leading, self.isTurned) = (pointer, leading, isTurned)
        }

        /// The rows that the product wants, without gaps; the matrix itself where it has them.
        func rows(_ rows: Int, _ columns: Int) -> (pointer: UnsafePointer<Float>, copy: Matrix?) {
            if !isTurned, leading == columns { return (pointer, nil) }
            let copy = Matrix(rows: rows, columns: columns)
            for row in 0..<rows {
                let target = copy.pointer + row * columns
                guard isTurned else {
                    target.update(from: pointer + row * leading, count: columns)
                    continue
                }
                for column in 0..<columns { target[column] = pointer[column * leading + row] }
            }
            return (UnsafePointer(copy.pointer), copy)
        }
    }

    /// The product of `a`, and of `b` whose rows are columns of the result, by the kernel of dense layers.
    static func multiplyOurselves(
        m: Int, n: Int, k: Int, _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, _ ldc: Int,
        _ alpha: Float, _ beta: Float
    ) {
        let (left, leftCopy) = a.rows(m, k)
        let (right, rightCopy) = b.rows(n, k)
        let product = Matrix(rows: m, columns: n)
        let scratch = Matrix(rows: 1, columns: Int(BELFRY_NN_LINEAR_SCRATCH))
        if k > 0 {
            belfry_nn_linear(
                InstructionSet.current.isa, left, k, m, right, k, n, nil, BELFRY_IDENTITY, nil, product.pointer, n,
                scratch.pointer)
        } else {
            product.pointer.update(repeating: 0, count: m * n)
        }
        withExtendedLifetime((leftCopy, rightCopy)) {}
        for row in 0..<m {
            let (from, to) = (product.pointer + row * n, c + row * ldc)
            if beta == 0 {
                for column in 0..<n { to[column] = alpha * from[column] }
            } else {
                for column in 0..<n { to[column] = alpha * from[column] + beta * to[column] }
            }
        }
    }
}
