package import Vectors

/// Compares a query of several vectors with points of several vectors each: the *late interaction* of ColBERT (Khattab and
/// Zaharia, 2020), which calls the score MaxSim.
///
/// Each vector of the query goes to the nearest vector of the point; the distance is the sum of theirs. Not thread-safe.
package final class MaxSim {
    private let kernel: DistanceKernel
    private let query: Matrix
    private let prepared: [DistanceKernel.Query]
    private var distances: [Float] = []

    /// - Parameter query: one vector a row, at least one.
    package init(_ query: Matrix, metric: Metric, instructionSet: InstructionSet = .current) {
        precondition(query.rows > 0, "a query has a vector")
        self.query = query
        let kernel = DistanceKernel(metric: metric, instructionSet: instructionSet)
        prepared = (0..<query.rows).map {
            kernel.prepare(query.pointer + $0 * query.columns, dimension: query.columns)
        }
        self.kernel = kernel
    }

    /// The distance to a point, whose vectors lie one behind the other.
    /// - Parameter count: how many there are, at least one.
    package func distance(to vectors: UnsafePointer<Float>, count: Int) -> Float {
        precondition(count > 0, "a point has a vector")
        if distances.count < count { distances = [Float](repeating: 0, count: count) }
        return distances.withUnsafeMutableBufferPointer { distances in
            guard let first = distances.baseAddress else { return .infinity }
            var sum: Float = 0
            for query in prepared {
                kernel.distances(to: query, rows: vectors, count: count, into: first)
                var nearest = first[0]
                for place in 1..<max(count, 1) where first[place] < nearest { nearest = first[place] }
                sum += nearest
            }
            return sum
        }
    }
}
