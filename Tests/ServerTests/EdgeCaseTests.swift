import Files
import Foundation
import TestSupport
import Testing

@testable import BelfryServer

/// Numbers, ids and bodies at the edge of what is allowed: each with the status that it gets.
@Suite(.serialized) struct EdgeCaseTests {
    private static let path = "/collections/c/points"

    private static let cases: [(method: String, path: String, body: String, status: Int)] = [
        // Components.
        ("PUT", path, #"{"points": [{"id": 1, "vector": [1e39, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1, "vector": [NaN, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1, "vector": [1e400, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1, "vector": [-0.0, 1e-46, 1, 0]}]}"#, 200),
        ("PUT", path, #"{"points": [{"id": 1, "vector": [1, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1, "vector": [1, 0, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1, "vector": []}]}"#, 422),
        ("PUT", path, #"{"points": [{"id": 1, "vector": ["1", 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1, "vector": [null, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1, "vector": {"other": [1, 0, 0, 0]}}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1, "vector": [0, 0, 0, 0]}]}"#, 200),
        ("PUT", path, #"{"points": [{"id": 1, "vector": {}}]}"#, 200),
        ("PUT", path, #"{"points": [{"id": 1, "vector": {"w": {"indices": [1], "values": [1, 2]}}}]}"#, 422),
        ("PUT", path, #"{"points": [{"id": 1, "vector": {"w": {"indices": [1, 1], "values": [1, 2]}}}]}"#, 422),
        ("PUT", path, #"{"points": [{"id": 1, "vector": {"w": {"indices": [4294967296], "values": [1]}}}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1, "vector": {"w": {"indices": [4294967295], "values": [1]}}}]}"#, 200),
        ("PUT", path, #"{"points": [{"id": 1, "vector": {"w": {"indices": [-1], "values": [1]}}}]}"#, 400),
        // Ids.
        ("PUT", path, #"{"points": [{"id": 18446744073709551615, "vector": [1, 0, 0, 0]}]}"#, 200),
        ("PUT", path, #"{"points": [{"id": 18446744073709551616, "vector": [1, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": -1, "vector": [1, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1.5, "vector": [1, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 0, "vector": [1, 0, 0, 0]}]}"#, 200),
        ("PUT", path, #"{"points": [{"id": "", "vector": [1, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": "\u0000", "vector": [1, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": true, "vector": [1, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": null, "vector": [1, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"vector": [1, 0, 0, 0]}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": "550E8400E29B41D4A716446655440000", "vector": [1, 0, 0, 0]}]}"#, 200),
        ("PUT", path, #"{"points": [{"id": 5, "vector": [1, 0, 0, 0]}, {"id": 5, "vector": [0, 1, 0, 0]}]}"#, 200),
        ("GET", path + "/18446744073709551615", "", 200),
        ("GET", path + "/550e8400-e29b-41d4-a716-446655440000", "", 200),
        ("GET", path + "/12345", "", 404),
        ("GET", path + "/%20", "", 400),
        // Bodies.
        ("PUT", path, "", 400),
        ("PUT", path, "{", 400),
        ("PUT", path, "[]", 400),
        ("PUT", path, "null", 400),
        ("PUT", path, #"{"points": []}"#, 200),
        ("PUT", path, #"{"points": [1]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1, "vector": [1, 0, 0, 0], "payload": []}]}"#, 400),
        ("PUT", path, #"{"points": [{"id": 1, "vector": [1, 0, 0, 0], "payload": null}]}"#, 200),
        ("PUT", path, #"{"batch": {"ids": [1, 2], "vectors": [[1, 0, 0, 0]]}}"#, 422),
        ("PUT", path, #"{"batch": {"ids": [1], "vectors": [[1, 0, 0, 0]], "payloads": []}}"#, 422),
        ("PUT", path, #"{"batch": {"ids": [1], "vectors": {"": [[1, 0, 0, 0]]}}}"#, 200),
        ("PUT", path + "?wait=maybe", #"{"points": []}"#, 400),
        ("PUT", path + "?timeout=0", #"{"points": []}"#, 422),
        ("PUT", path, String(repeating: "[", count: 100_000), 400),
        ("POST", path + "/payload", #"{"points": [1], "payload": 3}"#, 400),
        ("POST", path + "/payload", #"{"payload": {}}"#, 400),
        ("POST", path + "/payload", #"{"points": [1], "payload": {"a": 1}, "key": "a["}"#, 400),
        ("POST", path + "/payload/delete", #"{"points": [1], "keys": []}"#, 200),
        ("POST", path + "/vectors/delete", #"{"points": [1], "vector": []}"#, 422),
        ("POST", path + "/vectors/delete", #"{"points": [1], "vector": ["none"]}"#, 400),
        ("POST", path + "/batch", #"{"operations": [{"explode": {}}]}"#, 400),
        ("POST", path + "/batch", #"{"operations": []}"#, 200),
        // Limits and offsets.
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "limit": 0}"#, 422),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "limit": -1}"#, 400),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "limit": 1.5}"#, 400),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "limit": 18446744073709551615}"#, 200),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "limit": 99999999999999999999}"#, 400),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "offset": 18446744073709551615}"#, 200),
        ("POST", path + "/query", #"{"limit": 18446744073709551615, "offset": 18446744073709551615}"#, 200),
        (
            "POST", path + "/query",
            #"{"query": {"order_by": "a"}, "limit": 18446744073709551615, "offset": 9223372036854775807}"#, 200
        ),
        ("POST", path + "/query", #"{"query": {"sample": "random"}, "limit": 18446744073709551615}"#, 200),
        ("POST", path + "/query", #"{"query": {"sample": "all"}}"#, 400),
        ("POST", path + "/scroll", #"{"limit": 0}"#, 422),
        ("POST", path + "/scroll", #"{"limit": 18446744073709551615}"#, 200),
        ("POST", path + "/scroll", #"{"offset": "00000000-0000-0000-0000-000000000000"}"#, 200),
        ("POST", path + "/scroll", #"{"order_by": "a", "limit": 18446744073709551615}"#, 200),
        (
            "POST", path + "/query/groups",
            #"{"query": [1, 0, 0, 0], "group_by": "a", "limit": 18446744073709551615, "group_size": 18446744073709551615}"#,
            200
        ),
        ("POST", path + "/query/groups", #"{"query": [1, 0, 0, 0], "group_by": "a", "group_size": 0}"#, 422),
        ("POST", path + "/query/groups", #"{"group_by": "a"}"#, 400),
        ("POST", path + "/search/matrix/pairs", #"{"sample": 1}"#, 422),
        ("POST", path + "/search/matrix/pairs", #"{"sample": 18446744073709551615}"#, 422),
        ("POST", "/collections/c/facet", #"{"key": "a", "limit": 0}"#, 422),
        ("POST", "/collections/c/facet", #"{"key": "a", "limit": 18446744073709551615}"#, 200),
        // Queries.
        ("POST", path + "/query", #"{"query": 4711}"#, 404),
        ("POST", path + "/query", #"{"query": [1, 0, 0]}"#, 400),
        ("POST", path + "/query", #"{"query": [[1, 0, 0, 0]]}"#, 400),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "using": "none"}"#, 400),
        ("POST", path + "/query", #"{"query": {"indices": [1], "values": [1]}, "using": "w"}"#, 200),
        ("POST", path + "/query", #"{"query": {"indices": [], "values": []}, "using": "w"}"#, 200),
        ("POST", path + "/query", #"{"query": {"nearest": [1, 0, 0, 0], "mmr": {"diversity": 2}}}"#, 422),
        ("POST", path + "/query", #"{"query": {"nearest": [1, 0, 0, 0], "mmr": {"candidates_limit": 99999999}}}"#, 422),
        ("POST", path + "/query", #"{"query": {"recommend": {"positive": []}}}"#, 422),
        ("POST", path + "/query", #"{"query": {"fusion": "rrf"}}"#, 400),
        ("POST", path + "/query", #"{"query": {"fusion": "none"}, "prefetch": [{"query": [1, 0, 0, 0]}]}"#, 400),
        ("POST", path + "/query", #"{"query": {"text": "red", "model": "minilm"}}"#, 400),
        ("POST", path + "/query", #"{"query": {"unknown": 1}}"#, 400),
        ("POST", path + "/query", #"{"query": {"relevance_feedback": {}}}"#, 501),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "params": {"hnsw_ef": 0}}"#, 422),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "score_threshold": "high"}"#, 400),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "with_payload": 3}"#, 400),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "with_vector": ["none"]}"#, 400),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "lookup_from": {"collection": "none"}}"#, 404),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "filter": {"must": [{"key": "a"}]}}"#, 422),
        (
            "POST", path + "/query",
            #"{"query": [1, 0, 0, 0], "filter": {"must": [{"key": "a", "range": {"gt": "x"}}]}}"#, 422
        ),
        ("POST", path + "/query", #"{"query": [1, 0, 0, 0], "filter": {"odd": []}}"#, 422),
        ("POST", path + "/query/batch", #"{"searches": [{"query": [1, 0, 0, 0]}, {"query": [1]}]}"#, 400),
        // Collections.
        ("PUT", "/collections/n", #"{"vectors": {"size": 0, "distance": "Dot"}}"#, 422),
        ("PUT", "/collections/n", #"{"vectors": {"size": 65537, "distance": "Dot"}}"#, 422),
        ("PUT", "/collections/n", #"{"vectors": {"size": 4, "distance": "Taxi"}}"#, 400),
        ("PUT", "/collections/n", #"{"vectors": {"size": 4, "distance": "Manhattan"}}"#, 200),
        ("PUT", "/collections/n", #"{"vectors": {"size": "4", "distance": "Dot"}}"#, 400),
        (
            "PUT", "/collections/n",
            #"{"vectors": {"size": 4, "distance": "Dot"}, "hnsw_config": {"ef_construct": 1}}"#, 422
        ),
        ("PUT", "/collections/n", #"{"vectors": {"size": 4, "distance": "Dot"}, "metadata": {"recall": 2}}"#, 422),
        ("PUT", "/collections/n", #"{"vectors": {"size": 4, "distance": "Dot", "tower": "../x"}}"#, 422),
        ("PUT", "/collections/n", #"{"vectors": 3}"#, 400),
        ("PUT", "/collections/empty", "{}", 200),
        ("PUT", "/collections/empty/points", #"{"points": [{"id": 1, "payload": {"a": 1}, "vector": {}}]}"#, 200),
        ("PUT", "/collections/c/index", #"{"field_name": "a", "field_schema": "colour"}"#, 400),
        ("PUT", "/collections/c/index", #"{"field_name": "", "field_schema": "keyword"}"#, 400),
        ("PUT", "/collections/c/index", #"{"field_name": "a.b[]", "field_schema": "keyword"}"#, 200),
        ("DELETE", "/collections/c/index/none", "", 200),
        ("PUT", "/collections/c/vectors/more", #"{"dense": {"size": 4, "distance": "Manhattan"}}"#, 200),
        // Paths.
        ("GET", "/nothing", "", 404), ("POST", "/healthz", "", 405), ("GET", "//", "", 404),
        ("PUT", "/collections/", "{}", 405), ("GET", "/collections//points/1", "", 422),
        ("PATCH", "/collections/none", "{}", 404), ("POST", "/collections/none/points/query", "{}", 404),
    ]

    @Test func eachCaseGetsItsStatus() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            let body = #"{"vectors": {"size": 4, "distance": "Dot"}, "sparse_vectors": {"w": {}}}"#
            #expect(try await server.send("PUT", "/collections/c", body).status == 200)
            for edge in Self.cases {
                let reply = try await server.send(edge.method, edge.path, edge.body)
                #expect(
                    reply.status == edge.status,
                    "\(edge.method) \(edge.path) \(edge.body.prefix(120)): \(reply.status) \(reply.text.prefix(200))")
                if edge.status >= 400 {
                    #expect(!reply.error.isEmpty, "\(edge.body.prefix(80)) is refused without a word")
                }
            }
        }
    }

    @Test func damagedBodiesNeverMakeAnErrorOfTheServer() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let good = Self.cases.filter { $0.status == 200 && !$0.body.isEmpty }
        try await TestServer.run { (server: TestServer) async throws -> Void in
            let body = #"{"vectors": {"size": 4, "distance": "Dot"}, "sparse_vectors": {"w": {}}}"#
            _ = try await server.send("PUT", "/collections/c", body)
            for _ in 0..<600 {
                let edge = good.randomElement(using: &random)!
                var bytes = Array(edge.body.utf8)
                for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 1: bytes.remove(at: place)
                    case 2:
                        bytes.insert(
                            contentsOf: Array("{}[],:\"-9e".utf8).shuffled(using: &random).prefix(2), at: place)
                    default: bytes.removeSubrange(place...)
                    }
                }
                let head =
                    "\(edge.method) \(edge.path) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: \(bytes.count)\r\n\r\n"
                let reply = try await server.send(raw: Data(head.utf8) + Data(bytes))
                #expect(
                    reply.status < 500 || reply.status == 501,
                    "seed \(seed): \(edge.path) \(String(decoding: bytes, as: UTF8.self)): \(reply.text)")
            }
            #expect(try await server.send("GET", "/collections/c").status == 200)
        }
    }
}
