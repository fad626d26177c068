public import Files
import Shards
import Towers

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
        for source in wanted.sources where recommender.missing > 0 { try recommender.ask(source) }
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
    private(set) var response = RecommendationResponse()

    init(_ collection: VectorCollection, _ wanted: Recommendation) {
        (self.collection, self.wanted) = (collection, wanted)
        lacking = wanted.quotas.isEmpty ? [wanted.k] : wanted.quotas.map(\.count)
    }

    /// How many answers there are to come.
    var missing: Int { lacking.reduce(0) { $0 + max($1, 0) } }

    mutating func ask(_ source: Recommendation.Source) throws(BelfryError) {
        response.outcomes.append(.init(source: source.name))
        let last = response.outcomes.count - 1
        if let reason = try refusal(of: source.query) {
            response.outcomes[last].passedOver = reason
            return
        }
        let before = response.answers.count
        do throws(BelfryError) {
            for request in requests(source.query) {
                let found = try collection.search(request)
                if let reason = stranger(found, source.query) {
                    response.outcomes[last].passedOver = reason
                    return
                }
                response.recall = response.recall.flatMap { known in found.recall.map { min(known, $0) } }
                take(found.hits, from: source)
            }
        } catch {
            // A user or a point that is not there.
            guard error.code == .notFound else { throw error }
            response.outcomes[last].passedOver = error.message
        }
        response.outcomes[last].answers = response.answers.count - before
    }

    /// Why the collection's tower is not asked such a question at all; nil where it is.
    private func refusal(of query: SearchQuery) throws(BelfryError) -> String? {
        let kind: QueryKind
        switch query {
        case .user: kind = .user
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

    // MARK: requests

    private func requests(_ query: SearchQuery) -> [SearchRequest] {
        var request = SearchRequest(query, k: missing)
        // An order by a field needs no name of vectors.
        request.space = if case .ordered = query { collection.configuration.main.name } else { wanted.space }
        request.filter = wanted.filter
        (request.recall, request.exact) = (wanted.recall, wanted.exact)
        (request.seenBy, request.includesSeen) = (wanted.includesSeen ? nil : seer, wanted.includesSeen)
        request.excluding = wanted.excluding + response.answers.map(\.hit.name)
        if let exploration = wanted.exploration, query.isEmbedded { request.k = exploration.candidates(for: missing) }
        guard !wanted.quotas.isEmpty else { return [request] }
        let open = zip(wanted.quotas, lacking).filter { $1 > 0 }
        if query.isEmbedded {
            request.quotas = open.map { .init($0.filter, count: $1) }
            return [request]
        }
        // An order knows no quotas: one of each.
        return open.map { quota, lacking in
            var part = request
            (part.filter, part.k) = (Filter.both(wanted.filter, quota.filter), lacking)
            return part
        }
    }

    private var seer: String? {
        if let user = wanted.seenBy { return user }
        for case .user(let user) in wanted.sources.lazy.map(\.query) { return user }
        return nil
    }

    // MARK: answers

    private mutating func take(_ hits: [SearchResponse.Hit], from source: Recommendation.Source) {
        guard let exploration = wanted.exploration, source.query.isEmbedded else {
            for hit in hits { take(hit, from: source, propensity: nil) }
            return
        }
        let configuration = collection.configuration
        let isDistance = (try? configuration.place(ofSpace: wanted.space)).map {
            configuration.spaces[$0].scoreIsDistance
        }
        let scores = hits.map { isDistance == true ? -Double($0.score) : Double($0.score) }
        for (place, propensity) in exploration.draw(missing, scores: scores) {
            take(hits[place], from: source, propensity: propensity)
        }
    }

    /// Takes an answer, unless it was taken, or those of its kind are enough.
    private mutating func take(_ hit: SearchResponse.Hit, from source: Recommendation.Source, propensity: Double?) {
        let quota =
            wanted.quotas.isEmpty
            ? 0
            : wanted.quotas.indices.first {
                lacking[$0] > 0
                    && wanted.quotas[$0].filter.matches(FilteredPoint(id: hit.id, payload: hit.payload, vectors: []))
            }
        guard let quota, lacking[quota] > 0, !response.answers.contains(where: { $0.hit.id == hit.id }) else { return }
        lacking[quota] -= 1
        response.answers.append(.init(hit: hit, source: source.name, propensity: propensity))
    }
}
