import Belfry
import Files
import Shards

/// What a request says of searches beside its body.
struct SearchHeaders: Sendable {
    /// `x-recall`: the mean recall that is asked for.
    var recall: Double?
    /// `x-exact`: whether nothing may be missed.
    var exact = false
    /// `x-explain`: whether the answer says how it was found.
    var explains = false

    init() {}

    /// What a line of the feedback log says of them.
    init(logged line: JSON) {
        recall = line["headers"]?["recall"]?.number
        exact = line["headers"]?["exact"]?.bool ?? false
    }

    var logged: JSON {
        var members: JSON.Members = [:]
        members["recall"] = recall.map { .number($0) }
        if exact { members["exact"] = true }
        return .object(members)
    }
}

/// A query as the engine carries it out.
enum QueryPlan {
    case search(SearchRequest)
    /// Points in the order of their ids.
    case page(Filter?, limit: Int)
}

/// Makes the engine's requests of the bodies of queries.
///
/// 1. A query without prefetches is one request.
/// 2. A fusion or a formula of prefetches is one request as well: the engine carries out the parts on one view.
/// 3. Any other query over prefetches ranks again what they have found: they are carried out first, and their points are a
///    filter.
struct QueryPlanner {
    let target: Target
    let headers: SearchHeaders
    let rerankers: Rerankers
    /// Opens another collection that a query names.
    let named: (String) throws -> Target
    /// How many answers each group is to have, where there are groups: prefetches find so many times more.
    var groupSize = 1

    private static let deepest = 8
    private static let widest = 64

    /// - Parameters:
    ///   - outer: a filter that holds beside the body's own.
    ///   - user: whose seen points are left out where the body itself names none.
    func plan(
        _ body: Body, within outer: Filter? = nil, seenBy user: String? = nil, depth: Int = 1
    ) throws -> QueryPlan {
        guard depth <= Self.deepest else { throw Refusal.bad("Prefetches may stand \(Self.deepest) deep") }
        let filter = Filter.both(try PointNames.filter(body), outer)
        let limit = try body.whole("limit") ?? 10
        guard limit > 0 else { throw Refusal.invalid("internal.\(body.path("limit"))", 0, "must be 1 or larger") }
        let wanted = depth > 1 && limit < 1 << 30 ? limit * groupSize : limit
        let threshold = try body.number("score_threshold")
        // It is looked for even where no point is looked up.
        let inputs = body.has("lookup_from") ? try QueryInputs(body, target, named: named) : nil
        let form = try QueryForm(
            body["query"], { try inputs ?? QueryInputs(body, target, named: named) },
            { try rerankers.reranking($0, of: target.collection) }, body.path("query"))
        _ = try inputs?.lookup?.place()
        var request = SearchRequest(.sample(seed: 0), k: wanted)
        // One that ranks by no vector needs no name of vectors.
        request.space = target.configuration.main.name
        try set(&request, body)
        request.seenBy = try body.user("seen_by") ?? user
        let seer = request.seenBy
        request.scoreThreshold = threshold.map { Float($0) }
        let prefetches = try self.prefetches(body)

        switch form {
        case .page:
            guard prefetches.isEmpty else {
                throw Refusal.bad(
                    "A query is needed to merge the prefetches. Can't have prefetches without defining a query.")
            }
            guard threshold == nil else {
                throw Refusal.bad(
                    "A query is needed to use the score_threshold. Can't have score_threshold without defining a query."
                )
            }
            return .page(try Filter.both(filter, seer.map { try unseen(by: $0) }), limit: wanted)
        case .fused(let fusion):
            // What is wrong with a part is told first.
            let parts = try parts(prefetches, filter, seer, depth)
            guard !body.has("using") else {
                throw Refusal.bad("Fusion queries cannot be combined with the 'using' field.")
            }
            (request.query, request.excluding) = (.fused(parts, fusion), parts.flatMap(\.own))
        case .formula(let formula):
            let parts = try parts(prefetches, filter, seer, depth)
            (request.query, request.excluding) = (.formula(parts, formula), parts.flatMap(\.own))
        case .reranked(let reranking):
            let parts =
                prefetches.isEmpty
                ? [try usual(reranking.text, filter, request)] : try parts(prefetches, filter, seer, depth)
            guard parts.count == 1 else {
                throw Refusal.bad("One prefetch can be reranked: fuse several in a prefetch of their own.")
            }
            (request.query, request.excluding) = (.reranked(parts[0], reranking), parts[0].own)
        case .ranking(let query, let excluding, let diversity):
            if case .ordered = query, threshold != nil {
                throw Refusal.bad("Can't use score_threshold with an order_by query.")
            }
            (request.query, request.excluding, request.diversity) = (query, excluding, diversity)
            if query.needsSpace { request.space = try body.text("using") ?? "" }
            request.filter = filter
            if !prefetches.isEmpty {
                let found = try self.found(prefetches, filter, seer, depth, besides: request.own)
                request.filter = Filter.both(filter, Filter(must: [.hasID(found)]))
                // They are few: all of them are looked at.
                (request.exact, request.recall) = (true, nil)
            }
        }
        return .search(request)
    }

    /// A search for a text in the way that is usual in the collection.
    private func usual(_ text: String, _ filter: Filter?, _ outer: SearchRequest) throws -> SearchRequest {
        var request = outer
        (request.k, request.filter, request.scoreThreshold) = (0, filter, nil)
        switch target.configuration.texts {
        case .byMeaning: request.query = .text(text)
        case .hybrid(let words): request.query = .hybrid(.text(text), words: words)
        case .byWords:
            request.query = .text(text)
            request.space = try target.configuration.words(at: target.collection.path).name
        }
        return request
    }

    /// What the headers and `params` say.
    private func set(_ request: inout SearchRequest, _ body: Body) throws {
        let params = try body.object("params")
        _ = try params?.whole("hnsw_ef", from: 1)
        // Terms are weighed by all points. Scores by those of a filter would be others.
        if let idf = params?["idf"], idf != .null, idf != "global" {
            throw Refusal.notOffered("params.idf of a corpus; there is global")
        }
        request.exact = try params?.flag("exact") ?? false || headers.exact
        request.recall = request.exact ? nil : headers.recall
    }

    private func prefetches(_ body: Body) throws -> [Body] {
        guard let json = body["prefetch"] else { return [] }
        let elements = json.array ?? [json]
        guard elements.count <= Self.widest else { throw Refusal.bad("There may be \(Self.widest) prefetches") }
        return try elements.enumerated().map { try Body($1, "\(body.path("prefetch"))[\($0)]") }
    }

    // MARK: prefetches

    /// What a user has not seen.
    private func unseen(by user: String) throws -> Filter {
        let seen = try target.collection.seenIDs(by: user)
        return Filter(mustNot: [.hasID(seen)])
    }

    private func parts(
        _ prefetches: [Body], _ filter: Filter?, _ user: String?, _ depth: Int
    ) throws -> [SearchRequest] {
        guard !prefetches.isEmpty else { throw Refusal.bad("Fusions and formulas need at least one prefetch.") }
        let plans = try prefetches.map { try plan($0, within: filter, seenBy: user, depth: depth + 1) }
        // A page is as long as it may be without the points that other parts start from.
        let own = plans.flatMap { plan -> [String] in
            if case .search(let request) = plan { request.own } else { [] }
        }
        let others = own.isEmpty ? nil : Filter(mustNot: [.hasID(Set(own.map { PointName($0).id }))])
        return try plans.map { plan in
            switch plan {
            case .search(let request): return request
            case .page(let filter, let limit):
                let ids = try page(Filter.both(filter, others), limit)
                var request = SearchRequest(.listed(ids.map(\.description)), k: limit)
                request.space = target.configuration.main.name
                return request
            }
        }
    }

    /// The points that prefetches find.
    private func found(
        _ prefetches: [Body], _ filter: Filter?, _ user: String?, _ depth: Int, besides own: [String]
    ) throws -> Set<PointID> {
        var found: Set<PointID> = []
        let parts = try parts(prefetches, filter, user, depth)
        for var part in parts {
            part.excluding += own + parts.flatMap(\.own)
            part.withPayload = false
            found.formUnion(try target.collection.search(part).hits.map(\.id))
        }
        return found
    }

    private func page(_ filter: Filter?, _ limit: Int) throws -> [PointID] {
        try target.collection.page(after: nil, limit: limit, where: filter).points.map(\.id)
    }
}

extension VectorCollection {
    /// Points in the order of their ids.
    func page(
        after id: PointID?, limit: Int, where filter: Filter?
    ) throws(BelfryError) -> (points: [StoredPoint], view: View) {
        try onCurrentView { view throws(BelfryError) in
            let limit = min(limit, view.count)
            guard limit > 0 else { return ([], view) }
            guard let filter, !filter.isEmpty else { return (try view.scroll(after: id, limit: limit), view) }
            return (try view.scroll(after: id, limit: limit, where: filter), view)
        }
    }
}

extension SearchRequest {
    /// The points that it starts from: no part of a query answers with those of another.
    fileprivate var own: [String] {
        switch query {
        case .point(let name), .hybrid(.point(let name), _): return excluding + [name]
        case .scored(_, let examples):
            return excluding + examples.compactMap { if case .point(let name) = $0 { name } else { nil } }
        default: return excluding
        }
    }
}

extension SearchQuery {
    /// Whether it ranks by vectors.
    fileprivate var needsSpace: Bool {
        switch self {
        case .ordered, .listed, .sample, .fused, .formula: false
        default: true
        }
    }
}
