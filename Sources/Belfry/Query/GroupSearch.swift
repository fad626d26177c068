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
    private let request: SearchRequest
    /// In the order in which equal answers come.
    private let collections: [VectorCollection]
    /// What is searched: each collection as it was when the search began.
    private let views: [View]
    /// The place of the space that is searched in each.
    private let spaces: [Int]
    /// Of each collection the points that it must not find.
    private var excluded: [[PointPlace]]
    /// What could be expected of each collection that was searched.
    private var expectations: [Int: Expectation] = [:]
    private var verdict = SearchVerdict(recall: 1)
    private var work = SearchWork()

    /// A point before its payload is fetched.
    private struct Candidate: Comparable {
        let collection: Int
        let found: FoundPoint

        static func < (first: Candidate, second: Candidate) -> Bool {
            (first.found.distance, first.collection, first.found.id)
                < (second.found.distance, second.collection, second.found.id)
        }

        static func == (first: Candidate, second: Candidate) -> Bool {
            first.collection == second.collection && first.found == second.found
        }
    }

    /// - Parameters:
    ///   - collections: all that are searched.
    ///   - views: what they are now.
    init(
        _ collections: [VectorCollection], _ views: [View], _ request: SearchRequest
    ) throws(BelfryError) {
        (self.request, self.collections, self.views) = (request, collections, views)
        excluded = [[PointPlace]](repeating: [], count: collections.count)
        var spaces: [Int] = []
        for collection in collections {
            do throws(BelfryError) {
                spaces.append(try collection.configuration.place(ofSpace: request.space))
            } catch {
                var error = error
                error.location = .init(file: collection.path)
                throw error
            }
        }
        self.spaces = spaces
        try Self.requireOneSpace(collections, spaces)
    }

    /// Refuses collections whose scores do not compare.
    private static func requireOneSpace(_ collections: [VectorCollection], _ spaces: [Int]) throws(BelfryError) {
        let paths = collections.map(\.path)
        if let twice = paths.indices.first(where: { paths[..<$0].contains(paths[$0]) }) {
            throw BelfryError(.invalidInput, "The collection is named twice.", at: .init(file: paths[twice]))
        }
        for (other, space) in zip(collections, spaces).dropFirst() {
            let names = (collections[0].configuration.name, other.configuration.name)
            let (own, its) = (collections[0].configuration.spaces[spaces[0]], other.configuration.spaces[space])
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
        let embedded = try embed()
        var clock = StepClock()
        let candidates = try candidates(embedded).sorted()
        let searching = clock.lap()
        guard let hits = try hits(candidates) else { return nil }
        let fetching = clock.lap()
        return SearchResponse(
            hits: hits, recall: verdict.recall, unknownUsers: embedded.unknownUsers, unknownItems: try unknownItems(),
            trace: trace(embedded.embedding, searching, fetching, answers: hits.count),
            isOfSeveral: collections.count > 1)
    }

    /// The query's vector; notes which points of each collection are left out.
    private mutating func embed() throws(BelfryError) -> EmbeddedQueries {
        let owner = try owner()
        let embedded = try collections[owner].ask(
            [request.query], on: views[owner], in: spaces[owner], includingSeen: request.includesSeen,
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
        case .text, .fields, .session, .vector, .sparse, .multi: return 0
        }
        for (index, view) in views.enumerated() where try view.slots(of: names).allSatisfy({ $0 != nil }) {
            return index
        }
        return 0
    }

    // MARK: the nearest

    private mutating func candidates(_ query: EmbeddedQueries) throws(BelfryError) -> [Candidate] {
        if request.quotas.isEmpty { return try candidates(query, request.k, nil) }
        var all: [Candidate] = []
        for quota in request.quotas {
            let found = try candidates(query, quota.count, quota.condition)
            for (index, view) in views.enumerated() {
                let answered = found.filter { $0.collection == index }.map(\.found.id.description)
                if !answered.isEmpty { excluded[index] += try view.places(answered, in: spaces[index]) }
            }
            all += found
        }
        return all
    }

    private mutating func candidates(
        _ query: EmbeddedQueries, _ k: Int, _ quota: PayloadCondition?
    ) throws(BelfryError) -> [Candidate] {
        var candidates: [Candidate] = []
        var nothing: BelfryError?
        var isAnyMet = false
        for (index, view) in views.enumerated() {
            let points: PointSet?
            do throws(BelfryError) {
                points = try view.points(where: request.filter, quota, in: spaces[index])
            } catch  where error.code == .notFound {
                // No point of this one; another may have some.
                nothing = error
                continue
            }
            isAnyMet = true
            let scope = SearchScope(excluding: [excluded[index]], kept: points)
            let found =
                switch query.others.first {
                case .sparse(let terms): try view.nearest(terms, k: k, scope: scope, in: spaces[index])
                case .multi(let vectors): try view.nearest(vectors, k: k, scope: scope, in: spaces[index])
                case nil, .dense:
                    try view.nearest(
                        query.vectors, k: k, recall: request.recall, exact: request.exact, scope: scope,
                        styles: request.query.styles, threads: request.threads, in: spaces[index])
                }
            candidates += found.points[0].map { Candidate(collection: index, found: $0) }
            expectations[index] = found.expectation
            verdict.add(found.verdicts[0])
            work.add(found.work)
        }
        if !isAnyMet, let nothing { throw nothing }
        return Array(candidates.sorted().prefix(k))
    }

    // MARK: the answer

    /// The candidates with their payloads, in their order: those of one collection are fetched together.
    private func hits(_ candidates: [Candidate]) throws(BelfryError) -> [SearchResponse.Hit]? {
        var hits: [ArraySlice<SearchResponse.Hit>] = []
        for (index, view) in views.enumerated() {
            let own = candidates.filter { $0.collection == index }.map(\.found)
            guard let found = try view.hits(own, in: spaces[index]) else {
                return nil
            }
            hits.append(found[...])
        }
        return candidates.map { hits[$0.collection].removeFirst() }
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
        let expectation = Expectation(ofAll: expectations.sorted { $0.key < $1.key }.map(\.value))
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

extension View {
    /// The points that a quota may answer with: those that also meet the conditions of the request.
    fileprivate func points(
        where filter: [PayloadCondition], _ quota: PayloadCondition?, in space: Int
    ) throws(BelfryError) -> PointSet? {
        guard let quota else { return try points(where: filter, in: space) }
        guard filter.contains(where: { $0.field.hasSameBytes(as: quota.field) }),
            let wanted = try points(where: [quota], in: space)
        else {
            return try points(where: filter + [quota], in: space)
        }
        // Conditions of one field are alternatives; a quota is one more demand.
        let both = try points(where: filter, in: space)?.intersection(wanted) ?? wanted
        guard both.count > 0 else {
            let named = filter.map { "\($0.field) = \($0.value)" }.joined(separator: ", ")
            throw BelfryError(
                .notFound, "No point with \(quota.field) = \(quota.value), which a quota asks for, meets \(named).",
                at: .init(file: path), remedy: "Leave the quota out, or that condition.")
        }
        return both
    }
}
