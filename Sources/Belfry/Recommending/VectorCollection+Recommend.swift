public import Files
import Shards
import Towers
import Vectors

extension VectorCollection {
    /// Asks the sources of a recommendation, one after the other, until there are enough answers.
    ///
    /// Each source is searched on the collection as it is then: a point that is deleted in between may be missing from the
    /// answers of a later source, and none is answered twice.
    /// - Throws: what ``search(_:)`` throws for a mistake in the question; `invalidInput` where quotas are to be drawn.
    public func recommend(_ wanted: Recommendation) throws(BelfryError) -> RecommendationResponse {
        guard wanted.quotas.isEmpty || wanted.exploration == nil else {
            throw BelfryError(.invalidInput, "Answers cannot be drawn to quotas.", remedy: "Leave out one of the two.")
        }
        var recommender = Recommender(self, wanted)
        for source in wanted.sources where recommender.isOpen { try recommender.ask(source) }
        return recommender.response
    }

    /// What the recipe's rows say of a user: the query tower's fields; nil for one whom the collection does not know.
    public func fields(ofUser id: String) throws(BelfryError) -> JSON? {
        try base.catalogue.read { try $0.user(id) }?.fields
    }
}

/// Fills a recommendation, source by source.
private struct Recommender {
    private let collection: VectorCollection
    private let wanted: Recommendation
    /// How many answers each quota lacks; without quotas, the only number.
    private var lacking: [Int]
    private var taken: Set<PointID> = []
    /// Draws for all sources: what one has drawn says nothing of what the next one will.
    private var random: SplitMix64
    private(set) var response = RecommendationResponse()

    init(_ collection: VectorCollection, _ wanted: Recommendation) {
        (self.collection, self.wanted) = (collection, wanted)
        lacking = wanted.quotas.isEmpty ? [wanted.k] : wanted.quotas.map(\.count)
        random = SplitMix64(seed: wanted.exploration?.seed ?? 0)
    }

    /// Whether there are answers to come.
    var isOpen: Bool { lacking.contains { $0 > 0 } }

    mutating func ask(_ source: Recommendation.Source) throws(BelfryError) {
        response.outcomes.append(.init(source: source.name))
        let (last, before) = (response.outcomes.count - 1, response.answers.count)
        do throws(BelfryError) {
            var source = source
            source.query = try withKnownExamples(source.query)
            response.outcomes[last].passedOver = try refusal(of: source.query)
            // Quota by quota: what the first one has taken, the next one does not ask for.
            for quota in lacking.indices where lacking[quota] > 0 && response.outcomes[last].passedOver == nil {
                let found = try collection.search(request(source.query, quota))
                response.outcomes[last].passedOver = stranger(found, source.query)
                guard response.outcomes[last].passedOver == nil else { break }
                response.recall = response.recall.flatMap { known in found.recall.map { min(known, $0) } }
                take(found.hits, from: source, for: quota)
            }
        } catch {
            // A user or a point that is not there.
            guard error.code == .notFound else { throw error }
            response.outcomes[last].passedOver = error.message
        }
        if lacking.count > 1, source.query.isEmbedded {
            // The best first, whatever quota they are of.
            let sign: Float = scoreIsDistance ? -1 : 1
            response.answers[before...].sort { sign * $0.hit.score > sign * $1.hit.score }
        }
        let count = response.answers.count - before
        response.outcomes[last].answers = count
        if count == 0, response.outcomes[last].passedOver == nil {
            response.outcomes[last].passedOver = "It has found no points that were not answered already."
        }
    }

    // MARK: passing over

    /// Examples without those that are not there any more.
    private func withKnownExamples(_ query: SearchQuery) throws(BelfryError) -> SearchQuery {
        guard case .examples(let like, let unlike) = query else { return query }
        let space = wanted.space
        func known(_ names: [String]) throws(BelfryError) -> [String] {
            try collection.onCurrentView { view throws(BelfryError) in
                let place = try view.configuration.place(ofSpace: space)
                let slots = try view.slots(of: names)
                return zip(names, slots).filter { $1.flatMap { view.place(of: $0, in: place) } != nil }.map(\.0)
            }
        }
        let left = try known(like)
        guard !left.isEmpty else {
            throw BelfryError(.notFound, "None of the examples is in the collection, with such a vector.")
        }
        return .examples(like: left, unlike: try known(unlike))
    }

    /// Why the collection's tower is not asked such a question at all; nil where it is.
    private func refusal(of query: SearchQuery) throws(BelfryError) -> String? {
        let kind: QueryKind
        switch query {
        case .user: kind = .user
        case .fields(let fields): kind = .fields(fields.names)
        case .session: kind = .session
        default: return nil
        }
        let space = try collection.configuration.place(ofSpace: wanted.space)
        guard collection.configuration.spaces[space].tower != nil else { return "The collection has no tower." }
        let tower = try collection.queryTower(of: space)
        return try collection.refusal(of: kind, by: tower).map { "\($0): it takes \(tower.whatItTakes)." }
    }

    /// Why answers to somebody of whom nothing is known are not taken, as long as another source remains.
    private func stranger(_ found: SearchResponse, _ query: SearchQuery) -> String? {
        guard response.outcomes.count < wanted.sources.count else { return nil }
        if let user = found.unknownUsers.first { return "There is no user \(user.debugDescription)." }
        if case .session(let items) = query, found.unknownItems.count == items.count {
            return "No item of the session is in the collection."
        }
        return nil
    }

    // MARK: asking

    private func request(_ query: SearchQuery, _ quota: Int) -> SearchRequest {
        var request = SearchRequest(query, k: lacking[quota])
        // An order by a field needs no name of vectors.
        request.space = if case .ordered = query { collection.configuration.main.name } else { wanted.space }
        request.filter = Filter.both(wanted.filter, wanted.quotas.isEmpty ? nil : wanted.quotas[quota].filter)
        (request.recall, request.exact) = (wanted.recall, wanted.exact)
        (request.seenBy, request.includesSeen) = (wanted.includesSeen ? nil : seer, wanted.includesSeen)
        request.excluding = wanted.excluding + response.answers.map(\.hit.name)
        if let exploration = wanted.exploration, query.isEmbedded {
            request.k = exploration.candidates(for: lacking[quota])
        }
        return request
    }

    private var seer: String? {
        if let user = wanted.seenBy { return user }
        for case .user(let user) in wanted.sources.lazy.map(\.query) { return user }
        return nil
    }

    /// Whether a smaller score is better.
    private var scoreIsDistance: Bool {
        let configuration = collection.configuration
        let place = try? configuration.place(ofSpace: wanted.space)
        return place.map { configuration.spaces[$0].scoreIsDistance } ?? false
    }

    private mutating func take(
        _ hits: [SearchResponse.Hit], from source: Recommendation.Source, for quota: Int
    ) {
        guard let exploration = wanted.exploration, source.query.isEmbedded else {
            for hit in hits { take(hit, from: source, for: quota, propensity: nil) }
            return
        }
        let isDistance = scoreIsDistance
        let scores = hits.map { isDistance ? -Double($0.score) : Double($0.score) }
        for (place, propensity) in exploration.draw(lacking[quota], scores: scores, using: &random) {
            take(hits[place], from: source, for: quota, propensity: propensity)
        }
    }

    /// Takes an answer, unless it was taken, or those of its kind are enough.
    private mutating func take(
        _ hit: SearchResponse.Hit, from source: Recommendation.Source, for quota: Int, propensity: Double?
    ) {
        guard lacking[quota] > 0, taken.insert(hit.id).inserted else { return }
        lacking[quota] -= 1
        response.answers.append(.init(hit: hit, source: source.name, propensity: propensity))
    }
}
