public import Files

extension VectorCollection {
    /// A payload value, and how many points have it.
    public struct FacetCount: Sendable, Equatable {
        /// A text, a whole number, true or false.
        public let value: MatchValue
        /// How many points.
        public let count: Int
    }

    /// How many of the points that pass a filter have which values in a payload field, the most frequent first. A point counts
    /// once for each of its different values. Exact: the payload of each such point is read.
    /// - Parameter limit: how many values, at most.
    public func facet(
        _ key: JSONPath, where filter: Filter? = nil, limit: Int = 10
    ) throws(BelfryError) -> [FacetCount] {
        let facet = try onCurrentView { view throws(BelfryError) in
            var facet = Facet(key)
            try view.forEachPoint(where: filter) { (point: StoredPoint) throws(BelfryError) in
                facet.add(try point.payload())
            }
            return facet
        }
        return facet.hits(limit).map { FacetCount(value: $0.value, count: $0.count) }
    }
}
