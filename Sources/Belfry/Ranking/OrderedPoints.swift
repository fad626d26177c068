import Files
import Shards

/// A point by one of its values.
struct OrderedPoint: Hashable {
    var value: OrderValue
    var id: PointID
}

/// The first points of an order, from payloads that come in any order.
struct OrderedPoints {
    private let order: OrderBy
    private let kind: OrderBy.Kind
    private let limit: Int
    private let last: OrderedPoint?
    /// Up to twice as many as are wanted.
    private var kept: [OrderedPoint] = []

    /// - Parameters:
    ///   - limit: how many are kept.
    ///   - last: the last one of the page before; only what comes behind it is kept.
    init(_ order: OrderBy, as kind: OrderBy.Kind, limit: Int, after last: OrderedPoint? = nil) {
        (self.order, self.kind, self.limit, self.last) = (order, kind, limit, last)
    }

    /// A point; each only once.
    mutating func offer(_ id: PointID, _ payload: JSON) {
        guard limit > 0 else { return }
        for value in order.values(of: payload, as: kind) {
            let point = OrderedPoint(value: value, id: id)
            if let last, !comesFirst(last, point) { continue }
            kept.append(point)
        }
        if kept.count >= 2 * limit + 1_024 { kept = points }
    }

    /// The first ones, in their order.
    var points: [OrderedPoint] { Array(kept.sorted(by: comesFirst).prefix(limit)) }

    private func comesFirst(_ first: OrderedPoint, _ second: OrderedPoint) -> Bool {
        if first.value == second.value { return first.id < second.id }
        return (first.value < second.value) != order.isDescending
    }
}
