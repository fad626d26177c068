/// How two vectors are compared.
///
/// Inside Belfry a *distance* is always "smaller is nearer"; a *score* is what a person or a client sees.
public enum Metric: String, CaseIterable, Codable, Sendable {
    /// Squared Euclidean distance; its score is the Euclidean distance.
    case l2
    /// Inner product: the distance is its negative, the score the product itself.
    case ip
    /// Cosine similarity: the distance is its negative, the score the similarity, from -1 to 1.
    case cosine

    /// The score that people see for a distance.
    @inlinable
    public func score(_ distance: Float) -> Float {
        switch self {
        case .l2: distance.squareRoot()
        case .ip: -distance
        // Rounding can carry it a little beyond 1.
        case .cosine: min(1, max(-1, -distance))
        }
    }
}
