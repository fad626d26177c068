import Files
import Neighbors
import Shards

/// How a collection's vectors are indexed, and why so: the document `index`. What each segment got, its own record says.
package struct IndexRecord: Codable, Equatable, Sendable {
    /// What the recipe asked for: `hnsw`, or `auto at recall 0.95`, with what it is calibrated on.
    var request: String
    /// The kind that was asked for; nil for the one that is fastest on the data.
    var wanted: IndexKind?
    /// Why it is this kind, where that was measured: it holds times, and so is no part of a segment's files.
    var choice: IndexChoice?
    /// The queries that the recipe named for the calibration; nil where it named none.
    var queries: Queries?
    /// The recall of searches where neither they nor the recipe name one, and why it is that.
    var recall: Double
    var recallReason: String

    /// Queries of a recipe: its users, or those under `calibrate`.
    package struct Queries: Codable, Equatable, Sendable {
        var areUsers: Bool
        /// How many of them could be used.
        var count: Int

        /// So many users, or queries.
        package init(areUsers: Bool, count: Int) { (self.areUsers, self.count) = (areUsers, count) }
    }
}
