/// The directions in which rows vary most, turned at random among themselves.
///
/// The first `outputs` principal components hold as much of the rows' variance as any so many directions can. A random
/// rotation within their subspace keeps that, and spreads the variance evenly, so that one step width suits all
/// components when they are quantized. Computed by one thread: the same bits for the same rows and seed.
package enum PrincipalSubspace {
    /// An orthonormal basis, `outputs` rows of `sample.columns` components.
    /// - Parameter sample: rows from which the center has been subtracted, at least one.
    package static func basis(of sample: Matrix, outputs: Int, seed: UInt64) -> Matrix {
        let dimension = sample.columns
        precondition(outputs > 0 && outputs <= dimension && sample.rows > 0)
        let covariance = Matrix(rows: dimension, columns: dimension)
        // Directions do not depend on the scale; products of very long or very short rows do.
        let scaled = Matrix(rows: sample.rows, columns: dimension)
        var largest: Float = 0
        for index in 0..<sample.rows * dimension { largest = max(largest, abs(sample.pointer[index])) }
        let scale = largest > 0 && largest.isFinite ? largest : 1
        for index in 0..<sample.rows * dimension { scaled.pointer[index] = sample.pointer[index] / scale }
        BLAS.multiply(
            m: dimension, n: dimension, k: sample.rows, scaled.pointer, scaled.pointer, into: covariance.pointer,
            transposeA: true, alpha: 1 / Float(sample.rows))
        let components = eigen(of: covariance).vectors
        let turn = randomRotation(outputs, seed: seed)
        let basis = Matrix(rows: outputs, columns: dimension)
        // The last rows of `components` belong to the largest eigenvalues.
        BLAS.multiply(
            m: outputs, n: dimension, k: outputs, turn.pointer,
            components.pointer + (dimension - outputs) * dimension, into: basis.pointer)
        return basis
    }

    /// A random orthonormal matrix: the eigenvectors of a random symmetric one are uniformly distributed.
    package static func randomRotation(_ size: Int, seed: UInt64) -> Matrix {
        var random = SplitMix64(seed: seed)
        let symmetric = Matrix(rows: size, columns: size)
        for i in 0..<size {
            for j in 0...i {
                let value = random.gaussian()
                symmetric.pointer[i * size + j] = value
                symmetric.pointer[j * size + i] = value
            }
        }
        return eigen(of: symmetric).vectors
    }

    /// The eigenvalues of a symmetric matrix, the smallest first, and their eigenvectors as rows (LAPACK's `ssyevd`).
    /// Where that cannot be used, or does not converge, Jacobi's method finds them.
    static func eigen(of symmetric: Matrix) -> (values: [Float], vectors: Matrix) {
        let size = symmetric.rows
        guard size > 0, let library = OpenBLAS.shared else { return JacobiEigen.eigen(of: symmetric) }
        let vectors = Matrix(rows: size, columns: size)
        vectors.pointer.update(from: symmetric.pointer, count: size * size)
        var n = Int32(size)
        var values = [Float](repeating: 0, count: size)
        var workSize = Int32(1 + 6 * size + 2 * size * size)
        var integerSize = Int32(3 + 5 * size)
        var work = [Float](repeating: 0, count: Int(workSize))
        var integers = [Int32](repeating: 0, count: Int(integerSize))
        var info: Int32 = 0
        // Column-major eigenvectors in columns are, read row by row, eigenvectors in rows.
        library.ssyevd(
            "V", "L", &n, vectors.pointer, &n, &values, &work, &workSize, &integers, &integerSize, &info, 1, 1)
        precondition(info >= 0, "ssyevd was called with a bad argument")
        guard info == 0 else { return JacobiEigen.eigen(of: symmetric) }
        return (values, vectors)
    }
}
