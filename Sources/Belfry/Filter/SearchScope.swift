import Vectors

/// Where a vector lies.
package struct PointPlace: Hashable, Sendable {
    package let segment: Int
    package let row: Int
}

/// Which points a search may answer with.
package struct SearchScope: Sendable {
    /// For each query the points that it must not find; empty if there are none for any.
    package var excluding: [[PointPlace]]
    /// The only points that may be answered; nil for all.
    package var kept: PointSet?
    /// Points that no query must find, and all dead rows; nil where there are none but the dead.
    package var left: PointSet?

    /// A scope, of all points unless it says otherwise.
    package init(excluding: [[PointPlace]] = [], kept: PointSet? = nil, left: PointSet? = nil) {
        (self.excluding, self.kept, self.left) = (excluding, kept, left)
    }
}

/// Points, by segment and row.
package struct PointSet: Sendable {
    var rows: [Int: RowSet] = [:]
    /// How many points there are.
    package var count: Int { rows.values.reduce(0) { $0 + $1.count } }

    /// Whether the point at `place` is one of them.
    package func contains(_ place: PointPlace) -> Bool { rows[place.segment]?.contains(place.row) == true }

    /// The points that are in both sets.
    func intersection(_ other: PointSet) -> PointSet {
        var common = PointSet()
        for (segment, set) in rows { common.rows[segment] = other.rows[segment].map(set.intersection) }
        return common
    }
}
