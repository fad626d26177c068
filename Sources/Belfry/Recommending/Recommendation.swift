/// What is to be recommended: sources that are asked one after the other, until there are enough answers.
///
/// ```swift
/// var wanted = Recommendation([.init("user", .user("u-17")), .init("popular", .ordered(bySales))], k: 20)
/// wanted.seenBy = "u-17"
/// for answer in try collection.recommend(wanted).answers { print(answer.source, answer.hit.name) }
/// ```
///
/// A source that has no answer to give, as for a user whom the collection does not know, is passed over, and the response says
/// why. A mistake in the question is an error all the same.
public struct Recommendation: Sendable {
    /// Where answers come from.
    public struct Source: Sendable {
        /// What its answers say they are from.
        public var name: String
        /// What finds them.
        public var query: SearchQuery

        /// A source.
        public init(_ name: String, _ query: SearchQuery) { (self.name, self.query) = (name, query) }
    }

    /// The sources, the best first.
    public var sources: [Source]
    /// How many answers, where no quotas say so.
    public var k: Int
    /// The name of the vectors that are searched; empty where the collection's need none.
    public var space = ""
    /// Only points that pass this are answered; nil for all.
    public var filter: Filter?
    /// How many answers of which kind; empty for any. What one source leaves open, the next one fills.
    public var quotas: [SearchRequest.Quota] = []
    /// A user whose seen points are left out; nil for that of the sources, if one is a user.
    public var seenBy: String?
    /// Whether a session's points, and those that a user has seen, may be answered again.
    public var includesSeen = false
    /// Points that are not answered, by their ids or keys.
    public var excluding: [String] = []
    /// The mean recall that is asked for; nil for the collection's own.
    public var recall: Double?
    /// Whether nothing may be missed.
    public var exact = false
    /// Answers are drawn instead of the best ones; nil for the best.
    public var exploration: Exploration?

    /// Recommendations of these sources.
    public init(_ sources: [Source], k: Int) { (self.sources, self.k) = (sources, k) }
}

/// What was recommended.
public struct RecommendationResponse: Sendable {
    /// One answer.
    public struct Answer: Sendable {
        /// The point, with its payload.
        public let hit: SearchResponse.Hit
        /// The name of the source that it comes from.
        public let source: String
        /// How likely it was to be drawn for its place, those before it being drawn; nil where nothing was drawn.
        public let propensity: Double?
    }

    /// What became of a source.
    public struct Outcome: Sendable {
        /// Its name.
        public let source: String
        /// How many of the answers are from it.
        public var answers = 0
        /// Why it was passed over; nil where it was not.
        public var passedOver: String?
    }

    /// The answers, source by source.
    public var answers: [Answer] = []
    /// What became of each source, up to the last one that was needed.
    public var outcomes: [Outcome] = []
    /// The least recall that one of the searches promises; nil where nobody knows.
    public var recall: Double? = 1
}
