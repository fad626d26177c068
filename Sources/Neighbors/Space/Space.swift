import Files
import Vectors

/// How rows and queries are placed so that the nearest under any metric is the nearest in squared Euclidean distance.
///
/// | metric | a row becomes | a query becomes |
/// |---|---|---|
/// | `l2` | itself | itself |
/// | `cosine` | itself divided by its length; zero stays zero | the same |
/// | `ip` | itself and one component more, √(M² − |x|²) | itself and 0 |
///
/// M is the length of the longest row: all rows of `ip` are placed on a sphere, and |q − x|² = |q|² + M² − 2⟨q, x⟩
/// (Bachrach et al., RecSys 2014).
struct Space: Sendable {
    let metric: Metric
    /// Components of a row as it came.
    let dimension: Int
    /// The squared length of the longest row, under `ip`.
    let largestSquare: Float

    init(metric: Metric, dimension: Int, largestSquare: Float) {
        self.metric = metric
        self.dimension = dimension
        self.largestSquare = largestSquare
    }

    /// The space of some rows.
    init(metric: Metric, of rows: any VectorSource) throws(BelfryError) {
        var largest: Float = 0
        let width = rows.dimension
        if metric == .ip {
            try rows.forEachRow { _, components in largest = max(largest, Self.square(components, width)) }
        }
        self.init(metric: metric, dimension: width, largestSquare: largest)
    }

    /// Components of a row as it is placed.
    var placedDimension: Int { metric == .ip ? dimension + 1 : dimension }

    /// Places one row; `target` has `placedDimension` components.
    func place(row: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
        place(query: row, into: target)
        if metric == .ip {
            target[dimension] = max(0, largestSquare - Self.square(row, dimension)).squareRoot()
        }
    }

    /// Places a query; `target` has `placedDimension` components.
    func place(query: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
        target.update(from: query, count: dimension)
        switch metric {
        case .l1, .l2: break
        case .ip: target[dimension] = 0
        case .cosine:
            let square = Self.square(query, dimension)
            guard square > 0 else { return }
            let factor = 1 / square.squareRoot()
            for index in 0..<dimension { target[index] *= factor }
        }
    }

    /// Gives a placed query the length of the longest row, under `ip`: which rows are nearest does not depend on its
    /// length, but how many times as far one is as another does.
    func lengthen(query placed: UnsafeMutablePointer<Float>) {
        guard metric == .ip, largestSquare > 0 else { return }
        let square = Self.square(placed, dimension)
        let factor = (largestSquare / square).squareRoot()
        guard factor.isFinite, factor > 0 else { return }
        for index in 0..<dimension { placed[index] *= factor }
    }

    /// The squared length of a vector.
    static func square(_ vector: UnsafePointer<Float>, _ count: Int) -> Float {
        var sums = SIMD8<Float>()
        var index = 0
        while index + 8 <= count {
            let part = UnsafeRawPointer(vector + index).loadUnaligned(as: SIMD8<Float>.self)
            sums += part * part
            index += 8
        }
        var sum = sums.sum()
        while index < count {
            sum += vector[index] * vector[index]
            index += 1
        }
        return sum
    }
}
