import Files

/// The calls of older clients, as the queries that they are.
enum OlderQueries {
    /// `/points/search`: a vector, or one with its name.
    static func search(_ body: Body) throws -> Body {
        let vector = try body.required("vector")
        var (query, using) = (vector, JSON?.none)
        if case .object(let members) = vector, let name = members["name"], let inner = members["vector"] {
            (query, using) = (inner, name)
        }
        return try changed(body, query: ["nearest": query], using: using)
    }

    /// `/points/recommend`.
    static func recommend(_ body: Body) throws -> Body {
        var examples = JSON.Members()
        for name in ["positive", "negative", "strategy"] { examples[name] = body[name] }
        return try changed(body, query: ["recommend": .object(examples)], using: body["using"])
    }

    /// `/points/discover`: with a target, or with pairs alone.
    static func discover(_ body: Body) throws -> Body {
        let context = body["context"] ?? []
        guard let target = body["target"] else {
            return try changed(body, query: ["context": context], using: body["using"])
        }
        return try changed(body, query: ["discover": ["target": target, "context": context]], using: body["using"])
    }

    private static func changed(_ body: Body, query: JSON, using: JSON?) throws -> Body {
        guard case .object(var members) = body.json else { return body }
        for name in ["vector", "positive", "negative", "strategy", "target", "context"] { members[name] = nil }
        members["query"] = query
        // `{"name": "image"}` stands for the name, too.
        members["using"] = using?["name"] ?? using
        return try Body(.object(members), body.place)
    }
}
