/// How two vectors are compared.
///
/// Inside Belfry a *distance* is always "smaller is nearer"; a *score* is what a person or a client sees.
public enum Metric: String, CaseIterable, Codable, Sendable {
    /// The sum of the components' differences (Manhattan); its score is the same. Nothing indexes it: all rows are looked at.
    case l1
    /// Squared Euclidean distance; its score is the Euclidean distance.
    case l2
    /// Inner product: the distance is its negative, the score the product itself.
    case ip
    /// Cosine similarity: the distance is its negative, the score the similarity, from -1 to 1.
    case cosine

    /// Those that have codes and indexes.
    public static let indexed = allCases.filter(\.isIndexed)

    /// Whether there are codes and indexes for it.
    @inlinable public var isIndexed: Bool { self != .l1 }

    /// Whether its score is a distance: the smaller, the better.
    @inlinable public var scoreIsDistance: Bool { self == .l1 || self == .l2 }

    /// The score that people see for a distance.
    @inlinable
    public func score(_ distance: Float) -> Float {
        switch self {
        case .l1: distance
        case .l2: distance.squareRoot()
        case .ip: -distance
        // Rounding can carry it a little beyond 1.
        case .cosine: min(1, max(-1, -distance))
        }
    }
}
