/// A vector of a point.
public enum PointVector: Equatable, Sendable {
    /// As many components as the space has.
    case dense([Float])

    /// The components of a dense vector.
    public var dense: [Float]? {
        switch self {
        case .dense(let components): components
        }
    }
}
