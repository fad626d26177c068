/// What searches have cost since the searcher was made.
package struct SearchCost: Hashable, Sendable {
    /// Lists that were scanned.
    package var lists = 0
    /// Rows in them, and centroids.
    package var rowsScanned = 0
    /// Rows that were looked at again.
    package var rowsReranked = 0
    /// Rows that were read from the shard.
    package var rowsRerankedExactly = 0
    /// Bytes of the index and of codes, not of the shard.
    package var bytes = 0
}
