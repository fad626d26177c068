import Files
import Foundation
import Testing

@testable import BelfryServer

/// Tools for language models: the messages of the Model Context Protocol.
@Suite(.serialized) struct MCPCallTests {
    private static func send(_ server: TestServer, _ message: String, _ headers: [String: String] = [:]) async throws
        -> Reply
    {
        try await server.send("POST", "/mcp", message, headers)
    }

    private static func call(_ server: TestServer, _ tool: String, _ arguments: String) async throws -> JSON {
        let reply = try await send(
            server,
            #"{"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "\#(tool)", "arguments": \#(arguments)}}"#
        )
        #expect(reply.status == 200 && reply.json["id"] == "a", "\(reply.text)")
        return reply.json["result"] ?? .null
    }

    private static func fill(_ server: TestServer) async throws {
        let body = #"{"vectors": {"size": 2, "distance": "Euclid"}}"#
        #expect(try await server.send("PUT", "/collections/shop", body).status == 200)
        let points = (0..<20).map {
            #"{"id": \#($0), "vector": [\#($0), 0], "payload": {"sales": \#($0), "text": "<b>\#($0)</b>"}}"#
        }
        let written = try await server.send(
            "PUT", "/collections/shop/points?wait=true", "{\"points\": [\(points.joined(separator: ","))]}")
        #expect(written.status == 200)
    }

    @Test func aClientLearnsWhatThereIs() async throws {
        try await TestServer.run { server in
            for (asked, answered) in [
                ("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"), ("1999-01-01", "2025-11-25"),
            ] {
                let reply = try await Self.send(
                    server,
                    #"{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "\#(asked)", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}"#
                )
                #expect(reply.json["result"]?["protocolVersion"]?.string == answered, "\(reply.text)")
                #expect(reply.json["result"]?["capabilities"]?["tools"] != nil)
            }
            let noted = try await Self.send(server, #"{"jsonrpc": "2.0", "method": "notifications/initialized"}"#)
            #expect(noted.status == 202 && noted.body.isEmpty)
            let listed = try await Self.send(server, #"{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}"#)
            let tools = listed.json["result"]?["tools"]?.array ?? []
            #expect(tools.compactMap { $0["name"]?.string } == ["search", "similar", "recommend", "explain", "stats"])
            for tool in tools {
                #expect(tool["inputSchema"]?["type"] == "object" && tool["annotations"]?["readOnlyHint"] == true)
                let members = Set(tool["inputSchema"]?["properties"]?.names ?? [])
                #expect(members.isSuperset(of: tool["inputSchema"]?["required"]?.array?.compactMap(\.string) ?? []))
            }
            #expect(
                try await Self.send(server, #"{"jsonrpc": "2.0", "id": 2, "method": "ping"}"#).json["result"] == [:])
            // Nothing is sent by the server itself.
            #expect(try await server.send("GET", "/mcp").status == 405)
        }
    }

    @Test func toolsAnswerAsTheirCallsDo() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            let near = try await Self.call(
                server, "similar", #"{"collection": "shop", "id": 3, "limit": 2, "filter": "sales > 4"}"#)
            #expect(near["isError"] == false)
            #expect(near["structuredContent"]?["points"]?.array?.compactMap { $0["id"]?.integer } == [5, 6], "\(near)")
            // The text is the same JSON.
            let text = try #require(near["content"]?.array?.first?["text"]?.string)
            #expect(try JSON(parsing: Data(text.utf8), source: "text") == near["structuredContent"])
            let popular = try await Self.call(
                server, "recommend", #"{"collection": "shop", "user": 7, "popular": "sales", "limit": 1}"#)
            #expect(popular["structuredContent"]?["points"]?.array?.first?["id"] == 19, "\(popular)")
            let explained = try await Self.call(server, "explain", #"{"collection": "shop", "id": 3}"#)
            #expect(explained["structuredContent"]?["evaluations"]?.integer == 20, "\(explained)")
            #expect(try await Self.call(server, "stats", "{}")["structuredContent"]?["collections"] == ["shop"])
            let stats = try await Self.call(server, "stats", #"{"collection": "shop"}"#)["structuredContent"]
            #expect(stats?["points"] == 20 && stats?["payload_fields"] == ["sales", "text"], "\(stats ?? .null)")
        }
    }

    @Test(arguments: [
        ("search", #"{"collection": "shop", "text": "x"}"#, "no tower"),
        ("search", #"{"collection": "shop"}"#, "missing field `text`"),
        ("search", #"{"collection": "shop", "query": "x"}"#, "missing field `text`"),
        ("search", #"{"collection": "shop", "text": null}"#, "missing field `text`"),
        ("search", #"{"collection": "shop", "text": 5}"#, "text: a text is expected"),
        ("search", #"{"query": "x"}"#, "missing field `collection`"),
        (
            "similar", #"{"collection": "shop", "point": 3}"#,
            "missing field `id`: the tool similar takes collection, id"
        ),
        ("similar", #"{"collection": "none", "id": 1}"#, "none not found"),
        ("similar", #"{"collection": "shop", "id": 77}"#, "77"),
        ("similar", #"{"collection": "shop", "id": 1, "filter": "sales >"}"#, "character"),
        ("similar", #"{"collection": "shop", "id": 1, "limit": 1000}"#, "100"),
        ("similar", #"{"id": 1}"#, "collection"),
        ("similar", #"{"collection": "shop", "id": 1, "size": 2}"#, "takes no"),
        ("recommend", #"{"collection": "shop"}"#, "expected"),
        ("explain", #"{"collection": "shop"}"#, "text or id"),
    ]) func mistakesOfAToolAreToldToTheModel(_ tool: String, _ arguments: String, _ words: String) async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            let result = try await Self.call(server, tool, arguments)
            #expect(result["isError"] == true)
            #expect(result["content"]?.array?.first?["text"]?.string?.contains(words) == true, "\(result)")
        }
    }

    @Test func messagesThatAreNoneHaveTheirCodes() async throws {
        try await TestServer.run { server in
            for (message, code) in [
                ("{", -32_700), ("1", -32_600), (#"{"id": 1, "method": "ping"}"#, -32_600), ("[]", -32_600),
                (#"{"jsonrpc": "2.0", "id": 1, "method": "no/such"}"#, -32_601),
                (#"{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "drop"}}"#, -32_602),
                (#"{"jsonrpc": "2.0", "id": 1, "method": "tools/call"}"#, -32_602),
            ] {
                let reply = try await Self.send(server, message)
                #expect(reply.json["error"]?["code"]?.integer == code, "\(message): \(reply.text)")
            }
            let several = try await Self.send(
                server,
                #"[{"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "method": "x"}, {"jsonrpc": "2.0", "id": 2, "method": "ping"}]"#
            )
            #expect(several.json.array?.compactMap { $0["id"]?.integer } == [1, 2])
            let version = ["mcp-protocol-version": "1999-01-01"]
            let unknown = try await Self.send(server, #"{"jsonrpc": "2.0", "id": 1, "method": "ping"}"#, version)
            #expect(unknown.status == 400)
        }
    }

    @Test func aKeyIsAskedForAndOneThatReadsIsEnough() async throws {
        try await TestServer.run({ ($0.apiKey, $0.readOnlyKey) = ("full", "read") }) { server in
            let ping = #"{"jsonrpc": "2.0", "id": 1, "method": "ping"}"#
            #expect(try await Self.send(server, ping).status == 401)
            #expect(try await Self.send(server, ping, ["api-key": "wrong"]).status == 401)
            #expect(try await Self.send(server, ping, ["authorization": "Bearer read"]).status == 200)
            let strange = try await Self.send(server, ping, ["api-key": "read", "origin": "https://evil.example"])
            #expect(strange.status == 403, "\(strange.text)")
        }
    }
}
