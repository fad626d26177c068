import Belfry
import Files

/// What a language model may ask of the collections, as the Model Context Protocol describes tools. All of them only read.
struct MCPTool: Sendable {
    let name: String
    let title: String
    let description: String
    /// The members of the arguments: JSON Schema of each.
    let members: [(name: String, schema: JSON)]
    let required: [String]
    /// Carries a call out; what it returns is JSON.
    let run: @Sendable (Service, Caller, Body) throws -> [UInt8]

    var json: JSON {
        [
            "name": .string(name), "title": .string(title), "description": .string(description),
            "inputSchema": [
                "type": "object", "properties": .object(JSON.Members(members.map { ($0.name, $0.schema) })),
                "required": .array(required.map { .string($0) }),
            ],
            "annotations": ["readOnlyHint": true, "openWorldHint": false],
        ]
    }

    /// Names what is missing before anything is said of what is there: a model that has called it by another name learns both.
    /// - Throws: 400.
    func requireAll(of arguments: Body) throws(Refusal) {
        guard let missing = required.first(where: { !arguments.has($0) }) else { return }
        let known = members.map(\.name).joined(separator: ", ")
        throw .format("", "missing field `\(missing)`: the tool \(name) takes \(known)")
    }

    static let all = [search, similar, recommend, explain, stats]
}

// MARK: the tools

extension MCPTool {
    private static let collection = ("collection", text("The collection's name: `stats` lists them."))
    private static let limit: (String, JSON) = (
        "limit",
        [
            "type": "integer", "minimum": 1, "maximum": .integer(Int64(most)),
            "description": "How many answers; 10 unless it is said.",
        ]
    )
    private static let filter = (
        "filter",
        text(
            "A condition on the payload: price < 50 and brand in ('Acme', 'Bolt') and not tags = 'used'. `stats` names the fields."
        )
    )
    private static let using = ("using", text("The name of the vectors, where the collection has several."))
    private static let id: (String, JSON) = ("id", anyID("A point's id."))
    private static let most = 100

    private static func text(_ description: String) -> JSON { ["type": "string", "description": .string(description)] }

    private static func anyID(_ description: String) -> JSON {
        ["type": ["string", "integer"], "description": .string(description)]
    }

    private static func ids(_ description: String) -> JSON {
        ["type": "array", "items": ["type": ["string", "integer"]], "description": .string(description)]
    }

    private static let search = MCPTool(
        name: "search", title: "Search by a text",
        description:
            "Finds the points of a collection that a text is about, by meaning, and by words where the collection is searched so, with their payload and score.",
        members: [collection, ("text", text("What to search for.")), limit, filter, using],
        required: ["collection", "text"]
    ) { service, caller, arguments in
        guard let words = try arguments.text("text") else { throw Refusal.format("", "missing field `text`") }
        let target = try service.target(name(arguments), for: caller)
        let text: JSON = ["text": .string(words)]
        switch target.configuration.texts {
        case _ where arguments["using"] != nil, .byMeaning: return try answers(service, caller, arguments, text)
        case .hybrid: return try answers(service, caller, arguments, ["hybrid": text])
        case .byWords: return try answers(service, caller, arguments, ["hybrid": text, "words": 1])
        }
    }

    private static let similar = MCPTool(
        name: "similar", title: "Find similar points",
        description: "Finds the points of a collection that are nearest to one of its points.",
        members: [collection, id, limit, filter, using], required: ["collection", "id"]
    ) { service, caller, arguments in
        try answers(service, caller, arguments, try Self.id(arguments.required("id"), "id"))
    }

    private static let recommend = MCPTool(
        name: "recommend", title: "Recommend to a user",
        description:
            "Recommends by a user, a session or examples, and where these say too little, by what is popular or latest. Each answer names its source.",
        members: [
            collection, ("user", anyID("A user's id.")), ("session", ids("Points in the order of a session.")),
            ("like", ids("Points that the answers are to be like.")),
            ("unlike", ids("Points that they are to be unlike.")),
            ("popular", text("A payload field, of which the largest values come first.")),
            ("latest", text("A payload field of times, the latest first.")), limit, filter, using,
        ], required: ["collection"]
    ) { service, caller, arguments in
        var members: JSON.Members = ["with_payload": true, "limit": .integer(Int64(try count(arguments)))]
        for name in RecommendationReader.names + ["unlike", "using"] { members[name] = arguments[name] }
        if let user = arguments["user"] { _ = try Self.id(user, "user") }
        members["filter"] = try filterJSON(arguments)
        let (name, body) = (try name(arguments), try Body(.object(members)))
        let target = try service.target(name, for: caller)
        try Admission(target)?.recommendation(body, SearchHeaders())
        return try service.recommender.answer(body, target, named: name, SearchHeaders()).json
    }

    private static let explain = MCPTool(
        name: "explain", title: "Explain a search",
        description:
            "Says how a search is answered: index, effort, expected recall, how many distances it computes, how long each step takes.",
        members: [
            collection, ("text", text("What to search for.")), ("id", anyID("Or a point.")), limit, filter, using,
        ],
        required: ["collection"]
    ) { service, caller, arguments in
        guard arguments.has("text") != arguments.has("id") else { throw Refusal.format("", "text or id is expected") }
        let query: JSON =
            try arguments["text"].map { ["text": $0] } ?? Self.id(arguments.required("id"), "id")
        let (planner, body) = try admitted(service, caller, arguments, query)
        guard case .search(let request) = try planner.plan(body) else { return [] }
        return Array(try planner.target.collection.search(request).trace.json.text().utf8)
    }

    private static let stats = MCPTool(
        name: "stats", title: "Collections and their figures",
        description:
            "Lists the collections; of one that is named: how many points it has, its vectors and towers, its index and recall, and the fields of its payload.",
        members: [collection], required: []
    ) { service, caller, arguments in
        guard arguments.has("collection") else {
            let names = service.all(for: caller).map { JSON.string($0.name) }
            return Array(JSON.object(["collections": .array(names)]).text().utf8)
        }
        let target = try service.target(name(arguments), for: caller)
        guard case .object(var members) = try target.collection.statistics().json else { return [] }
        let fields = try target.collection.onCurrentView { view throws(BelfryError) in
            try view.payloadFields(ofFirst: 1_000)
        }
        members["payload_fields"] = .array(fields.map { .string($0) })
        return Array(JSON.object(members).text().utf8)
    }
}

// MARK: what they have in common

extension MCPTool {
    private static func name(_ arguments: Body) throws -> String {
        guard let name = try arguments.text("collection") else {
            throw Refusal.format("", "missing field `collection`")
        }
        return name
    }

    /// A text or a number, and no other form of a query.
    private static func id(_ json: JSON, _ place: String) throws -> JSON {
        _ = try PointNames.name(json, place)
        return json
    }

    private static func count(_ arguments: Body) throws -> Int { try arguments.whole("limit", from: 1, to: most) ?? 10 }

    /// The filter, which is in the language for people.
    private static func filterJSON(_ arguments: Body) throws -> JSON? {
        try arguments.text("filter").map { try Filter(parsing: $0) { PointName($0).id }.json }
    }

    private static func body(_ arguments: Body, _ query: JSON) throws -> Body {
        var members: JSON.Members = [
            "query": query, "limit": .integer(Int64(try count(arguments))), "with_payload": true,
        ]
        members["using"] = arguments["using"]
        members["filter"] = try filterJSON(arguments)
        return try Body(.object(members))
    }

    /// A query that the collection lets through, and what plans it.
    private static func admitted(
        _ service: Service, _ caller: Caller, _ arguments: Body, _ query: JSON
    ) throws -> (planner: QueryPlanner, body: Body) {
        let (target, body) = (try service.target(name(arguments), for: caller), try body(arguments, query))
        try Admission(target)?.queries([body], SearchHeaders())
        let planner = QueryPlanner(target: target, headers: SearchHeaders(), rerankers: service.rerankers) {
            try service.target($0, for: caller)
        }
        return (planner, body)
    }

    private static func answers(
        _ service: Service, _ caller: Caller, _ arguments: Body, _ query: JSON
    ) throws -> [UInt8] {
        let (planner, body) = try admitted(service, caller, arguments, query)
        var answers = QueryAnswers(planner, service.audit, bytes: 0)
        var writer = WireWriter(capacity: 2_048)
        writer.raw("{\"points\":")
        try answers.write(body, to: &writer)
        writer.raw("}")
        return writer.bytes
    }
}
