import Belfry
import Files
import Vectors

// Queries in all their forms: those of batches, groups and older clients come as the queries that they are.

extension Admission {
    /// - Parameters:
    ///   - searches: the queries of a request.
    ///   - asGroups: whether their answers are grouped.
    func queries(_ searches: [Body], _ headers: SearchHeaders, asGroups: Bool = false) throws {
        if searches.count > 1 {
            try strict.require(searches.count, within: .searchBatch, as: "search batch size")
        }
        try checkExact(headers)
        var cost = 0
        for search in searches {
            let size = asGroups ? try search.whole("group_size") ?? 3 : 1
            if asGroups, !strict.allows(.unindexedReads), let key = try search.text("group_by") {
                try indexes.requireMatch(JSONPath(key))
            }
            cost += try self.cost(of: search, times: size)
        }
        try read(cost)
    }

    /// `…/points/search/matrix/…`: every point of the sample is searched with.
    func matrix(_ body: Body) throws {
        let sample = try body.whole("sample", from: 2, to: DistanceMatrix.most) ?? 10
        try check(limit: sample, times: body.whole("limit", from: 1, to: DistanceMatrix.most) ?? 3)
        try read(sample + check(PointNames.filter(body), .unindexedReads))
    }

    // MARK: one query

    /// Looks at a query and its prefetches.
    /// - Parameters:
    ///   - size: how many answers each group has.
    ///   - outer: a filter that holds beside the body's own.
    /// - Returns: what it costs.
    private func cost(of body: Body, times size: Int = 1, within outer: Filter? = nil) throws -> Int {
        try check(limit: body.whole("limit") ?? 10, times: size)
        try checkParams(body)
        let own = try PointNames.filter(body)
        let (query, filter) = (body["query"], Filter.both(own, outer))
        var cost = try check(own, .unindexedReads)
        if let formula = query?["formula"], formula != .null { cost += try check(formula: query ?? [:]) }
        if let order = query?["order_by"], order != .null { try check(OrderBy(json: order)) }
        let candidates = query?["mmr"]?["candidates_limit"]?.integer
        try strict.require(candidates, within: .queryLimit, as: "candidates_limit")

        let prefetches = body["prefetch"].map { $0.array ?? [$0] } ?? []
        for (place, prefetch) in prefetches.enumerated() {
            cost += try self.cost(of: Body(prefetch, "\(body.path("prefetch"))[\(place)]"), within: filter)
        }
        guard let examples = QueryExamples(query) else { return cost + 1 }
        // What prefetches have found is few: it is ranked again without any index.
        if prefetches.isEmpty { try requireIndex(of: body.text("using") ?? "", filter) }
        return try cost + self.cost(of: examples, body)
    }

    private func checkParams(_ body: Body) throws {
        guard let params = try body.object("params") else { return }
        try strict.require(params.whole("hnsw_ef"), within: .effort, as: "hnsw_ef")
        if try params.flag("exact") ?? false, !strict.allows(.exactSearch) { throw Self.exactRefused("exact") }
        try strict.requireOversampling(params.object("quantization")?.number("oversampling"))
    }

    private func check(formula json: JSON) throws -> Int {
        let formula = try ScoreFormula(json: json) { PointName($0).id }
        if !strict.allows(.unindexedReads) { try indexes.require(formula.expression) }
        return try check(formula.conditions, .unindexedReads)
    }

    /// One for each vector that is searched with, one for each point that is fetched, and one for leaving these points out.
    private func cost(of examples: QueryExamples, _ body: Body) throws -> Int {
        // Nobody counts where nothing is counted.
        guard strict.reads != nil else { return 1 }
        let points = examples.points
        let space = try target.place(ofSpace: body.text("using") ?? "")
        let isMulti = target.configuration.spaces[space].kind == .multi
        var vectors = 0
        for example in examples.all {
            if case .array(let rows) = example, case .array? = rows.first {
                vectors += rows.count
            } else if isMulti, !body.has("lookup_from"), let name = try? PointNames.name(example, ""),
                case .multi(let rows)? = try? target.vector(of: name, in: space)
            {
                vectors += rows.count
            } else {
                vectors += 1
            }
        }
        if examples.isMean, !isMulti { vectors = 1 }
        return vectors + points.count + (points.isEmpty || body.has("lookup_from") ? 0 : 1)
    }

    // MARK: without an index

    func checkExact(_ headers: SearchHeaders) throws(Refusal) {
        guard !strict.allows(.exactSearch) else { return }
        if headers.exact { throw Self.exactRefused("x-exact") }
        // Nothing is missed only where everything is looked at.
        if headers.recall == 1 { throw Self.exactRefused("x-recall") }
    }

    private static func exactRefused(_ name: String) -> Refusal {
        .bad("Exact search is not allowed: \"\(name)\". Help: Leave it out, or enable `search_allow_exact`.")
    }

    /// Refuses a search by vectors that, as the collection says of them, have no index.
    func requireIndex(of name: String, _ filter: Filter?) throws {
        guard !strict.allows(.exactSearch) else { return }
        let space = target.configuration.spaces[try target.place(ofSpace: name)]
        guard space.kind != .sparse else { return }
        let record = try target.served.record()
        let own = record.dense.first { $0.name == space.name }?.params["hnsw_config"]
        func setting(_ name: String) -> Int? {
            own?[name]?.integer ?? record.config["hnsw_config"]?[name]?.integer
        }
        guard setting("m") == 0 else { return }
        // There may be one for each tenant.
        if let links = setting("payload_m"), links > 0, filter.map(indexes.namesTenant) ?? false { return }
        throw Refusal.bad(
            "Request is forbidden on '\(space.name)' because global vector indexing is disabled (hnsw_config.m = 0). Help: Use tenant-specific filter, enable global vector indexing or enable strict mode `search_allow_exact` option"
        )
    }
}
