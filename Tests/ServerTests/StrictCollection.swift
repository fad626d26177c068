import Synchronization
import Testing

/// A collection of ten points with three kinds of vector, which tests put into strict mode.
struct StrictCollection {
    let server: TestServer
    let name: String

    /// A request for it, by what stands behind its name.
    struct Asked {
        let method: String
        let path: String
        let body: String
        let headers: [String: String]

        init(_ path: String, _ body: String = "{}", _ method: String = "POST", headers: [String: String] = [:]) {
            (self.method, self.path, self.body, self.headers) = (method, path, body, headers)
        }

        static func query(_ members: String, headers: [String: String] = [:]) -> Asked {
            Asked("/points/query", #"{"query": [1, 0], "using": "dense", \#(members)}"#, headers: headers)
        }

        static func upsert(_ ids: ClosedRange<Int>) -> Asked {
            Asked("/points", #"{"points": [\#(ids.map(StrictCollection.point).joined(separator: ","))]}"#, "PUT")
        }
    }

    init(_ server: TestServer, _ name: String = "c") async throws {
        (self.server, self.name) = (server, name)
        let vectors =
            #""dense": {"size": 2, "distance": "Dot"}, "multi": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}}"#
        let made = try await ask(Asked("", #"{"vectors": {\#(vectors)}, "sparse_vectors": {"sparse": {}}}"#, "PUT"))
        #expect(made.status == 200, "\(made.text)")
        let filled = try await ask(.upsert(1...10))
        #expect(filled.status == 200, "\(filled.text)")
    }

    /// A point as it is written: `n` is its id, and every second one is in Bern.
    static func point(_ id: Int) -> String {
        let sparse = #"{"indices": [\#(id), 100], "values": [1, 1]}"#
        let vectors = #"{"dense": [\#(id), 1], "multi": [[\#(id), 1], [1, \#(id)], [1, 1]], "sparse": \#(sparse)}"#
        let city = id.isMultiple(of: 2) ? "Bern" : "Rome"
        return #"{"id": \#(id), "vector": \#(vectors), "payload": {"n": \#(id), "city": "\#(city)"}}"#
    }

    func ask(_ asked: Asked) async throws -> Reply {
        try await server.send(asked.method, "/collections/\(name)\(asked.path)", asked.body, asked.headers)
    }

    /// Sets members of the strict mode.
    @discardableResult
    func set(_ members: String, status: Int = 200) async throws -> Reply {
        let reply = try await ask(Asked("", #"{"strict_mode_config": {\#(members)}}"#, "PATCH"))
        #expect(reply.status == status, "\(members): \(reply.text)")
        return reply
    }

    func index(_ field: String, _ schema: String) async throws {
        let made = try await ask(Asked("/index", #"{"field_name": "\#(field)", "field_schema": \#(schema)}"#, "PUT"))
        #expect(made.status == 200, "\(made.text)")
    }

    func expect(_ asked: Asked, _ status: Int, _ words: String..., at line: SourceLocation = #_sourceLocation)
        async throws
    {
        let reply = try await ask(asked)
        let what = "\(asked.path) \(asked.body.prefix(200)): \(reply.text)"
        #expect(reply.status == status, "\(what)", sourceLocation: line)
        for word in words { #expect(reply.error.contains(word), "\(what)", sourceLocation: line) }
    }
}

/// A clock that stands until it is told to go on.
final class StandingClock: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { instant.withLock { $0 } }

    func pass(seconds: Double) { instant.withLock { $0 += .seconds(seconds) } }
}
