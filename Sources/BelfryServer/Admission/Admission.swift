import Belfry
import Files

/// Lets a request through to a collection that is in strict mode, or refuses it. A request is looked at as a whole before
/// anything of it is done: what it asks for first, and what that costs then, so that nothing refused has cost anything.
struct Admission {
    let target: Target
    let strict: StrictMode
    let indexes: FieldIndexes

    /// Looks whether there is anything to look at.
    /// - Parameter timeout: the seconds that the request gives itself.
    /// - Returns: nil where the collection is not in strict mode: all is let through.
    init?(_ target: Target, timeout: Int? = nil) throws {
        guard let strict = try target.served.strictMode() else { return nil }
        (self.target, self.strict, indexes) = (target, strict, try FieldIndexes(target))
        try strict.require(timeout, within: .timeout, as: "timeout")
    }

    // MARK: costs

    /// Takes what a reading request costs.
    func read(_ cost: Int) throws(Refusal) { try strict.reads?.take(max(1, cost)) }

    /// Takes what a writing request costs.
    func write(_ cost: Int) throws(Refusal) { try strict.writes?.take(max(1, cost)) }

    // MARK: filters

    /// Looks at a filter.
    /// - Parameter permission: what it needs where a field has no index.
    /// - Returns: how many conditions it has, which is what it costs.
    func check(_ filter: Filter?, _ permission: StrictMode.Permission) throws(Refusal) -> Int {
        guard let filter else { return 0 }
        let count = filter.conditionCount
        try strict.require(count, within: .filterConditions, as: "Filter condition limit")
        if strict[.conditionSize] != nil {
            try strict.require(filter.largestCondition, within: .conditionSize, as: "Condition size limit")
        }
        if !strict.allows(permission) { try indexes.require(filter) }
        return count
    }

    /// Looks at an order by a field.
    func check(_ order: OrderBy) throws(Refusal) {
        if !strict.allows(.unindexedReads) { try indexes.require(order.key, .order, for: "order") }
    }

    /// Looks at how many answers are asked for.
    func check(limit: Int, times other: Int = 1) throws(Refusal) {
        let (all, overflow) = limit.multipliedReportingOverflow(by: other)
        try strict.require(overflow ? .max : all, within: .queryLimit, as: "limit")
    }

    // MARK: points

    /// `…/points/scroll`.
    func scroll(_ body: Body) throws {
        try check(limit: body.whole("limit") ?? 10)
        if let order = body["order_by"] { try check(OrderBy(json: order)) }
        try read(1 + check(PointNames.filter(body), .unindexedReads))
    }

    /// `…/points/count`.
    func count(_ body: Body) throws { try read(1 + check(PointNames.filter(body), .unindexedReads)) }

    /// `…/facet`.
    func facet(_ body: Body) throws {
        try check(limit: body.whole("limit") ?? 10)
        if !strict.allows(.unindexedReads), let key = try body.text("key") { try indexes.requireMatch(JSONPath(key)) }
        try read(1 + check(PointNames.filter(body), .unindexedReads))
    }

    // MARK: indexes

    /// `PUT …/index`, of a field that may have one already: that one is replaced.
    func index(of path: JSONPath) throws(Refusal) {
        let paths = indexes.paths
        if let most = strict[.payloadIndexes], !paths.contains(path), paths.count >= most {
            throw .bad(
                "Collection already has the maximum number of payload indices (\(most)). Help: Please delete an existing index before creating a new one."
            )
        }
        try write(1)
    }
}
