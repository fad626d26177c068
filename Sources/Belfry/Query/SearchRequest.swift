public import Towers

/// One search, with all that can be said about it.
///
/// ```swift
/// var request = SearchRequest(.text("heat resistant gloves"), k: 5)
/// request.filter = [PayloadCondition(field: "brand", value: "Acme")]
/// for hit in try collection.search(request).hits { print(hit.score, hit.payload["title"] ?? .null) }
/// ```
public struct SearchRequest: Sendable {
    /// A share of the answers that goes to points with a payload value: five films, five books.
    public struct Quota: Sendable {
        /// What the points must have.
        public var condition: PayloadCondition
        /// How many of them are answered, at most.
        public var count: Int

        /// A quota.
        public init(_ condition: PayloadCondition, count: Int) { (self.condition, self.count) = (condition, count) }
    }

    /// What the search starts from. A point does not find itself, nor do examples find their own points.
    public var query: SearchQuery
    /// The name of the vectors that are searched; empty where the collection's need none.
    public var space = ""
    /// How many answers, where no quotas say so.
    public var k: Int
    /// The mean recall that is asked for, from above 0 to 1; nil for the collection's own.
    public var recall: Double?
    /// Whether all rows are looked at, so that nothing is missed.
    public var exact = false
    /// Only points whose payload has these values are answered; conditions of one field are alternatives. A condition that
    /// no point meets is an error that names values that there are.
    public var filter: [PayloadCondition] = []
    /// How many answers of which kind; empty for the nearest of any. A point that several of them ask for counts for the
    /// first.
    public var quotas: [Quota] = []
    /// Points that are not answered, by their ids or keys.
    public var excluding: [String] = []
    /// Whether a session's points, and those that a user has had, may be found again.
    public var includesSeen = false
    /// Collections that are searched as well, as if all were one. Their vectors must be of the same space.
    public var others: [VectorCollection] = []
    /// Embeds the query in the place of the collection's own query tower.
    public var tower: Tower?
    /// How many threads search, at most.
    public var threads = 1

    /// A search for the `k` nearest.
    public init(_ query: SearchQuery, k: Int) { (self.query, self.k) = (query, k) }
}
