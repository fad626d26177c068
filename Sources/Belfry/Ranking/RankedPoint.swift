public import Shards

/// A point and how well it answers: the larger the score, the better.
public struct RankedPoint: Hashable, Comparable, Sendable {
    /// The point.
    public var id: PointID
    /// Its score. Where a smaller number is better, as with distances, it is the number's negative.
    public var score: Float

    /// A point with a score.
    public init(_ id: PointID, _ score: Float) { (self.id, self.score) = (id, score) }

    /// Better first; of two with the same score, the smaller id. What is no number comes last.
    public static func < (first: RankedPoint, second: RankedPoint) -> Bool {
        let (one, other) = (first.rank, second.rank)
        return one > other || one == other && first.id < second.id
    }

    private var rank: Float { score.isNaN ? -.infinity : score }
}
