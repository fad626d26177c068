import Belfry
import Files
import Foundation
import Shards
import Towers

/// Reads what is to be recommended: who asks, or what it is to be like, and what answers where that says nothing.
///
/// Sources are asked in the order of ``names``, as far as the body has them, or in that of its `sources`.
struct RecommendationReader {
    let target: Target
    /// What the body asks for.
    let recommendation: Recommendation
    /// Fields that the query tower has and that are not known of the user.
    private(set) var missingFields: [String] = []

    /// The members of a body that are sources.
    static let names = ["user", "session", "like", "popular", "latest"]
    /// Those that say what is asked for beside them.
    static let others = [
        "unlike", "sources", "limit", "quotas", "filter", "exclude", "seen_by", "include_seen", "using", "exploration",
    ]

    private static let most = 10_000

    /// - Parameter seed: draws answers where they are to be drawn and the body names none.
    init(_ body: Body, _ target: Target, _ headers: SearchHeaders, seed: UInt64) throws {
        self.target = target
        let named = try Self.order(body)
        var user: String?
        var sources: [Recommendation.Source] = []
        for name in named {
            let query: SearchQuery
            switch name {
            case "user":
                let asked = try UserReader(body, target)
                (query, user, missingFields) = (asked.query, asked.id, asked.missingFields)
            case "session": query = .session(try Self.points(body, name))
            case "like": query = .examples(like: try Self.points(body, name), unlike: try Self.points(body, "unlike"))
            default: query = .ordered(try Self.order(by: body.required(name), body.path(name)))
            }
            sources.append(.init(name, query))
        }
        if body.has("unlike"), !named.contains("like") { throw Refusal.format("unlike", "it goes with `like`") }

        var wanted = Recommendation(sources, k: try body.whole("limit", from: 1, to: Self.most) ?? 10)
        wanted.space = try body.text("using") ?? ""
        // An order by a field needs no vectors.
        if body.has("using") || !named.allSatisfy(["popular", "latest"].contains) {
            _ = try target.place(ofSpace: wanted.space)
        }
        wanted.filter = try PointNames.filter(body)
        wanted.quotas = try Self.quotas(body)
        if !wanted.quotas.isEmpty, body.has("limit") {
            throw Refusal.format("limit", "`quotas` say how many answers there are: leave out one of the two")
        }
        wanted.includesSeen = try body.flag("include_seen") ?? false
        wanted.seenBy = try body.user("seen_by") ?? user
        wanted.excluding = try Self.points(body, "exclude")
        (wanted.recall, wanted.exact) = (headers.exact ? nil : headers.recall, headers.exact)
        wanted.exploration = try body.object("exploration").map { exploration in
            guard let temperature = try exploration.number("temperature") else {
                throw Refusal.format(exploration.place, "missing field `temperature`")
            }
            return try Exploration(
                temperature: temperature, seed: try exploration.whole("seed").map { UInt64($0) } ?? seed,
                candidates: try exploration.whole("candidates"))
        }
        recommendation = wanted
    }

    /// The sources that a body has, in the order in which they are asked.
    private static func order(_ body: Body) throws -> [String] {
        let given = names.filter { body.has($0) }
        guard !given.isEmpty else {
            throw Refusal.format("", "one of \(names.joined(separator: ", ")) is expected")
        }
        guard let wanted = try body.texts("sources") else { return given }
        guard Set(wanted) == Set(given), wanted.count == given.count else {
            throw Refusal.format(
                "sources", "an order of \(given.joined(separator: ", ")) is expected, which are what the body has")
        }
        return wanted
    }

    private static func points(_ body: Body, _ name: String) throws -> [String] {
        let points = try PointNames.names(body.list(name) ?? [], body.path(name))
        guard points.count <= most else { throw Refusal.invalid(body.path(name), points.count, "points are too many") }
        if points.isEmpty, ["session", "like"].contains(name) {
            throw Refusal.format(body.path(name), "at least one point is expected")
        }
        return points
    }

    /// A field's name, or an order as queries have it; unless it says otherwise, the largest values come first.
    private static func order(by json: JSON, _ place: String) throws -> OrderBy {
        var order = try OrderBy(json: json)
        if json["direction"] == nil { order.isDescending = true }
        return order
    }

    private static func quotas(_ body: Body) throws -> [SearchRequest.Quota] {
        guard let quotas = try body.objects("quotas") else { return [] }
        guard quotas.count <= 64 else { throw Refusal.invalid("quotas", quotas.count, "must be 64 or fewer") }
        let all = try quotas.map { quota in
            guard let filter = try PointNames.filter(quota), let count = try quota.whole("count", from: 1, to: most)
            else { throw Refusal.format(quota.place, "`filter` and `count` are expected") }
            return SearchRequest.Quota(filter, count: count)
        }
        guard all.reduce(0, { $0 + $1.count }) <= most else {
            throw Refusal.bad("Quotas may ask for \(most) answers in all")
        }
        return all
    }
}

/// Reads who asks: an id, or an object with an `id`, with `fields` that hold in the place of what is known, or with both.
private struct UserReader {
    let id: String?
    let query: SearchQuery
    private(set) var missingFields: [String] = []

    init(_ body: Body, _ target: Target) throws {
        let place = try target.place(ofSpace: body.text("using") ?? "")
        let hasTower = target.configuration.spaces[place].tower != nil
        let tower = hasTower ? try target.collection.queryTower(of: place) : nil
        guard case .object = body["user"] else {
            id = try body.user("user")
            query = .user(id ?? "")
            if let known = try target.collection.fields(ofUser: id ?? "") { note(tower, known) }
            return
        }
        let user = try Body(body.required("user"), body.path("user"))
        id = try user.user("id")
        guard let given = user["fields"] else {
            guard let id else { throw Refusal.format(user.place, "`id` or `fields` is expected") }
            query = .user(id)
            if let known = try target.collection.fields(ofUser: id) { note(tower, known) }
            return
        }
        guard case .object(let own) = given else { throw Refusal.format(user.path("fields"), "an object is expected") }
        var members = JSON.Members()
        if let id {
            if case .object(let known)? = try target.collection.fields(ofUser: id) {
                members = known
            } else if let field = tower?.userField {
                members[field] = .string(id)
            }
        }
        for (name, value) in own.sorted { members[name] = value }
        query = .fields(.object(members))
        note(tower, .object(members))
    }

    private mutating func note(_ tower: Tower?, _ fields: JSON) {
        missingFields = (tower?.fields ?? []).map(\.name).filter { fields[$0] == nil || fields[$0] == .null }
    }
}
