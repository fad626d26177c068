import Files
import Shards
import Vectors

/// One request, carried out on one collection or several, as if they were one.
///
/// 1. The query becomes a vector once: by the query tower, which all collections share, or from the one that holds the
///    points it names.
/// 2. Every collection gives its nearest points; the nearest of all are kept.
/// 3. With quotas that is done for each of them, the points that an earlier one has answered left out, and the answers of
///    all are put in order.
/// 4. The payload of the answers is fetched.
struct GroupSearch {
    let request: SearchRequest
    /// In the order in which equal answers come.
    let collections: [VectorCollection]
    /// What is searched: each collection as it was when the search began.
    let views: [View]
    /// The place of the space that is searched in each.
    let spaces: [Int]
    /// The query's vector, once it was needed.
    private var query: EmbeddedQueries?
    /// Of groups that were asked for their values, and how many answers each has.
    var groups: [(value: JSON, count: Int)] = []
    /// Of each collection the points that it must not find.
    var excluded: [[PointPlace]]
    /// Whose seen points are left out; nil where none are.
    let seer: String?
    /// What could be expected of each collection that was searched.
    private var expectations: [Int: Expectation] = [:]
    /// What a cross-encoder has read.
    var readings = AnswerReadings()
    private var verdict = SearchVerdict(recall: 1)
    private var work = SearchWork()

    /// A point before its payload is fetched.
    struct Candidate: Comparable {
        let collection: Int
        let id: PointID
        /// Smaller is better.
        let distance: Float
        /// What people see.
        let score: Float
        /// Where points stand in an order by a field, the value by which this one does.
        var orderValue: OrderValue?

        static func < (first: Candidate, second: Candidate) -> Bool {
            (first.distance, first.collection, first.id) < (second.distance, second.collection, second.id)
        }

        /// As a ranking of one collection has it.
        var ranked: RankedPoint { RankedPoint(id, -distance) }
    }

    /// - Parameters:
    ///   - collections: all that are searched.
    ///   - views: what they are now.
    init(
        _ collections: [VectorCollection], _ views: [View], _ request: SearchRequest
    ) throws(BelfryError) {
        (self.request, self.collections, self.views) = (request, collections, views)
        excluded = [[PointPlace]](repeating: [], count: collections.count)
        let user: String? = if case .user(let id) = request.query { id } else { nil }
        seer = request.includesSeen ? nil : request.seenBy ?? user
        var spaces: [Int] = []
        for (collection, view) in zip(collections, views) {
            do throws(BelfryError) {
                // It may have been dropped since the collection was opened.
                try view.configuration.requireVersion(collection.version, at: view.path)
                let configuration = view.configuration.version(collection.version)
                spaces.append(try configuration.place(ofSpace: request.space))
            } catch {
                var error = error
                error.location = .init(file: view.path)
                throw error
            }
        }
        self.spaces = spaces
        try Self.requireOneSpace(views, spaces)
    }

    /// Refuses collections whose scores do not compare.
    private static func requireOneSpace(_ views: [View], _ spaces: [Int]) throws(BelfryError) {
        let paths = views.map(\.path)
        if let twice = paths.indices.first(where: { paths[..<$0].contains(paths[$0]) }) {
            throw BelfryError(.invalidInput, "The collection is named twice.", at: .init(file: paths[twice]))
        }
        for (other, space) in zip(views, spaces).dropFirst() {
            let names = (views[0].configuration.name, other.configuration.name)
            let (own, its) = (views[0].configuration.spaces[spaces[0]], other.configuration.spaces[space])
            guard own.tower?.fingerprint == its.tower?.fingerprint, own.metric == its.metric,
                own.dimension == its.dimension, own.kind == its.kind
            else {
                throw BelfryError(
                    .wrongTower,
                    "The collections \(names.0) (\(own.towerName), \(own.metric)) and \(names.1) (\(its.towerName), "
                        + "\(its.metric)) share no space: their scores do not compare.",
                    at: .init(file: other.path), remedy: "Build both with the same tower and the same metric.")
            }
        }
    }

    /// Carries the request out; nil where a write has meanwhile changed what was found.
    mutating func run() throws(BelfryError) -> SearchResponse? {
        var clock = StepClock()
        if request.query.isEmbedded { _ = try embedded() }
        _ = clock.lap()
        let answers = try answers()
        let searching = clock.lap()
        guard let hits = try hits(answers) else { return nil }
        let fetching = clock.lap()
        var response = SearchResponse(
            hits: hits, recall: verdict.recall, unknownUsers: query?.unknownUsers ?? [],
            unknownItems: try unknownItems(),
            trace: trace(query?.embedding, searching, fetching, answers: hits.count),
            isOfSeveral: collections.count > 1)
        response.reranking = readings.report
        var first = 0
        for group in groups {
            response.groups.append(.init(value: group.value, hits: Array(hits[first..<first + group.count])))
            first += group.count
        }
        return response
    }

    /// The best points that pass a filter, beside the request's own, in their order.
    mutating func ranked(_ k: Int, _ more: Filter?) throws(BelfryError) -> [Candidate] {
        let filter = Filter.both(request.filter, more)
        let found =
            if request.query.isEmbedded {
                try candidates(embedded(), k, filter)
            } else {
                try candidatesByForm(k, filter)
            }
        guard let threshold = request.scoreThreshold else { return found }
        let isDistance = request.query.isEmbedded && views[0].configuration.spaces[spaces[0]].scoreIsDistance
        return found.filter { isDistance ? $0.score <= threshold : $0.score >= threshold }
    }

    private mutating func embedded() throws(BelfryError) -> EmbeddedQueries {
        if let query { return query }
        let made = try embed()
        query = made
        return made
    }

    /// The query's vector; notes which points of each collection are left out.
    private mutating func embed() throws(BelfryError) -> EmbeddedQueries {
        let owner = try owner()
        // What the user of a query has seen is left out by itself; other collections do not know the user.
        let isOwn = if case .user(let id) = request.query { collections.count == 1 && seer == id } else { false }
        let embedded = try collections[owner].ask(
            [request.query], on: views[owner], in: spaces[owner], includingSeen: request.includesSeen || isOwn,
            tower: request.tower)
        for (index, view) in views.enumerated() {
            let space = spaces[index]
            excluded[index] =
                index == owner ? embedded.excluded[0] : try view.places(embedded.excludedNames[0], in: space)
            if !request.excluding.isEmpty { excluded[index] += try view.places(request.excluding, in: space) }
        }
        return embedded
    }

    /// The collection that holds what the query names: the points, or the user; the first one if it names nothing.
    private func owner() throws(BelfryError) -> Int {
        let names: [String]
        switch request.query {
        case .point(let name): names = [name]
        case .examples(let like, let unlike): names = like + unlike
        case .user(let id):
            for (index, collection) in collections.enumerated() where try collection.knows(user: id) { return index }
            return 0
        case .text, .fields, .session, .vector, .sparse, .multi, .scored, .hybrid, .fused, .formula, .reranked,
            .ordered,
            .listed,
            .sample:
            return 0
        }
        for (index, view) in views.enumerated() where try view.slots(of: names).allSatisfy({ $0 != nil }) {
            return index
        }
        return 0
    }

    // MARK: the nearest

    private mutating func candidates(
        _ query: EmbeddedQueries, _ k: Int, _ filter: Filter?
    ) throws(BelfryError) -> [Candidate] {
        var candidates: [Candidate] = []
        for (index, view) in views.enumerated() {
            let points = try view.points(where: filter, in: spaces[index])
            let found = try unseen(of: index) { left throws(BelfryError) in
                let scope = SearchScope(excluding: [excluded[index]], kept: points, left: left)
                switch query.others.first {
                case .sparse(let terms): return try view.nearest(terms, k: k, scope: scope, in: spaces[index])
                case .multi(let vectors): return try view.nearest(vectors, k: k, scope: scope, in: spaces[index])
                case nil, .dense:
                    return try view.nearest(
                        query.vectors, k: k, recall: request.recall, exact: request.exact, scope: scope,
                        styles: request.query.styles, threads: request.threads, in: spaces[index])
                }
            } ids: {
                $0.points[0].map(\.id)
            }
            candidates += found.points[0].map { self.candidate(index, $0) }
            expectations[index] = found.expectation
            verdict.add(found.verdicts[0])
            work.add(found.work)
        }
        return Array(candidates.sorted().prefix(k))
    }

    /// What a search finds that leaves rows out, without points that the user has seen.
    func unseen<Found>(
        of index: Int, _ search: (_ left: PointSet?) throws(BelfryError) -> Found,
        ids: (Found) -> [PointID]
    ) throws(BelfryError) -> Found {
        guard let seer, let seen = try views[index].seen(by: seer, in: spaces[index]) else { return try search(nil) }
        let found = try search(seen.left)
        guard ids(found).contains(where: seen.contains) else { return found }
        // A point that was seen has come back since: it has another row than the one that was left out.
        return try search(views[index].seen(by: seer, in: spaces[index], lookingUp: true)?.left)
    }

    private func candidate(_ collection: Int, _ found: FoundPoint) -> Candidate {
        let space = views[collection].configuration.spaces[spaces[collection]]
        return Candidate(
            collection: collection, id: found.id, distance: found.distance, score: space.score(found.distance))
    }

    /// Notes what a part of the search has looked at.
    mutating func note(_ other: GroupSearch) {
        verdict.add(other.verdict)
        work.add(other.work)
        readings.note(other.readings.report)
        for (index, expectation) in other.expectations where expectations[index] == nil {
            expectations[index] = expectation
        }
    }

    /// Notes a search that has looked at so many points.
    mutating func noteScan(of points: Int) { work.add(.scan(of: points)) }

    // MARK: the answer

    /// The candidates with their payloads, in their order: those of one collection are fetched together.
    private func hits(_ candidates: [Candidate]) throws(BelfryError) -> [SearchResponse.Hit]? {
        var hits: [ArraySlice<SearchResponse.Hit>] = []
        for (index, view) in views.enumerated() {
            let own = candidates.filter { $0.collection == index }.map { ($0.id, $0.score) }
            guard let found = try view.hits(own, withPayload: request.withPayload) else { return nil }
            hits.append(found[...])
        }
        return candidates.map { candidate in
            var hit = hits[candidate.collection].removeFirst()
            hit.orderValue = candidate.orderValue
            return hit
        }
    }

    /// The items of a session that no collection has.
    private func unknownItems() throws(BelfryError) -> [String] {
        guard case .session(let items) = request.query else { return [] }
        var unknown: [String] = []
        for item in items {
            var isKnown = false
            for view in views where try view.slots(of: [item])[0] != nil { isKnown = true }
            if !isKnown { unknown.append(item) }
        }
        return unknown
    }

    private func trace(
        _ embedding: Duration?, _ searching: Duration, _ fetching: Duration, answers: Int
    ) -> SearchResponse.Trace {
        let source = views[0].calibrationSource(of: spaces[0])
        let known = expectations.sorted { $0.key < $1.key }.map(\.value)
        let all = Expectation(k: request.k, target: 1, isExact: true, effort: "every point", kinds: [])
        let expectation = known.isEmpty ? all : Expectation(ofAll: known)
        return SearchResponse.Trace(
            index: zip(views, spaces).map { $0.indexKind(of: $1).rawValue }.joined(separator: ", "),
            expectation: expectation, source: source.text, fallback: source.fallback,
            recall: verdict.recall, isUnlike: verdict.isUnlike, isScanned: verdict.isScanned,
            evaluations: work.evaluations, reranked: work.reranked, exactlyReranked: work.exactlyReranked,
            scored: work.scored, embedMilliseconds: embedding.map { $0 / .milliseconds(1) },
            searchMilliseconds: searching / .milliseconds(1), payloadMilliseconds: fetching / .milliseconds(1),
            answers: answers)
    }
}

/// How long the steps of a search take, one after the other.
private struct StepClock {
    private var last = ContinuousClock.now

    /// The time since the last step ended.
    mutating func lap() -> Duration {
        let now = ContinuousClock.now
        defer { last = now }
        return now - last
    }
}
