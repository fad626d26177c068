public import Files
public import Towers

/// One search, with all that can be said about it.
///
/// ```swift
/// var request = SearchRequest(.text("heat resistant gloves"), k: 5)
/// request.filter = try Filter(parsing: "brand = 'Acme' and price < 50")
/// for hit in try collection.search(request).hits { print(hit.score, hit.payload["title"] ?? .null) }
/// ```
public struct SearchRequest: Sendable {
    /// A share of the answers that goes to points with a payload value: five films, five books.
    public struct Quota: Sendable {
        /// What the points must pass.
        public var filter: Filter
        /// How many of them are answered, at most.
        public var count: Int

        /// A quota.
        public init(_ filter: Filter, count: Int) { (self.filter, self.count) = (filter, count) }

        /// A quota for points with a payload value.
        public init(_ condition: PayloadCondition, count: Int) { self.init(Filter(condition), count: count) }
    }

    /// Answers in groups.
    public struct Groups: Sendable {
        /// The payload field whose values make the groups: texts and whole numbers. Of a list, each of its elements.
        public var key: JSONPath
        /// How many answers each group has, at most.
        public var size: Int

        /// Groups.
        public init(by key: JSONPath, size: Int = 1) { (self.key, self.size) = (key, size) }
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
    /// Only points that pass this are answered; nil for all.
    public var filter: Filter?
    /// How many answers of which kind; empty for the nearest of any. A point that several of them ask for counts for the
    /// first.
    public var quotas: [Quota] = []
    /// Answers that score worse are left out: less than this, or more where the score is a distance; nil for none.
    public var scoreThreshold: Float?
    /// So many of the best answers are passed over, for the next page.
    public var offset = 0
    /// Whether the best answers are to come in groups, of which there are ``k`` then; nil for one list.
    public var groups: Groups?
    /// How far the answers are to differ from one another; nil for the nearest, whether they do or not.
    public var diversity: Diversity?
    /// Points that are not answered, by their ids or keys.
    public var excluding: [String] = []
    /// A user whose seen points are left out: those that were noted by ``VectorCollection/markSeen(_:by:at:)``, and those that
    /// the recipe says. Where none is named, a search by a user leaves that one's out.
    public var seenBy: String?
    /// Whether a session's points, and those that a user has seen, may be found again.
    public var includesSeen = false
    /// Collections that are searched as well, as if all were one. Their vectors must be of the same space.
    public var others: [VectorCollection] = []
    /// Embeds the query in the place of the collection's own query tower.
    public var tower: Tower?
    /// Whether answers come with their payload. Without it there is less to do.
    public var withPayload = true
    /// How many threads search, at most.
    public var threads = 1

    /// A search for the `k` nearest.
    public init(_ query: SearchQuery, k: Int) { (self.query, self.k) = (query, k) }
}
