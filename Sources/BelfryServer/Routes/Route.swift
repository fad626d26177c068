import HTTPTypes

/// One call of the interface: how it is named, who may make it, where it is carried out, and by what.
struct Route: Sendable {
    /// Where a call is carried out.
    enum Work: Sendable {
        /// At once: it does next to nothing.
        case none
        /// On the threads for searches and writes.
        case short
        /// On those for what takes long.
        case long
    }

    /// What a caller must be allowed to do it to.
    enum Scope: Sendable {
        /// The server and all collections.
        case server
        /// The collection that the path names first.
        case collection
        /// What it looks at is what the caller may read: it sees to that itself.
        case own
    }

    let method: HTTPRequest.Method
    /// `/collections/{name}`.
    let template: String
    let access: Access
    let scope: Scope
    let work: Work
    /// Whether the body is read piece by piece, by the call itself.
    let isStreamed: Bool
    let response: Response

    /// What carries a call out.
    enum Response: Sendable {
        /// It computes.
        case computed(@Sendable (Service, Call) throws -> Answer)
        /// It waits in between.
        case awaited(@Sendable (Service, Call) async throws -> Answer)
    }
    /// The template's parts; nil for those that are open.
    private let parts: [String?]

    /// A call that computes.
    init(
        _ method: HTTPRequest.Method, _ template: String, _ access: Access, of scope: Scope? = nil,
        on work: Work = .short, _ respond: @escaping @Sendable (Service, Call) throws -> Answer
    ) {
        self.init(method, template, access, scope, work, isStreamed: false, .computed(respond))
    }

    /// A call that waits in between.
    init(
        _ method: HTTPRequest.Method, _ template: String, _ access: Access, of scope: Scope? = nil,
        on work: Work = .short, isStreamed: Bool = false,
        _ respond: @escaping @Sendable (Service, Call) async throws -> Answer
    ) {
        self.init(method, template, access, scope, work, isStreamed: isStreamed, .awaited(respond))
    }

    private init(
        _ method: HTTPRequest.Method, _ template: String, _ access: Access, _ scope: Scope?, _ work: Work,
        isStreamed: Bool, _ response: Response
    ) {
        (self.method, self.template, self.access, self.work) = (method, template, access, work)
        self.scope = scope ?? (template.hasPrefix("/collections/{") ? .collection : .server)
        (self.isStreamed, self.response) = (isStreamed, response)
        parts = template.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { part in
            part.hasPrefix("{") ? nil : String(part)
        }
    }

    /// How many parts are the template's own; nil where the path is another one.
    func match(_ path: [Substring]) -> Int? {
        guard path.count == parts.count else { return nil }
        var own = 0
        for (part, given) in zip(parts, path) {
            guard let part else { continue }
            guard part == given else { return nil }
            own += 1
        }
        return own
    }

    /// The open parts of a path that matches; nil where one is not percent-encoded UTF-8.
    func names(_ path: [Substring]) -> [String]? {
        var names: [String] = []
        for (part, given) in zip(parts, path) where part == nil {
            guard let name = PercentCoding.decoded(given) else { return nil }
            names.append(name)
        }
        return names
    }
}

extension RouteTable {
    /// What a request's method and path are.
    enum Found {
        case route(Route, [String])
        /// There is such a path, for other methods.
        case otherMethod
        case none
        case malformed
    }

    /// By the number of parts that their paths have.
    private static let byLength = Dictionary(grouping: all) { $0.template.utf8.count { $0 == UInt8(ascii: "/") } }

    /// The route of a request: the one with most parts of its own, so that a collection may have any name.
    static func find(_ method: HTTPRequest.Method, _ path: Substring) -> Found {
        var path = path.dropFirst()
        if path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        var (best, most, isKnown): (Route?, Int, Bool) = (nil, -1, false)
        for route in byLength[max(parts.count, 1)] ?? [] {
            guard let own = route.match(parts.isEmpty ? [""] : parts) else { continue }
            isKnown = true
            if route.method == method, own > most { (best, most) = (route, own) }
        }
        guard let best else { return isKnown ? .otherMethod : .none }
        return best.names(parts).map { .route(best, $0) } ?? .malformed
    }
}
