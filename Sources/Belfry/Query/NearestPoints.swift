package import Shards

/// A point and its true distance.
package typealias FoundPoint = (id: PointID, distance: Float)

/// What a search found, without payload.
package struct NearestPoints {
    /// For each query its points, the nearest first.
    package var points: [[FoundPoint]]
    /// For each query what is known of it.
    package var verdicts: [SearchVerdict]
    /// What could be expected without a filter.
    var expectation: Expectation
    /// What all queries together cost.
    var work: SearchWork
}

/// What is known of the answer to one query.
package struct SearchVerdict {
    /// The share of the true nearest that such a search finds, as a mean; 1 where all rows were looked at; nil where
    /// nobody has measured it.
    package var recall: Double?
    /// Whether the query is unlike all that the recall was measured on.
    package var isUnlike = false
    /// Whether all rows were looked at.
    package var isScanned = true

    /// Joins what is known of another part of the answer: it is as good as the worse of both.
    mutating func add(_ other: SearchVerdict) {
        recall = recall.flatMap { own in other.recall.map { min(own, $0) } }
        isUnlike = isUnlike || other.isUnlike
        isScanned = isScanned && other.isScanned
    }
}
