import Files
import Foundation
import Testing

@testable import BelfryServer

/// What clients of the interface count on beside the answers to their searches: what a change of a collection does, where a
/// mistake is told.
@Suite(.serialized) struct PeerAnswerTests {
    // MARK: what is changed

    /// Scores of a query whose terms are in all points, and in one.
    private static func scores(_ server: TestServer) async throws -> [Double] {
        let query = #"{"query": {"indices": [1, 7], "values": [2, 1]}, "using": "text", "limit": 3}"#
        return try await server.send("POST", "/collections/c/points/query", query).points.compactMap {
            $0["score"]?.number
        }
    }

    @Test func aModifierThatIsChangedChangesScores() async throws {
        let data = FileManager.default.temporaryDirectory.path + "/belfry-server-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: data) }
        // Three points have term 1, one has term 7.
        let (common, rare) = (log(0.5 / 3.5 + 1), log(2.5 / 1.5 + 1))
        let (plain, weighed): ([Double], [Double]) = ([3, 2, 2], [2 * common + rare, 2 * common, 2 * common])
        try await TestServer.run(keeping: data) { server in
            _ = try await server.send("PUT", "/collections/c", #"{"sparse_vectors": {"text": {}, "other": {}}}"#)
            let points = #"""
                {"points": [{"id": 1, "vector": {"text": {"indices": [1], "values": [1]}}},
                            {"id": 2, "vector": {"text": {"indices": [1, 7], "values": [1, 1]}}},
                            {"id": 3, "vector": {"text": {"indices": [1], "values": [1]}}}]}
                """#
            #expect(try await server.send("PUT", "/collections/c/points?wait=true", points).status == 200)
            #expect(try await Self.scores(server) == plain)
            for (modifier, isWeighed) in [("idf", true), ("none", false), ("none", false), ("idf", true)] {
                let change = #"{"sparse_vectors": {"text": {"modifier": "\#(modifier)"}}}"#
                #expect(try await server.send("PATCH", "/collections/c", change).status == 200)
                let told = try await server.send("GET", "/collections/c").result["config"]?["params"]
                #expect(told?["sparse_vectors"]?["text"]?["modifier"]?.string == modifier)
                let scores = try await Self.scores(server)
                #expect(scores.count == 3)
                for (score, wanted) in zip(scores, isWeighed ? weighed : plain) {
                    #expect(abs(score - wanted) < 1e-5, "\(modifier): \(scores)")
                }
            }
            let unknown = try await server.send(
                "PATCH", "/collections/c", #"{"sparse_vectors": {"text": {"modifier": "bm25"}}}"#)
            #expect(unknown.status == 400 && unknown.error.contains("modifier"), "\(unknown.text)")
        }
        // It is the collection's, and what is written later is scored in the same way.
        try await TestServer.run(keeping: data) { server in
            let again = #"{"points": [{"id": 2, "vector": {"text": {"indices": [1, 7], "values": [1, 1]}}}]}"#
            #expect(try await server.send("PUT", "/collections/c/points?wait=true", again).status == 200)
            let scores = try await Self.scores(server)
            #expect(scores.count == 3 && scores[0] > 3 * scores[1], "\(scores)")
        }
    }

    // MARK: what is said of a new collection

    private static let dense = #""size": 4, "distance": "Dot""#

    @Test(arguments: [
        (#"{"vectors": {\(d), "memory": "pinned"}}"#, 422, "pinned"),
        (#"{"vectors": {\(d)}, "payload": {"memory": "pinned"}}"#, 422, "pinned"),
        (#"{"vectors": {\(d), "memory": "warm"}}"#, 400, "warm"),
        (#"{"vectors": {\(d)}, "sparse_vectors": {"": {}}}"#, 400, "Sparse vector name cannot be empty"),
        (#"{"vectors": {"a": {\(d)}}, "sparse_vectors": {"a": {}}}"#, 400, "must be unique"),
        (#"{"sparse_vectors": {"t": {"index": {"datatype": "turbo4"}}}}"#, 422, "sparse vectors do not support"),
        (#"{"sparse_vectors": {"t": {"modifier": "bm25"}}}"#, 400, "modifier"),
        (#"{"vectors": {\(d), "memory": "cold", "quantization_config": {"scalar": {"memory": "pinned"}}}}"#, 200, ""),
    ]) func whatNoCollectionCanHaveIsRefused(_ body: String, _ status: Int, _ words: String) async throws {
        try await TestServer.run { server in
            let body = body.replacing(#"\(d)"#, with: Self.dense)
            let reply = try await server.send("PUT", "/collections/c", body)
            #expect(reply.status == status && (words.isEmpty || reply.error.contains(words)), "\(reply.text)")
            #expect(try await server.send("GET", "/collections/c").status == (status == 200 ? 200 : 404))
        }
    }

    @Test func memoryCannotBePinnedLaterEither() async throws {
        try await TestServer.run { server in
            _ = try await server.send("PUT", "/collections/c", "{\"vectors\": {\(Self.dense)}}")
            for (change, status) in [
                (#"{"vectors": {"": {"memory": "pinned"}}}"#, 422),
                (#"{"params": {"payload": {"memory": "pinned"}}}"#, 422),
                (#"{"vectors": {"": {"memory": "cold"}}, "params": {"payload": {"memory": "cached"}}}"#, 200),
            ] {
                #expect(try await server.send("PATCH", "/collections/c", change).status == status, "\(change)")
            }
            let params = try await server.send("GET", "/collections/c").result["config"]?["params"]
            #expect(params?["vectors"]?["memory"] == "cold" && params?["payload"]?["memory"] == "cached")
        }
    }

    @Test func quantizationHasTwoNamesAndIsToldUnderOne() async throws {
        try await TestServer.run { server in
            let body = #"""
                {"vectors": {"a": {"size": 4, "distance": "Dot", "quantization": {"scalar": {"type": "int8"}}}},
                 "quantization": {"binary": {}}}
                """#
            #expect(try await server.send("PUT", "/collections/c", body).status == 200)
            let config = try await server.send("GET", "/collections/c").result["config"]
            #expect(config?["quantization_config"] == ["binary": [:]])
            #expect(
                config?["params"]?["vectors"]?["a"]
                    == ["size": 4, "distance": "Dot", "quantization_config": ["scalar": ["type": "int8"]]])
        }
    }

    @Test(arguments: [
        ("", 0), (#", "hnsw_config": {"inline_storage": true}"#, 1),
        (#", "hnsw_config": {"inline_storage": false}"#, 0),
        (#", "hnsw_config": {"inline_storage": true}, "quantization_config": {"scalar": {"type": "int8"}}"#, 0),
        (#", "hnsw_config": {"inline_storage": true}, "multivector_config": {"comparator": "max_sim"}"#, 1),
    ]) func whatCannotBeInlineIsWarnedOf(_ more: String, _ count: Int) async throws {
        try await TestServer.run { server in
            let body = "{\"vectors\": {\"v\": {\(Self.dense)\(more)}}}"
            #expect(try await server.send("PUT", "/collections/c", body).status == 200)
            let info = try await server.send("GET", "/collections/c").result
            #expect(info["warnings"]?.array?.count == (count == 0 ? nil : count), "\(info)")
        }
    }

    /// Clients wait until as many vectors are indexed as they have written. What is small is scanned, and that is all it needs.
    @Test(arguments: [(10, 100), (10_000, 100), (0, 0)]) func vectorsAreIndexedWhereNothingBetterComes(
        _ threshold: Int, _ indexed: Int
    ) async throws {
        try await TestServer.run { server in
            let body = "{\"vectors\": {\(Self.dense)}, \"optimizers_config\": {\"indexing_threshold\": \(threshold)}}"
            #expect(try await server.send("PUT", "/collections/c", body).status == 200)
            #expect(try await server.send("GET", "/collections/c").result["indexed_vectors_count"] == 0)
            let points = (0..<100).map { "{\"id\": \($0), \"vector\": [\($0), 1, 1, 1]}" }
            let written = try await server.send(
                "PUT", "/collections/c/points?wait=true", "{\"points\": [\(points.joined(separator: ","))]}")
            #expect(written.status == 200)
            let info = try await server.send("GET", "/collections/c").result
            #expect(info["indexed_vectors_count"]?.integer == indexed && info["status"] == "green", "\(info)")
        }
    }

    // MARK: where a mistake is told

    @Test(arguments: [
        (
            "PUT", "/points/vectors", #"{"points": [{"id": 1, "vector": {}}]}"#, 422,
            "Validation error in JSON body: [points[0].vector: must specify vectors to update for point]"
        ),
        ("PUT", "/points/vectors", #"{"points": [{"id": 1}]}"#, 400, "missing field `vector`"),
        (
            "PUT", "/points", #"{"points": [{"id": 1, "vector": {"m": [[1, 2, 3, 4], [1, 2, 3]]}}]}"#, 422,
            "[points[0].vector.?.data: all vectors must have the same dimension, found vector with dimension 3"
        ),
        (
            "PUT", "/points", #"{"points": [{"id": 1, "vector": {"m": [[]]}}]}"#, 422,
            "Validation error in JSON body: [points[0].vector.?.data: all vectors must be non-empty]"
        ),
        (
            "PUT", "/points", #"{"points": [{"id": 0}, {"id": 1, "vector": {"m": [[1, 2, 3, 4], []]}}]}"#, 422,
            "[points[1].vector.?.data: all vectors must be non-empty]"
        ),
        ("PUT", "/points", #"{"points": [{"id": 1, "vector": {"m": []}}]}"#, 422, "dense vector must not be empty"),
        ("PUT", "/points", #"{"points": [{"id": 1, "vector": {"m": [[1, 2, 3], [1, 2, 3]]}}]}"#, 400, "got 3"),
        (
            "PUT", "/points", #"{"points": [{"id": 1, "vector": {"w": {"indices": [1, 2], "values": [1]}}}]}"#, 422,
            "points[0].vector.?.values: Validation error: must be the same length as indices [{}]"
        ),
        (
            "PUT", "/points", #"{"points": [{"id": 1, "vector": {"w": {"indices": [1, 1], "values": [1, 2]}}}]}"#, 422,
            "points[0].vector.?.indices: Validation error: must be unique [{}]"
        ),
        ("POST", "/points/scroll", #"{"filter": {"min_should": {"conditions": [{"has_id": [1]}]}}}"#, 400, "min_count"),
        ("POST", "/points/scroll", #"{"filter": {"must": [{"slice": {"total": 0, "index": 0}}]}}"#, 400, "slice"),
        ("POST", "/points/scroll", #"{"filter": {"must": [{"slice": {"total": 4, "index": 4}}]}}"#, 422, "slice"),
    ]) func aMistakeIsToldWhereClientsLookForIt(
        _ method: String, _ path: String, _ body: String, _ status: Int, _ words: String
    ) async throws {
        try await TestServer.run { server in
            let params = "{\(Self.dense), \"multivector_config\": {\"comparator\": \"max_sim\"}}"
            let made = try await server.send(
                "PUT", "/collections/c", "{\"vectors\": {\"m\": \(params)}, \"sparse_vectors\": {\"w\": {}}}")
            #expect(made.status == 200, "\(made.text)")
            let reply = try await server.send(method, "/collections/c" + path, body)
            #expect(reply.status == status && reply.error.contains(words), "\(reply.text)")
        }
    }

    @Test func aPointThatIsNotThereIsToldFirst() async throws {
        try await TestServer.run { server in
            _ = try await server.send("PUT", "/collections/c", "{\"vectors\": {\(Self.dense)}}")
            _ = try await server.send("PUT", "/collections/other", "{\"vectors\": {\"o\": {\(Self.dense)}}}")
            let points = #"{"points": [{"id": 1, "vector": [1, 0, 0, 0]}, {"id": 9, "vector": [0, 1, 0, 0]}]}"#
            _ = try await server.send("PUT", "/collections/c/points?wait=true", points)
            let others = #"{"points": [{"id": 1, "vector": {"o": [1, 0, 0, 0]}}]}"#
            _ = try await server.send("PUT", "/collections/other/points?wait=true", others)
            func ask(_ query: String, _ vectors: String) async throws -> Reply {
                let lookup = "{\"collection\": \"other\", \"vector\": \"\(vectors)\"}"
                return try await server.send(
                    "POST", "/collections/c/points/query", "{\"query\": \(query), \"lookup_from\": \(lookup)}")
            }
            #expect(try await ask(#"{"recommend": {"positive": [1]}}"#, "o").ids == [1, 9])
            #expect(try await ask(#"{"recommend": {"positive": [1]}}"#, "none").status == 400)
            #expect(try await ask("[1, 0, 0, 0]", "none").status == 400)
            for query in ["2", #"{"recommend": {"positive": [2]}}"#, #"{"recommend": {"positive": [1, 2]}}"#] {
                let reply = try await ask(query, "none")
                #expect(reply.status == 404 && reply.error == "Not found: No point with id 2 found", "\(reply.text)")
            }
            let fused = #"{"prefetch": [{"query": 3}], "query": {"fusion": "rrf"}, "using": ""}"#
            let part = try await server.send("POST", "/collections/c/points/query", fused)
            #expect(part.error == "Not found: No point with id 3 found", "\(part.text)")
            let named = #"{"prefetch": [{"query": 1}], "query": {"fusion": "rrf"}, "using": ""}"#
            let whole = try await server.send("POST", "/collections/c/points/query", named)
            #expect(whole.status == 400 && whole.error.contains("'using'"), "\(whole.text)")
        }
    }

    @Test func aServerByItselfSaysSo() async throws {
        try await TestServer.run { server in
            for (method, path) in [("POST", "/cluster/recover"), ("DELETE", "/cluster/peer/1")] {
                let reply = try await server.send(method, path)
                #expect(reply.status == 405 && reply.error.contains("standalone mode"), "\(reply.text)")
            }
        }
    }
}
