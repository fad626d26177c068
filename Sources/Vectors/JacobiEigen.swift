/// Eigenvalues and eigenvectors of a symmetric matrix without LAPACK, in f64.
///
/// Jacobi's method (1846): a rotation in the plane of two coordinates makes their common element zero; going over all
/// pairs again and again leaves the eigenvalues on the diagonal, and the rotations' product is the eigenvectors. Slow
/// beside LAPACK, exact, and short.
enum JacobiEigen {
    /// The eigenvalues, the smallest first, and their eigenvectors as rows.
    static func eigen(of symmetric: Matrix) -> (values: [Float], vectors: Matrix) {
        let size = symmetric.rows
        var matrix = (0..<size * size).map { Double(symmetric.pointer[$0]) }
        var vectors = [Double](repeating: 0, count: size * size)
        for index in 0..<size { vectors[index * (size + 1)] = 1 }
        matrix.withUnsafeMutableBufferPointer { matrix in
            vectors.withUnsafeMutableBufferPointer { vectors in
                for _ in 0..<maxSweeps where !sweep(matrix, vectors, size) { break }
            }
        }
        let order = (0..<size).sorted { (matrix[$0 * (size + 1)], $0) < (matrix[$1 * (size + 1)], $1) }
        let sorted = Matrix(rows: size, columns: size)
        for (row, place) in order.enumerated() {
            for column in 0..<size { sorted.pointer[row * size + column] = Float(vectors[place * size + column]) }
        }
        return (order.map { Float(matrix[$0 * (size + 1)]) }, sorted)
    }

    /// It converges quadratically: ten suffice for any matrix that was tried.
    private static let maxSweeps = 40

    /// Goes over all pairs once; false where there was nothing left to do.
    private static func sweep(
        _ a: UnsafeMutableBufferPointer<Double>, _ vectors: UnsafeMutableBufferPointer<Double>, _ size: Int
    ) -> Bool {
        var isChanged = false
        for p in 0..<size {
            for q in p + 1..<max(size, p + 1) {
                let element = a[p * size + q]
                let (first, second) = (a[p * size + p], a[q * size + q])
                guard abs(element) > 1e-15 * (abs(first * second)).squareRoot(), abs(element) > 1e-300 else { continue }
                isChanged = true
                // The smaller of the two angles (Rutishauser, 1966).
                let ratio = (second - first) / (2 * element)
                let tangent = (ratio < 0 ? -1 : 1) / (abs(ratio) + (ratio * ratio + 1).squareRoot())
                let cosine = 1 / (tangent * tangent + 1).squareRoot()
                let sine = tangent * cosine
                for k in 0..<size {
                    let (x, y) = (a[k * size + p], a[k * size + q])
                    (a[k * size + p], a[k * size + q]) = (cosine * x - sine * y, sine * x + cosine * y)
                }
                for k in 0..<size {
                    let (x, y) = (a[p * size + k], a[q * size + k])
                    (a[p * size + k], a[q * size + k]) = (cosine * x - sine * y, sine * x + cosine * y)
                    let (v, w) = (vectors[p * size + k], vectors[q * size + k])
                    (vectors[p * size + k], vectors[q * size + k]) = (cosine * v - sine * w, sine * v + cosine * w)
                }
            }
        }
        return isChanged
    }
}
