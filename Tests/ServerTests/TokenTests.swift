import Files
import Foundation
import Testing

@testable import BelfryServer

/// Keys for single collections: what they open, by every way that leads to a collection.
@Suite(.serialized) struct TokenTests {
    private static let key = "the-server's-own-key"

    private static func token(_ collections: [(String, Bool)], days: Double = 1) -> String {
        AccessToken.make(
            .collections(collections.map { (name: $0.0, writes: $0.1) }), signedWith: key,
            until: Date().addingTimeInterval(days * 86_400))
    }

    /// Two collections of three points, `shop` with an alias.
    private static func fill(_ server: TestServer) async throws {
        for name in ["shop", "staff"] {
            let headers = ["api-key": key]
            let made = try await server.send(
                "PUT", "/collections/\(name)", #"{"vectors": {"size": 2, "distance": "Dot"}}"#, headers)
            #expect(made.status == 200, "\(made.text)")
            let points = (1...3).map {
                #"{"id": \#($0), "vector": [\#($0), 1], "payload": {"of": "\#(name)", "n": \#($0)}}"#
            }
            let written = try await server.send(
                "PUT", "/collections/\(name)/points", "{\"points\": [\(points.joined(separator: ","))]}", headers)
            #expect(written.status == 200, "\(written.text)")
            let alias =
                #"{"actions": [{"create_alias": {"alias_name": "\#(name)-now", "collection_name": "\#(name)"}}]}"#
            #expect(try await server.send("POST", "/collections/aliases", alias, headers).status == 200)
        }
    }

    @Test func aTokenIsWhatItsSignatureCovers() throws {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        func read(_ text: String, _ key: String = Self.key, at time: Date = now) -> Caller? {
            AccessToken(text, signedWith: key, at: time)?.caller
        }
        let token = AccessToken.make(
            .collections([("shop", true), ("staff", false)]), signedWith: Self.key, until: now.addingTimeInterval(100))
        #expect(read(token) == Caller(.nothing, ["shop": .writing, "staff": .reading]))
        #expect(read(token, "another") == nil && read(token, at: now.addingTimeInterval(200)) == nil)
        #expect(read(AccessToken.make(.reading, signedWith: Self.key, until: nil)) == Caller(.reading))
        let parts = token.split(separator: ".").map(String.init)
        // One character of another value, in each of the three parts.
        for place in 0..<3 {
            for offset in 0..<parts[place].count where place < 2 || offset < parts[place].count - 1 {
                var changed = parts
                var letters = Array(parts[place])
                letters[offset] = letters[offset] == "A" ? "B" : "A"
                changed[place] = String(letters)
                #expect(read(changed.joined(separator: ".")) == nil, "\(place), \(offset)")
            }
        }
        // Signed, and yet no token of this server.
        func signed(_ header: String, _ claims: String) -> String { AccessToken.sealed([header, claims], Self.key) }
        let header = #"{"alg":"HS256","typ":"JWT"}"#
        #expect(read(signed(header, #"{"access":"m"}"#)) == Caller(.managing))
        for (header, claims) in [
            (#"{"alg":"none"}"#, #"{"access":"m"}"#), (#"{"alg":"HS512"}"#, #"{"access":"m"}"#), (header, "{}"),
            (header, #"{"access":"rw"}"#), (header, #"{"access":[{"collection":"a","access":"m"}]}"#),
            (header, #"{"access":[{"collection":"a","access":"r","payload":{"n":1}}]}"#),
            (header, #"{"access":"r","value_exists":{"collection":"a","matches":[]}}"#),
            (header, #"{"access":"r","exp":"tomorrow"}"#), (header, #"{"access":"r","nbf":1900000000}"#),
            (header, "[]"),
        ] {
            #expect(read(signed(header, claims)) == nil, "\(header) \(claims)")
        }
        for text in ["", ".", "..", "a.b.c", token + ".", "." + token, token + "=", token.uppercased()] {
            #expect(read(text) == nil, "\(text)")
        }
    }

    @Test func aKeyOpensItsCollectionAlone() async throws {
        try await TestServer.run({ $0.apiKey = Self.key }) { server in
            try await Self.fill(server)
            let reader = ["api-key": Self.token([("shop", false)])]
            let writer = ["authorization": "Bearer " + Self.token([("shop", true)])]
            func status(_ path: String, _ body: String? = nil, _ headers: [String: String], _ method: String? = nil)
                async throws -> Int
            {
                try await server.send(method ?? (body == nil ? "GET" : "POST"), path, body, headers).status
            }
            let query = #"{"query": [1, 0], "with_payload": true}"#
            for name in ["shop", "shop-now"] {
                #expect(try await status("/collections/\(name)/points/query", query, reader) == 200)
            }
            for name in ["staff", "staff-now", "staff@v2", "none", "shop%2F..%2Fstaff"] {
                for path in ["", "/points/1", "/aliases", "/snapshots", "/exists", "/cluster"] {
                    #expect(try await status("/collections/\(name)\(path)", nil, reader) == 403, "\(name)\(path)")
                }
                for path in ["/points/query", "/points/scroll", "/points/count", "/points", "/facet", "/recommend"] {
                    #expect(try await status("/collections/\(name)\(path)", query, reader) == 403, "\(name)\(path)")
                }
            }
            // Through a query of the collection that it opens.
            for body in [
                #"{"query": 1, "lookup_from": {"collection": "staff"}}"#,
                #"{"query": 1, "lookup_from": {"collection": "staff-now"}}"#,
                #"{"prefetch": {"query": 1, "lookup_from": {"collection": "staff"}}, "query": {"fusion": "rrf"}}"#,
                #"{"prefetch": {"prefetch": {"query": 1, "lookup_from": {"collection": "staff"}}, "query": [1, 0]}, "query": [1, 0]}"#,
            ] {
                #expect(try await status("/collections/shop/points/query", body, reader) == 403, "\(body)")
                let batch = #"{"searches": [{"query": [1, 0]}, \#(body)]}"#
                #expect(try await status("/collections/shop/points/query/batch", batch, reader) == 403, "\(body)")
            }
            let groups = #"{"query": [1, 0], "group_by": "n", "with_lookup": "staff"}"#
            #expect(try await status("/collections/shop/points/query/groups", groups, reader) == 403)
            #expect(
                try await status(
                    "/collections/shop/points/recommend",
                    #"{"positive": [1], "limit": 3, "lookup_from": {"collection": "staff"}}"#, reader) == 403)
            // What is listed is what it opens.
            let listed = try await server.send("GET", "/collections", nil, reader).result["collections"]
            #expect(listed == [["name": "shop"]])
            let aliases = try await server.send("GET", "/aliases", nil, reader)
            #expect(aliases.text.contains("shop-now") && !aliases.text.contains("staff"))
            for (tool, arguments) in [
                ("stats", #"{"collection": "staff"}"#), ("similar", #"{"collection": "staff", "id": 1}"#),
                ("recommend", #"{"collection": "staff-now", "like": [1]}"#),
                ("explain", #"{"collection": "staff", "id": 1}"#),
            ] {
                let message =
                    #"{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "\#(tool)", "arguments": \#(arguments)}}"#
                let reply = try await server.send("POST", "/mcp", message, reader)
                #expect(reply.json["result"]?["isError"] == true, "\(tool): \(reply.text)")
                #expect(!reply.text.contains("\"of\""), "\(tool): \(reply.text)")
            }
            let stats = try await server.send(
                "POST", "/mcp",
                #"{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "stats", "arguments": {}}}"#,
                reader)
            #expect(stats.text.contains("shop") && !stats.text.contains("staff"), "\(stats.text)")
            // Of the server it sees nothing.
            for path in ["/metrics", "/telemetry", "/snapshots", "/openapi.json"] {
                #expect(try await status(path, nil, reader) == 403, "\(path)")
            }
            // Writing.
            let point = #"{"points": [{"id": 9, "vector": [1, 1]}]}"#
            #expect(try await status("/collections/shop/points", point, reader, "PUT") == 403)
            #expect(try await status("/collections/shop/points", point, writer, "PUT") == 200)
            #expect(try await status("/collections/staff/points", point, writer, "PUT") == 403)
            #expect(try await status("/collections/shop/points/delete", #"{"points": [9]}"#, writer) == 200)
            // Managing.
            for headers in [reader, writer] {
                #expect(try await status("/collections/shop", "{}", headers, "DELETE") == 403)
                #expect(try await status("/collections/new", "{}", headers, "PUT") == 403)
                #expect(try await status("/collections/shop/snapshots", "", headers) == 403)
                #expect(
                    try await status(
                        "/collections/aliases",
                        #"{"actions": [{"create_alias": {"alias_name": "a", "collection_name": "staff"}}]}"#, headers)
                        == 403)
            }
            // Beside the server's own key it is one key too many.
            #expect(
                try await status(
                    "/collections/shop", nil,
                    ["api-key": Self.token([("shop", false)]), "authorization": "Bearer \(Self.key)"])
                    == 401)
        }
    }

    /// An alias that is made to lead elsewhere takes nobody along.
    @Test func aSwitchedAliasOpensNothingMore() async throws {
        try await TestServer.run({ $0.apiKey = Self.key }) { server in
            try await Self.fill(server)
            let reader = ["api-key": Self.token([("shop", false)])]
            let query = #"{"query": [1, 0]}"#
            #expect(try await server.send("POST", "/collections/shop-now/points/query", query, reader).status == 200)
            let change = #"{"actions": [{"create_alias": {"alias_name": "shop-now", "collection_name": "staff"}}]}"#
            #expect(try await server.send("POST", "/collections/aliases", change, ["api-key": Self.key]).status == 200)
            #expect(try await server.send("POST", "/collections/shop-now/points/query", query, reader).status == 403)
        }
    }
}
