import Belfry
import Files
import Foundation
import Testing

@testable import BelfryServer

/// What a collection in strict mode lets through and refuses.
@Suite(.serialized) struct StrictModeTests {
    private typealias Asked = StrictCollection.Asked

    /// A limit, what it lets through to its edge, and what is beyond.
    private struct Limit {
        let config: String
        let words: [String]
        let allowed: [Asked]
        let refused: [Asked]

        init(_ config: String, _ words: [String], allowed: [Asked], refused: [Asked]) {
            (self.config, self.words, self.allowed, self.refused) = (config, words, allowed, refused)
        }
    }

    private static func searches(_ members: [String]) -> String {
        #"{"searches": [\#(members.map { #"{"query": [1, 0], "using": "dense", \#($0)}"# }.joined(separator: ","))]}"#
    }

    private static func older(_ members: [String]) -> String {
        let searches = members.map { #"{"vector": {"name": "dense", "vector": [1, 0]}, \#($0)}"# }
        return #"{"searches": [\#(searches.joined(separator: ","))]}"#
    }

    private static let queryLimit = Limit(
        #""max_query_limit": 4"#, ["Limit exceeded", "> 4", "limit"],
        allowed: [
            .query(#""limit": 4"#), Asked("/points/query/batch", searches([#""limit": 4"#, #""limit": 4"#])),
            Asked(
                "/points/query/groups",
                #"{"query": [1, 0], "using": "dense", "group_by": "n", "limit": 2, "group_size": 2}"#
            ),
            Asked("/points/search/matrix/pairs", #"{"using": "dense", "sample": 2, "limit": 2}"#),
            Asked("/points/scroll", #"{"limit": 4}"#), Asked("/facet", #"{"key": "city", "limit": 4}"#),
            Asked("/points/search", #"{"vector": {"name": "dense", "vector": [1, 0]}, "limit": 4}"#),
            Asked("/recommend", #"{"like": [1], "using": "dense", "limit": 4}"#),
            // What has no limit of answers: points by their ids.
            Asked("/points", #"{"ids": [1, 2, 3, 4, 5]}"#),
        ],
        refused: [
            .query(#""limit": 5"#), .query(#""limit": 9223372036854775807"#),
            // Ten, unless they say otherwise.
            .query(#""offset": 0"#),
            .query(#""limit": 1, "prefetch": {"query": [1, 0], "using": "dense", "limit": 5}"#),
            .query(
                #""limit": 1, "prefetch": [{"query": [1, 0], "using": "dense", "limit": 1, "prefetch": [{"query": [1, 0], "using": "dense", "limit": 5}]}]"#
            ),
            Asked(
                "/points/query",
                #"{"query": {"nearest": [1, 0], "mmr": {"diversity": 0.5, "candidates_limit": 5}}, "using": "dense", "limit": 4}"#
            ),
            Asked("/points/query/batch", searches([#""limit": 4"#, #""limit": 5"#])),
            Asked(
                "/points/query/groups",
                #"{"query": [1, 0], "using": "dense", "group_by": "n", "limit": 2, "group_size": 3}"#
            ),
            Asked("/points/query/groups", #"{"query": [1, 0], "using": "dense", "group_by": "n", "limit": 2}"#),
            Asked("/points/search/matrix/pairs", #"{"using": "dense", "sample": 3, "limit": 2}"#),
            Asked("/points/search/matrix/offsets", #"{"using": "dense", "sample": 5, "limit": 1}"#),
            Asked("/points/scroll", #"{"limit": 5}"#), Asked("/points/scroll", #"{"limit": 5, "order_by": "n"}"#),
            Asked("/facet", #"{"key": "city", "limit": 5}"#),
            Asked("/points/search", #"{"vector": {"name": "dense", "vector": [1, 0]}, "limit": 5}"#),
            Asked("/points/search/batch", older([#""limit": 5"#])),
            Asked(
                "/points/search/groups",
                #"{"vector": {"name": "dense", "vector": [1, 0]}, "group_by": "n", "limit": 5, "group_size": 1}"#),
            Asked("/points/recommend", #"{"positive": [1], "using": "dense", "limit": 5}"#),
            Asked("/points/discover", #"{"target": 1, "using": "dense", "limit": 5}"#),
            Asked("/recommend", #"{"like": [1], "using": "dense", "limit": 5}"#),
            Asked(
                "/recommend",
                #"{"like": [1], "using": "dense", "quotas": [{"filter": {"must": [{"key": "n", "range": {"gt": 0}}]}, "count": 5}]}"#
            ),
        ])

    private static let filters: [Limit] = [
        Limit(
            #""filter_max_conditions": 2"#, ["Filter", "condition", "limit"],
            allowed: [filtered(2)],
            refused: [
                filtered(3),
                .query(#""limit": 1, "filter": {"should": [{"must": [\#(condition), \#(condition)]}, \#(condition)]}"#),
                .query(
                    #""filter": {"must": [{"nested": {"key": "a", "filter": {"must": [\#(condition), \#(condition), \#(condition)]}}}]}"#
                ),
                .query(
                    #""prefetch": {"query": [1, 0], "using": "dense", "filter": {"must": [\#(condition), \#(condition), \#(condition)]}}"#
                ),
                Asked("/points/scroll", #"{"filter": {"must": [\#(condition), \#(condition), \#(condition)]}}"#),
                Asked("/points/count", #"{"filter": {"must_not": [\#(condition), \#(condition), \#(condition)]}}"#),
                Asked("/facet", #"{"key": "n", "filter": {"must": [\#(condition), \#(condition), \#(condition)]}}"#),
                Asked(
                    "/points/payload",
                    #"{"payload": {"a": 1}, "filter": {"must": [\#(condition), \#(condition), \#(condition)]}}"#),
            ]),
        Limit(
            #""condition_max_size": 2"#, ["Condition", "limit"],
            allowed: [.query(#""filter": {"must": [{"key": "n", "match": {"any": [1, 2]}}]}"#)],
            refused: [
                .query(#""filter": {"must": [{"key": "n", "match": {"any": [1, 2, 3]}}]}"#),
                .query(#""filter": {"must_not": [{"must": [{"key": "n", "match": {"except": [1, 2, 3]}}]}]}"#),
                .query(#""filter": {"must": [{"has_id": [1, 2, 3]}]}"#),
            ]),
    ]

    private static let condition = #"{"key": "n", "range": {"gt": 0}}"#

    private static func filtered(_ count: Int) -> Asked {
        .query(#""filter": {"must": [\#(Array(repeating: condition, count: count).joined(separator: ","))]}"#)
    }

    private static let params: [Limit] = [
        Limit(
            #""max_timeout": 2"#, ["timeout", "3 > 2"],
            allowed: [Asked("/points/count?timeout=2"), Asked("/points/scroll")],
            refused: [
                Asked("/points/count?timeout=3"), Asked("/points/scroll?timeout=3"), Asked("/points/query?timeout=3"),
                Asked("/points?timeout=3", #"{"ids": []}"#), Asked("/facet?timeout=3", #"{"key": "n"}"#),
                Asked("/points/search/matrix/pairs?timeout=3", #"{"using": "dense"}"#),
                Asked("/recommend?timeout=3", #"{"popular": "n"}"#),
                Asked("/points/delete?timeout=3", #"{"points": []}"#),
            ]),
        Limit(
            #""search_max_hnsw_ef": 5"#, ["hnsw_ef", "6 > 5"], allowed: [.query(#""params": {"hnsw_ef": 5}"#)],
            refused: [
                .query(#""params": {"hnsw_ef": 6}"#),
                .query(#""prefetch": {"query": [1, 0], "using": "dense", "params": {"hnsw_ef": 6}}"#),
            ]),
        Limit(
            #""search_max_oversampling": 1.5"#, ["oversampling", "2.0 > 1.5"],
            allowed: [.query(#""params": {"quantization": {"oversampling": 1.5}}"#)],
            refused: [.query(#""params": {"quantization": {"oversampling": 2}}"#)]),
        Limit(
            #""search_allow_exact": false"#, ["exact"],
            allowed: [.query(#""params": {"exact": false}"#, headers: ["x-exact": "false", "x-recall": "0.99"])],
            refused: [
                .query(#""params": {"exact": true}"#), .query(#""limit": 1"#, headers: ["x-exact": "true"]),
                .query(#""limit": 1"#, headers: ["x-recall": "1"]),
                .query(#""prefetch": {"query": [1, 0], "using": "dense", "params": {"exact": true}}"#),
                Asked("/recommend", #"{"like": [1], "using": "dense"}"#, headers: ["x-exact": "true"]),
            ]),
        Limit(
            #""search_max_batchsize": 2"#, ["search batch size", "3 > 2"],
            allowed: [Asked("/points/query/batch", searches([#""limit": 1"#, #""limit": 1"#]))],
            refused: [
                Asked("/points/query/batch", searches(Array(repeating: #""limit": 1"#, count: 3))),
                Asked("/points/search/batch", older(Array(repeating: #""limit": 1"#, count: 3))),
            ]),
    ]

    private static let writes: [Limit] = [
        Limit(
            #""upsert_max_batchsize": 2"#, ["limit", "3 > 2"],
            allowed: [.upsert(1...2), Asked("/points/delete", #"{"points": [21, 22, 23]}"#)],
            refused: [
                .upsert(1...3),
                Asked("/points", #"{"batch": {"ids": [1, 2, 3], "vectors": [{}, {}, {}]}}"#, "PUT"),
                Asked(
                    "/points/batch",
                    #"{"operations": [{"upsert": {"points": [\#((1...3).map(StrictCollection.point).joined(separator: ","))]}}]}"#
                ),
                Asked(
                    "/points/vectors",
                    #"{"points": [\#((1...3).map { #"{"id": \#($0), "vector": {"dense": [1, 1]}}"# }.joined(separator: ","))]}"#,
                    "PUT"),
            ]),
        Limit(
            #""sparse_config": {"sparse": {"max_length": 2}}"#, ["Sparse vector 'sparse' has a limit of 2 indices"],
            allowed: [.upsert(1...1)],
            refused: [
                Asked(
                    "/points/vectors",
                    #"{"points": [{"id": 1, "vector": {"sparse": {"indices": [1, 2, 3], "values": [1, 1, 1]}}}]}"#,
                    "PUT"
                )
            ]),
        Limit(
            #""multivector_config": {"multi": {"max_vectors": 3}}"#,
            ["Multivector 'multi' has a limit of 3 vectors, but 4 were provided!"],
            allowed: [.upsert(1...1)],
            refused: [
                Asked(
                    "/points", #"{"points": [{"id": 1, "vector": {"multi": [[1, 1], [1, 1], [1, 1], [1, 1]]}}]}"#, "PUT"
                ),
                Asked(
                    "/points", #"{"batch": {"ids": [1], "vectors": {"multi": [[[1, 1], [1, 1], [1, 1], [1, 1]]]}}}"#,
                    "PUT"),
            ]),
    ]

    @Test func eachLimitHoldsFromItsEdgeOn() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            for (place, limit) in ([Self.queryLimit] + Self.filters + Self.params + Self.writes).enumerated() {
                let collection = try await StrictCollection(server, "c\(place)")
                func expect(_ asked: [Asked], _ status: Int, _ words: [String] = []) async throws {
                    for one in asked {
                        let reply = try await collection.ask(one)
                        #expect(reply.status == status, "\(limit.config): \(one.path) \(one.body): \(reply.text)")
                        #expect(words.allSatisfy(reply.error.contains), "\(one.path) \(one.body): \(reply.text)")
                    }
                }
                // Set and off, on, and off again.
                try await collection.set(limit.config)
                try await expect(limit.allowed + limit.refused.filter(\.isReadable), 200)
                try await collection.set(#""enabled": true"#)
                try await expect(limit.allowed, 200)
                try await expect(limit.refused, 400, limit.words)
                try await collection.set(#""enabled": false"#)
                try await expect(limit.refused.filter(\.isReadable), 200)
            }
        }
    }

    @Test func aLimitHoldsUnderEveryName() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            let collection = try await StrictCollection(server)
            try await collection.set(#""enabled": true, "max_query_limit": 4"#)
            let alias = #"{"actions": [{"create_alias": {"alias_name": "shop", "collection_name": "c"}}]}"#
            #expect(try await server.send("POST", "/collections/aliases", alias).status == 200)
            for (limit, status) in [(4, 200), (5, 400)] {
                let asked = try await server.send(
                    "POST", "/collections/shop/points/query",
                    #"{"query": [1, 0], "using": "dense", "limit": \#(limit)}"#)
                #expect(asked.status == status, "\(asked.text)")
                for (tool, arguments) in [
                    ("similar", #""id": 1"#), ("explain", #""id": 1"#), ("recommend", #""like": [1]"#),
                ] {
                    let reply = try await server.send(
                        "POST", "/mcp",
                        #"{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "\#(tool)", "arguments": {"collection": "c", "using": "dense", "limit": \#(limit), \#(arguments)}}}"#
                    )
                    #expect(reply.json["result"]?["isError"]?.bool == (status == 400), "\(tool): \(reply.text)")
                }
            }
            // Others go on as they were.
            let other = try await StrictCollection(server, "other")
            try await other.expect(.query(#""limit": 5"#), 200)
        }
    }

    @Test func itIsReadAsItIsSet() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            let collection = try await StrictCollection(server)
            try await collection.set(#""enabled": true, "max_query_limit": 4, "later": {"a": 1}"#)
            // Null takes nothing back, and what is not named stays.
            try await collection.set(#""max_query_limit": null, "max_timeout": 3"#)
            let config = try await collection.ask(Asked("", "", "GET")).result["config"]?["strict_mode_config"]
            #expect(config == ["enabled": true, "max_query_limit": 4, "max_timeout": 3, "later": ["a": 1]])
            try await collection.expect(.query(#""limit": 5"#), 400)
            for (wrong, status) in [
                (#""max_query_limit": "4""#, 400), (#""max_query_limit": 0"#, 422), (#""read_rate_limit": 0"#, 422),
                (#""enabled": 1"#, 400), (#""search_allow_exact": "no""#, 400), (#""upsert_max_batchsize": -1"#, 400),
                (#""sparse_config": 5"#, 400), (#""sparse_config": {"sparse": {"max_length": 0}}"#, 422),
                (#""search_max_oversampling": []"#, 400),
            ] {
                try await collection.set(wrong, status: status)
            }
            #expect(
                try await collection.ask(Asked("", "", "GET")).result["config"]?["strict_mode_config"] == config)
        }
    }

    @Test func aCollectionIsMadeWithItAndKeepsIt() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/belfry-strict-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let config = #"{"enabled": true, "max_query_limit": 1}"#
        let body = #"{"vectors": {"size": 2, "distance": "Dot"}, "strict_mode_config": \#(config)}"#
        for isFirst in [true, false] {
            try await TestServer.run(keeping: folder) { (server: TestServer) async throws -> Void in
                if isFirst { #expect(try await server.send("PUT", "/collections/c", body).status == 200) }
                for (limit, status) in [(1, 200), (2, 400)] {
                    let asked = try await server.send("POST", "/collections/c/points/query", "{\"limit\": \(limit)}")
                    #expect(asked.status == status, "\(asked.text)")
                }
            }
        }
    }
}

extension StrictCollection.Asked {
    /// Whether it may be asked without changing what other requests are about.
    fileprivate var isReadable: Bool {
        method == "POST" && !path.hasPrefix("/points/delete") && path != "/points/payload"
    }
}
