import Files
public import Towers

/// One search, with all that can be said about it.
public struct SearchRequest: Sendable {
    /// A share of the answers that goes to points with a payload value: five films, five books.
    public struct Quota: Sendable {
        /// What the points must have.
        public var condition: VectorCollection.Condition
        /// How many of them are answered, at most.
        public var count: Int

        /// A quota.
        public init(_ condition: VectorCollection.Condition, count: Int) {
            (self.condition, self.count) = (condition, count)
        }
    }

    /// What the search starts from.
    public var query: VectorCollection.Query
    /// How many answers, where no quotas say so.
    public var k: Int
    /// The mean recall that is asked for; nil for the collection's own.
    public var recall: Double?
    /// Whether all rows are looked at.
    public var exact = false
    /// Only points whose payload has these values are answered.
    public var within: [VectorCollection.Condition] = []
    /// How many answers of which kind; empty for the nearest of any.
    public var quotas: [Quota] = []
    /// Whether a session's points, and those that a user has had, may be found again.
    public var includesSeen = false
    /// Embeds the query in the place of the collection's own query tower.
    public var tower: Tower?
    /// How many threads search, at most.
    public var threads = 1

    /// A search for the `k` nearest.
    public init(_ query: VectorCollection.Query, k: Int) { (self.query, self.k) = (query, k) }
}
