import Vectors

extension PointVector {
    /// The mean of what is liked, moved away from the mean of what is not by their difference; under cosine, of directions.
    /// - Parameters:
    ///   - liked: vectors of the space, at least one.
    ///   - unliked: more of them; there may be none.
    package static func mean(of liked: [PointVector], away unliked: [PointVector], _ space: VectorSpace) -> PointVector
    {
        let factor: Float = unliked.isEmpty ? 1 : 2
        switch space.kind {
        case .sparse:
            let weights =
                liked.map { ($0.sparse, factor / Float(liked.count)) }
                + unliked.map { ($0.sparse, -1 / Float(unliked.count)) }
            return .sparse(sum(weights.compactMap { vector, weight in vector.map { ($0, weight) } }))
        case .dense, .multi:
            let like = mean(liked.compactMap(\.dense), space)
            guard !unliked.isEmpty else { return .dense(like) }
            return .dense(zip(like, mean(unliked.compactMap(\.dense), space)).map { factor * $0 - $1 })
        }
    }

    private static func mean(_ vectors: [[Float]], _ space: VectorSpace) -> [Float] {
        var sum = [Float](repeating: 0, count: space.dimension)
        for vector in vectors {
            var weight = 1 / Float(vectors.count)
            if space.metric == .cosine { weight /= vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            for index in sum.indices { sum[index] += weight * vector[index] }
        }
        return sum
    }

    private static func sum(_ vectors: [(SparseVector, weight: Float)]) -> SparseVector {
        var values: [UInt32: Float] = [:]
        for (vector, weight) in vectors {
            for (index, value) in zip(vector.indices, vector.values) { values[index, default: 0] += weight * value }
        }
        let indices = values.keys.sorted()
        return SparseVector(sorted: indices, values: indices.map { values[$0] ?? 0 })
    }
}
