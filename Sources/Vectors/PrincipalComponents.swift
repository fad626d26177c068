/// The first principal components of rows: the directions in which they vary most, the most important one first
/// (Pearson, 1901).
///
/// A component's sign is arbitrary; here its largest loading is positive. Computed by one thread: the same bits for the
/// same rows.
package struct PrincipalComponents: Sendable {
    /// The mean of the rows, a number per column.
    package let center: [Double]
    /// A unit vector per component.
    package let components: Matrix
    /// Each component's share of the variance, from 0 to 1; zeros where the rows do not vary.
    package let shares: [Double]

    /// The first components of `rows`, at most `count`, and at most as many as there are columns.
    package init(of rows: Matrix, count: Int) {
        let dimension = rows.columns
        let center = Self.mean(of: rows)
        let centered = Matrix(rows: rows.rows, columns: dimension)
        var largest: Float = 0
        for row in 0..<rows.rows {
            let (source, target) = (rows.pointer + row * dimension, centered.pointer + row * dimension)
            for column in 0..<dimension {
                target[column] = Float(Double(source[column]) - center[column])
                largest = max(largest, abs(target[column]))
            }
        }
        // Directions do not depend on the scale; products of very long or very short rows do.
        if largest > 0, largest.isFinite {
            for index in 0..<rows.rows * dimension { centered.pointer[index] /= largest }
        }
        let covariance = Matrix(rows: dimension, columns: dimension)
        BLAS.multiply(
            m: dimension, n: dimension, k: rows.rows, centered.pointer, centered.pointer, into: covariance.pointer,
            transposeA: true, alpha: 1 / Float(max(rows.rows, 1)))
        var variance = 0.0
        for column in 0..<dimension { variance += Double(covariance.pointer[column * (dimension + 1)]) }
        let (values, vectors) = PrincipalSubspace.eigen(of: covariance)
        let kept = min(count, dimension)
        let components = Matrix(rows: kept, columns: dimension)
        for component in 0..<kept {
            // The last rows of `vectors` belong to the largest eigenvalues.
            let vector = vectors.pointer + (dimension - 1 - component) * dimension
            let sign = Self.sign(of: vector, dimension)
            for column in 0..<dimension { components.pointer[component * dimension + column] = sign * vector[column] }
        }
        self.center = center
        self.components = components
        shares = (0..<kept).map { component in
            variance > 0 ? min(1, max(0, Double(values[dimension - 1 - component]) / variance)) : 0
        }
    }

    /// Where `rows` lie along each component, from the center: a row of coordinates per row.
    package func coordinates(of rows: Matrix) -> [[Double]] {
        (0..<rows.rows).map { row in
            let vector = rows.pointer + row * rows.columns
            return (0..<components.rows).map { component in
                let loadings = components.pointer + component * rows.columns
                var sum = 0.0
                for column in 0..<rows.columns {
                    sum += (Double(vector[column]) - center[column]) * Double(loadings[column])
                }
                return sum
            }
        }
    }

    private static func mean(of rows: Matrix) -> [Double] {
        var mean = [Double](repeating: 0, count: rows.columns)
        for row in 0..<rows.rows {
            let vector = rows.pointer + row * rows.columns
            for column in 0..<rows.columns { mean[column] += Double(vector[column]) }
        }
        return mean.map { $0 / Double(max(rows.rows, 1)) }
    }

    /// Minus one where the largest loading is negative. Of loadings that are equal but for rounding the first one counts.
    private static func sign(of vector: UnsafePointer<Float>, _ dimension: Int) -> Float {
        var largest: Float = 0
        for column in 0..<dimension { largest = max(largest, abs(vector[column])) }
        let first = (0..<dimension).first { abs(vector[$0]) >= 0.9999 * largest }
        return first.map { vector[$0] < 0 ? -1 : 1 } ?? 1
    }
}
