import Files
import Shards
import Vectors

// What becomes of a ranking: a page of it, groups, answers that differ from one another, quotas.

extension GroupSearch {
    /// The answers without their payload, in their order.
    mutating func answers() throws(BelfryError) -> [Candidate] {
        if let threshold = request.scoreThreshold, threshold.isNaN {
            throw BelfryError(.invalidInput, "The score threshold is no number.")
        }
        guard request.quotas.isEmpty else {
            let isPlain = request.offset == 0 && request.groups == nil && request.diversity == nil
            guard isPlain, request.query.isEmbedded else {
                throw BelfryError(
                    .invalidInput, "Quotas go with a query by a vector, and without an offset, groups or diversity.")
            }
            return try answersOfQuotas()
        }
        if let groups = request.groups { return try grouped(groups) }
        guard request.offset >= 0 else {
            throw BelfryError(.invalidInput, "\(request.offset) answers cannot be passed over.")
        }
        // No page is behind the last point; in an order by a field, a point comes once for each of its values.
        let points = views.reduce(0) { $0 + $1.count }
        let total = if case .ordered = request.query { points * Self.mostValues } else { points }
        guard request.offset < max(total, 1), request.k >= 0 else { return [] }
        let wanted = request.offset + min(request.k, total)
        let found =
            if let diversity = request.diversity { try diverse(wanted, diversity) } else { try ranked(wanted, nil) }
        return Array(found.dropFirst(request.offset))
    }

    fileprivate mutating func grouped(_ wanted: SearchRequest.Groups) throws(BelfryError) -> [Candidate] {
        try requireOne("Groups")
        var grouping = Grouping(by: wanted.key, limit: request.k, size: wanted.size)
        var best: [PointID: Candidate] = [:]
        // More and more of the best, so that points without a value to group by end it soon.
        var ask = max(16, 2 * min(grouping.missing, Self.mostAsked))
        while grouping.missing > 0 {
            var filter = grouping.candidates
            filter.mustNot.removeAll { if case .hasID = $0 { true } else { false } }
            let found = try ranked(ask, filter)
            for (candidate, point) in zip(found, try payloads(of: found)) {
                best[candidate.id] = candidate
                grouping.offer(candidate.ranked, point.payload)
            }
            if found.count < ask { break }
            ask *= 4
        }
        groups = grouping.groups.map { ($0.key.json, $0.points.count) }
        return grouping.groups.flatMap { $0.points.compactMap { best[$0.id] } }
    }

    private static let mostAsked = 1_000
    private static let mostValues = 64

    fileprivate mutating func diverse(_ wanted: Int, _ diversity: Diversity) throws(BelfryError) -> [Candidate] {
        try requireOne("Diverse answers")
        let (view, space) = (views[0], spaces[0])
        let description = view.configuration.spaces[space]
        guard description.kind == .dense else {
            throw BelfryError(.invalidInput, "Answers can be told apart by dense vectors alone.")
        }
        let found = try ranked(diversity.candidates(for: wanted), nil)
        var (candidates, vectors) = ([Candidate](), [[Float]]())
        for (candidate, slot) in zip(found, try view.slots(of: found.map(\.id))) {
            guard let place = slot.flatMap({ view.place(of: $0, in: space) }),
                let vector = try view.vector(at: place).dense
            else { continue }
            candidates.append(candidate)
            vectors.append(vector)
        }
        let order = diversity.order(
            wanted, relevance: candidates.map { -$0.distance }, vectors: Matrix(vectors), metric: description.metric)
        return order.map { candidates[$0] }
    }

    /// Refuses what several collections cannot do together.
    func requireOne(_ what: String) throws(BelfryError) {
        guard collections.count > 1 else { return }
        throw BelfryError(.invalidInput, "\(what) can be asked of one collection alone.")
    }

    /// The payloads of points of the only collection, in their order.
    func payloads(of candidates: [Candidate]) throws(BelfryError) -> [FilteredPoint] {
        guard let points = try views[0].storedPoints(candidates.map(\.id)) else { throw views[0].overtaken }
        var payloads: [FilteredPoint] = []
        for point in points {
            payloads.append(
                FilteredPoint(
                    id: point.id, payload: try point.payload(), vectors: views[0].vectorNames(of: point.slot)))
        }
        return payloads
    }

    fileprivate mutating func answersOfQuotas() throws(BelfryError) -> [Candidate] {
        var all: [Candidate] = []
        for quota in request.quotas {
            guard quota.count >= 0 else {
                throw BelfryError(.invalidInput, "A quota asks for \(quota.count) answers.")
            }
            let found = try ranked(quota.count, quota.filter)
            for (index, view) in views.enumerated() {
                let answered = found.filter { $0.collection == index }.map(\.id.description)
                if !answered.isEmpty { excluded[index] += try view.places(answered, in: spaces[index]) }
            }
            all += found
        }
        return all.sorted()
    }
}
