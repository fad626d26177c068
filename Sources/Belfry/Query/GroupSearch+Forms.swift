import Files
import Shards
import Towers
import Vectors

// Rankings that are not by the distance to one vector.

extension SearchQuery {
    /// Whether points are ranked by their distance to one vector, or several.
    var isEmbedded: Bool {
        switch self {
        case .scored, .hybrid, .fused, .formula, .reranked, .ordered, .listed, .sample: false
        case .text, .fields, .user, .session, .point, .examples, .vector, .sparse, .multi: true
        }
    }
}

extension GroupSearch {
    /// The best points that pass a filter, in their order.
    mutating func candidatesByForm(_ k: Int, _ filter: Filter?) throws(BelfryError) -> [Candidate] {
        try requireOne("Such a ranking")
        switch request.query {
        case .scored(let score, let examples): return try scored(score, examples, k, filter)
        case .hybrid(let query, let share): return try hybrid(query, share, k, filter)
        case .fused(let parts, let fusion):
            let lists = try parts.mapLists { part throws(BelfryError) in try answers(of: part, filter) }
            let fused = try fusion.fused(lists.map { $0.map(\.ranked) })
            return fused.prefix(k).map(candidate)
        case .formula(let parts, let formula):
            let lists = try parts.mapLists { part throws(BelfryError) in try answers(of: part, filter) }
            return Array(try scored(by: formula, lists).prefix(k))
        case .reranked(let part, let reranking): return try reranked(part, reranking, k, filter)
        case .ordered(let order): return try ordered(order, k, filter)
        case .listed(let names): return try listed(names, k, filter)
        case .sample(let seed): return try sampled(seed, k, filter)
        default: preconditionFailure("a query by a vector")
        }
    }

    private func candidate(_ point: RankedPoint) -> Candidate {
        Candidate(collection: 0, id: point.id, distance: -point.score, score: point.score)
    }

    // MARK: of several searches

    /// Answers to a text, or like a point, by meaning and by words.
    private mutating func hybrid(
        _ query: SearchQuery, _ share: Double?, _ k: Int, _ filter: Filter?
    ) throws(BelfryError) -> [Candidate] {
        let configuration = views[0].configuration
        let (meaning, words) = (configuration.spaces[spaces[0]], try configuration.words(at: views[0].path))
        let share = share ?? configuration.texts.share ?? TextSearch.usualShare
        guard (0...1).contains(share) else {
            throw BelfryError(.invalidInput, "Words cannot count for \(share).", remedy: "Take a number from 0 to 1.")
        }
        guard meaning.words == nil else {
            throw BelfryError(
                .invalidInput,
                "A hybrid search names the vectors that are searched by meaning, and \(meaning.title) are words.")
        }
        let depth = ScoreMix.depth(k)
        func found(_ space: VectorSpace, _ tower: Tower?) throws(BelfryError) -> [FoundPoint] {
            var part = SearchRequest(query, k: depth)
            (part.space, part.recall, part.exact) = (space.name, request.recall, request.exact)
            (part.tower, part.threads) = (tower, request.threads)
            return try answers(of: part, filter).map { ($0.id, $0.distance) }
        }
        let mix = ScoreMix(
            meaning: try found(meaning, request.tower), meaning.metric, words: try found(words, nil), depth: depth)
        return mix.mixed(words: share).prefix(k).map(candidate)
    }

    /// The best answers of a search, read again; those that were not read follow.
    private mutating func reranked(
        _ part: SearchRequest, _ reranking: Reranking, _ k: Int, _ filter: Filter?
    ) throws(BelfryError) -> [Candidate] {
        try reranking.require()
        var part = part
        if part.k == 0 { part.k = max(k, reranking.top) }
        let found = try answers(of: part, filter)
        let best = found.prefix(reranking.top).map(\.id)
        try readings.read(best, of: views[0], by: reranking, threads: request.threads)
        let read = best.compactMap { id in readings.scores[id].map { candidate(RankedPoint(id, $0)) } }.sorted()
        // What was not read has a score of another kind, which compares with none of these.
        if request.scoreThreshold != nil || request.diversity != nil { return Array(read.prefix(k)) }
        let ids = Set(read.map(\.id))
        return Array((read + found.filter { !ids.contains($0.id) }).prefix(k))
    }

    private mutating func answers(of part: SearchRequest, _ filter: Filter?) throws(BelfryError) -> [Candidate] {
        var part = part
        part.filter = Filter.both(part.filter, filter)
        part.excluding += request.excluding
        part.seenBy = part.seenBy ?? request.seenBy
        part.includesSeen = part.includesSeen || request.includesSeen
        var search = try GroupSearch(collections, views, part)
        let answers = try search.answers()
        note(search)
        return answers
    }

    private func scored(by formula: ScoreFormula, _ lists: [[Candidate]]) throws(BelfryError) -> [Candidate] {
        let found = ScoreFormula.candidates(lists.map { $0.map { RankedPoint($0.id, $0.score) } })
        let points = try payloads(of: found.map { candidate(RankedPoint($0.id, 0)) })
        var scored: [Candidate] = []
        for (candidate, point) in zip(found, points) {
            scored.append(self.candidate(RankedPoint(candidate.id, try formula.score(candidate.scores, of: point))))
        }
        return scored.sorted()
    }

    // MARK: by examples

    private mutating func scored(
        _ score: ExampleScore, _ examples: [Example], _ k: Int, _ filter: Filter?
    ) throws(BelfryError) -> [Candidate] {
        let (view, space) = (views[0], spaces[0])
        let description = view.configuration.spaces[space]
        guard description.kind == .dense else {
            throw BelfryError(.invalidInput, "Points can be scored by examples of dense vectors alone.")
        }
        guard !examples.isEmpty, examples.count == score.examples else {
            throw BelfryError(
                .invalidInput,
                examples.isEmpty
                    ? "There is no example."
                    : "There are \(examples.count) examples; the score is by \(score.examples).")
        }
        var names: [String] = []
        let queries = examples.map { example -> SearchQuery in
            switch example {
            case .vector(let vector): return .vector(vector)
            case .point(let name):
                names.append(name)
                return .point(name)
            }
        }
        let embedded = try collections[0].ask(queries, on: view, in: space)
        var left = request.includesSeen ? [] : try view.places(names, in: space)
        if !request.excluding.isEmpty { left += try view.places(request.excluding, in: space) }
        let kept = try view.points(where: filter, in: space)
        noteScan(of: kept?.count ?? view.count(in: space))
        let found = try unseen(of: 0) { seen throws(BelfryError) in
            let scope = SearchScope(excluding: [left], kept: kept, left: seen)
            return try view.best(by: score, embedded.vectors, k: k, scope: scope, in: space)
        } ids: {
            $0.map(\.id)
        }
        return found.map {
            Candidate(collection: 0, id: $0.id, distance: $0.distance, score: -$0.distance)
        }
    }

    // MARK: without vectors

    /// Whether a point is not to be answered.
    private func leftWithoutVectors() throws(BelfryError) -> (PointID) -> Bool {
        let excluded = Set(request.excluding.map { PointName($0).id })
        let seen = if let seer { try views[0].seen(by: seer, in: spaces[0]) } else { SeenPoints?.none }
        return { excluded.contains($0) || seen?.contains($0) == true }
    }

    private mutating func ordered(_ order: OrderBy, _ k: Int, _ filter: Filter?) throws(BelfryError) -> [Candidate] {
        let isLeft = try leftWithoutVectors()
        // What a field holds, its values say: numbers, or times.
        for kind in [OrderBy.Kind.numbers, .times] {
            var points = OrderedPoints(order, as: kind, limit: k)
            var looked = 0
            try views[0].forEachPoint(where: filter) { (point: StoredPoint) throws(BelfryError) in
                looked += 1
                if !isLeft(point.id) { points.offer(point.id, try point.payload()) }
            }
            noteScan(of: looked)
            let found = points.points
            guard found.isEmpty else {
                return found.map {
                    Candidate(collection: 0, id: $0.id, distance: 0, score: 0, orderValue: $0.value)
                }
            }
        }
        return []
    }

    private func listed(_ names: [String], _ k: Int, _ filter: Filter?) throws(BelfryError) -> [Candidate] {
        let isLeft = try leftWithoutVectors()
        let passing = if let filter { try views[0].slots(where: filter) } else { RowSet?.none }
        let ids = names.map { PointName($0).id }
        var (found, known) = ([Candidate](), Set<PointID>())
        for (id, slot) in zip(ids, try views[0].slots(of: ids)) where found.count < k {
            guard let slot, passing?.contains(Int(slot)) != false, !isLeft(id), known.insert(id).inserted else {
                continue
            }
            found.append(candidate(RankedPoint(id, 0)))
        }
        return found
    }

    private mutating func sampled(_ seed: UInt64, _ k: Int, _ filter: Filter?) throws(BelfryError) -> [Candidate] {
        let slots = try views[0].slots(where: filter ?? Filter()).listed
        let isLeft = try leftWithoutVectors()
        var order = RandomOrder(slots.count, seed: seed)
        var found: [Candidate] = []
        while found.count < k {
            let drawn = (0..<k - found.count).compactMap { _ in order.next() }.map { slots[$0] }
            guard !drawn.isEmpty else { break }
            let places = Dictionary(uniqueKeysWithValues: drawn.enumerated().map { ($1, $0) })
            let points = try views[0].points(at: drawn.sorted()).sorted { places[$0.slot]! < places[$1.slot]! }
            found += points.filter { !isLeft($0.id) }.map { candidate(RankedPoint($0.id, 0)) }
        }
        return found
    }
}

extension [SearchRequest] {
    fileprivate func mapLists<Found>(
        _ body: (SearchRequest) throws(BelfryError) -> [Found]
    ) throws(BelfryError) -> [[Found]] {
        var lists: [[Found]] = []
        for request in self { lists.append(try body(request)) }
        return lists
    }
}
