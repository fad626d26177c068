public import Vectors

/// A vector of a point.
public enum PointVector: Equatable, Sendable {
    /// As many components as the space has.
    case dense([Float])
    /// Weights of terms.
    case sparse(SparseVector)
    /// Several dense vectors, at least one.
    case multi([[Float]])

    /// The components of a dense vector.
    public var dense: [Float]? { if case .dense(let components) = self { components } else { nil } }

    /// The terms of a sparse vector.
    public var sparse: SparseVector? { if case .sparse(let vector) = self { vector } else { nil } }
}
