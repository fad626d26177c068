/// A row and how far it is from the query.
public struct Neighbor: Hashable, Comparable, Sendable {
    /// The distance: smaller is nearer. `Metric.score(_:)` makes of it what people see.
    public var distance: Float
    /// The row's number.
    public var row: UInt32

    /// A row at a distance.
    @inlinable
    public init(row: UInt32, distance: Float) {
        self.row = row
        self.distance = distance
    }

    /// Nearer first; of two at the same distance, the smaller row.
    @inlinable
    public static func < (left: Neighbor, right: Neighbor) -> Bool {
        left.distance < right.distance || (left.distance == right.distance && left.row < right.row)
    }
}
