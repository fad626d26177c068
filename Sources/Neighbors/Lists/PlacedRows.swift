import Vectors

extension Metric {
    /// Components of a placed row of `dimension`.
    func placedDimension(_ dimension: Int) -> Int { self == .ip ? dimension + 1 : dimension }

    /// The rows, placed so that squared Euclidean distance orders them as the metric does (see ``ListsFormat``), less
    /// their mean. The mean is of the first `rows.columns` components only: the one that ip adds stays as it is.
    func place(_ rows: Matrix) -> (placed: Matrix, mean: [Float]) {
        let (n, d, width) = (rows.rows, rows.columns, placedDimension(rows.columns))
        let placed = Matrix(rows: n, columns: width)
        var longest = 0.0
        var sums = [Double](repeating: 0, count: d)
        for row in 0..<n {
            let (from, to) = (rows.pointer + row * d, placed.pointer + row * width)
            var squares = 0.0
            for i in 0..<d { squares += Double(from[i]) * Double(from[i]) }
            longest = max(longest, squares)
            let factor = self == .cosine && squares > 0 ? Float(1 / squares.squareRoot()) : 1
            for i in 0..<d {
                to[i] = from[i] * factor
                sums[i] += Double(to[i])
            }
            if self == .ip { to[d] = Float(squares) }
        }
        let mean = sums.map { Float($0 / Double(max(n, 1))) }
        for row in 0..<n {
            let to = placed.pointer + row * width
            if self == .ip {
                var squares = 0.0
                for i in 0..<d { squares += Double(to[i]) * Double(to[i]) }
                to[d] = Float(max(0, longest - squares).squareRoot())
            }
            for i in 0..<d { to[i] -= mean[i] }
        }
        return (placed, mean)
    }

    /// Places a query beside the rows: without the component that ip adds, which is 0.
    func place(
        query: UnsafePointer<Float>, mean: UnsafePointer<Float>, dimension: Int,
        into placed: UnsafeMutablePointer<Float>
    ) {
        var factor: Float = 1
        if self == .cosine {
            var squares: Float = 0
            for i in 0..<dimension { squares += query[i] * query[i] }
            factor = squares > 0 ? 1 / squares.squareRoot() : 0
        }
        for i in 0..<dimension { placed[i] = query[i] * factor - mean[i] }
    }
}
