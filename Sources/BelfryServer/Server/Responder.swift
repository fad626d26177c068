import Files
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// Answers requests: who asks, what is asked, the body, the work, the answer.
struct Responder: HTTPResponder {
    typealias Context = ConnectionContext

    let service: Service
    private let keys: AccessKeys
    private let hosts: HostCheck

    init(_ service: Service) {
        let settings = service.settings
        self.service = service
        keys = AccessKeys(full: settings.apiKey, readOnly: settings.readOnlyKey)
        hosts = HostCheck(
            allowed: settings.hostNames.union([HostCheck.name(settings.host)]), allowsAnyHost: !keys.isOpen)
    }

    func respond(to request: Request, context: ConnectionContext) async throws -> Response {
        let start = ContinuousClock.now
        var (route, names): (Route?, [String]) = (nil, [])
        var isRead = false
        var answer: Answer
        do {
            let found = try find(request)
            (route, names) = (found.route, found.names)
            answer = try await carryOut(found.route, found.names, found.caller, request, &isRead)
        } catch {
            let refusal = Refusal(any: error)
            if refusal.status >= 500, refusal.status != 501, refusal.status != 503 {
                context.logger.error("\(request.method) \(request.uri.path): \(error)")
            }
            answer = Answer(.document(Answer.envelope(refusal, since: start)), status: refusal.status)
            if let seconds = refusal.retryAfter ?? (refusal.status == 503 ? 1 : nil) {
                answer.headers.append(("retry-after", "\(seconds)"))
            }
            if refusal.status == 401 { answer.headers.append(("www-authenticate", "Bearer")) }
            if !isRead, request.bringsBody {
                answer.headers.append(("connection", "close"))
                context.closeSoon()
            }
        }
        note(route, names, answer.status, ContinuousClock.now - start)
        return response(answer, since: start, withoutBody: request.method == .head)
    }

    private func note(_ route: Route?, _ names: [String], _ status: Int, _ duration: Duration) {
        let collection = route?.scope == .collection ? names.first.flatMap(service.collections.knownName) : nil
        service.metrics.note(
            route?.method.rawValue ?? "", route?.template ?? "other", status, duration, collection: collection)
    }

    // MARK: who asks, and what

    private func find(_ request: Request) throws -> (route: Route, names: [String], caller: Caller) {
        var caller = Caller(.nothing)
        let path = request.head.path ?? "/"
        let found = RouteTable.find(request.method, path.prefix { $0 != "?" })
        if case .route(let route, _) = found, route.access == .nothing {
            // Whoever watches over the server needs neither key nor name.
        } else {
            let origin = request.headers[.origin]
            if let refusal = hosts.refusal(host: request.head.authority, origin: origin) { throw refusal }
            caller = keys.caller(Self.keys(of: request.headers))
            guard caller.isKnown else {
                throw Refusal(401, "Unauthorized: Must provide an API key or an Authorization bearer token")
            }
            if case .route(let route, let names) = found { try require(route, names, of: caller) }
        }
        switch found {
        case .route(let route, let names): return (route, names, caller)
        case .otherMethod: throw Refusal(405, "Method not allowed: \(request.method) \(path)")
        case .none: throw Refusal(404, "Not found: there is no \(path)")
        case .malformed: throw Refusal(400, "Bad request: the path is not percent-encoded UTF-8")
        }
    }

    /// - Throws: 403 where the caller may not do what a route does.
    private func require(_ route: Route, _ names: [String], of caller: Caller) throws {
        switch route.scope {
        case .server: try caller.require(route.access)
        case .own: break
        case .collection:
            // Whoever may do it to every collection need not know which one it is.
            guard caller.access < route.access else { return }
            // Before the body is read, by what is in memory: what is not is called as it is. Where the call looks the name up, it
            // looks once more: see `Service.served`.
            try caller.require(route.access, of: service.collections.knownName(names[0]) ?? names[0], named: names[0])
        }
    }

    /// The keys that a request brings.
    private static func keys(of headers: HTTPFields) -> [String] {
        var keys = headers[values: .apiKey]
        for value in headers[values: .authorization] {
            let parts = value.split(separator: " ", maxSplits: 1)
            keys.append(parts.count == 2 && parts[0].lowercased() == "bearer" ? String(parts[1]) : "")
        }
        // A client may send the same key in both ways.
        return Array(Set(keys))
    }

    // MARK: the work

    /// - Parameter isRead: becomes true when nothing of the body is left to be read.
    private func carryOut(
        _ route: Route, _ names: [String], _ caller: Caller, _ request: Request, _ isRead: inout Bool
    ) async throws -> Answer {
        let path = request.head.path ?? "/"
        let query = QueryParameters(path.firstIndex(of: "?").map { path[path.index(after: $0)...] } ?? "")
        try query.checkTimeout()
        let body = route.isStreamed ? ByteBuffer() : try await self.body(of: request)
        isRead = !route.isStreamed
        let call = Call(
            names: names, query: query, headers: request.headers, caller: caller, access: route.access, body: body,
            stream: request.body)
        let start = ContinuousClock.now
        defer { noteIfSlow(route, path, body, ContinuousClock.now - start) }
        let threads: WorkThreads? =
            switch route.work {
            case .none: nil
            case .short: service.work
            case .long: service.chores
            }
        switch (route.response, threads) {
        case (.computed(let respond), nil): return try respond(service, call)
        case (.awaited(let respond), nil): return try await respond(service, call)
        case (.computed(let respond), let threads?): return try await threads.run { try respond(service, call) }
        case (.awaited(let respond), let threads?): return try await threads.run { try await respond(service, call) }
        }
    }

    /// Logs a search that took long, so that somebody can ask it again.
    private func noteIfSlow(_ route: Route, _ path: String, _ body: ByteBuffer, _ duration: Duration) {
        guard let most = service.settings.slowSeconds, route.work == .short, duration > .seconds(most) else { return }
        service.logger.warning("slow request", metadata: Self.slowRequest(path, body, duration))
    }

    /// What is logged of a slow request. A line of its body is none of the log.
    static func slowRequest(_ path: String, _ body: ByteBuffer, _ duration: Duration) -> Logger.Metadata {
        let shown = body.getString(at: body.readerIndex, length: min(body.readableBytes, shownBytes)) ?? ""
        return [
            "path": "\(path.onOneLine)", "milliseconds": "\(Int(duration / .milliseconds(1)))",
            "body": "\(shown.onOneLine)", "bytes": "\(body.readableBytes)",
        ]
    }

    /// So much of a body is logged.
    private static let shownBytes = 2_000

    /// The whole body, if it comes in time and is not too large.
    private func body(of request: Request) async throws -> ByteBuffer {
        let most = service.settings.mostBody
        let tooLarge = Refusal(413, "Payload too large: a body may have \(most) bytes")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > most { throw tooLarge }
        var body = ByteBuffer()
        let start = ContinuousClock.now
        for try await var piece in request.body {
            guard body.readableBytes + piece.readableBytes <= most else { throw tooLarge }
            if body.readableBytes == 0 { body = piece } else { body.writeBuffer(&piece) }
            // Who sends byte by byte holds a connection, and not for long.
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            guard seconds < 10 || Double(body.readableBytes) / seconds > 1_024 else {
                throw Refusal(408, "Request timeout: the body comes too slowly")
            }
        }
        return body
    }

    // MARK: the answer

    private func response(_ answer: Answer, since start: ContinuousClock.Instant, withoutBody: Bool) -> Response {
        var headers = HTTPFields()
        let body: ResponseBody
        var type = "application/json"
        switch answer.content {
        case .result(let json): body = .init(byteBuffer: ByteBuffer(bytes: Answer.envelope(json, since: start)))
        case .document(let json): body = .init(byteBuffer: ByteBuffer(bytes: json))
        case .text(let text, let media):
            type = media
            body = .init(byteBuffer: ByteBuffer(string: text))
        case .file(let path, let size):
            type = "application/octet-stream"
            body = Self.file(path, size)
        }
        headers[.contentType] = type
        // A payload may be markup: no browser is to take it for a page.
        headers[.contentTypeOptions] = "nosniff"
        for (name, value) in answer.headers { if let name = HTTPField.Name(name) { headers[name] = value } }
        if withoutBody { return Response(status: .init(code: answer.status), headers: headers) }
        return Response(status: .init(code: answer.status), headers: headers, body: body)
    }

    private static func file(_ path: String, _ size: Int) -> ResponseBody {
        ResponseBody(contentLength: size) { writer in
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            var left = size
            while left > 0, let piece = try file.read(upToCount: min(left, 1 << 18)), !piece.isEmpty {
                left -= piece.count
                try await writer.write(ByteBuffer(bytes: piece))
            }
            try await writer.finish(nil)
        }
    }
}

extension String {
    /// Without characters that begin a line or steer a terminal.
    fileprivate var onOneLine: String {
        unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: scalar.escaped(asASCII: true)
            default: String(scalar)
            }
        }.joined()
    }
}

extension HTTPField.Name {
    static let apiKey = HTTPField.Name("api-key")!
    static let contentTypeOptions = HTTPField.Name("x-content-type-options")!
    static let recall = HTTPField.Name("x-recall")!
    static let exact = HTTPField.Name("x-exact")!
    static let explain = HTTPField.Name("x-explain")!
    static let protocolVersion = HTTPField.Name("mcp-protocol-version")!
}
