import Files
import Testing

@testable import BelfryServer

/// Searches by words over HTTP.
@Suite struct WordCallTests {
    private static let points = #"""
        {"points": [
          {"id": 1, "vector": [1, 0], "payload": {"title": "red lamp", "note": "for the desk"}},
          {"id": 2, "vector": [0, 1], "payload": {"title": "running shoes", "note": ["red", "lamp lamp"]}},
          {"id": 3, "vector": [1, 1], "payload": {"title": "blue table"}}]}
        """#
    private static let query = "/collections/shop/points/query"

    @Test func wordsAreSearchedAndFollowThePayload() async throws {
        try await TestServer.run { server in
            let words = #"{"words": {"words": {"fields": {"title": 3, "note": 1}, "language": "english"}}}"#
            let made = try await server.send(
                "PUT", "/collections/shop",
                #"{"vectors": {"size": 2, "distance": "Euclid"}, "sparse_vectors": \#(words)}"#)
            #expect(made.status == 200, "\(made.text)")
            #expect(try await server.send("PUT", "/collections/shop/points", Self.points).status == 200)
            func ids(_ body: String) async throws -> [Int] {
                let answer = try await server.send("POST", Self.query, body)
                #expect(answer.status == 200, "\(answer.text)")
                return answer.ids
            }
            #expect(try await ids(#"{"query": {"text": "LAMPS"}, "using": "words"}"#) == [1, 2])
            #expect(try await ids(#"{"query": {"text": "runs", "model": "qdrant/bm25"}, "using": "words"}"#) == [2])
            #expect(try await ids(#"{"query": 1, "using": "words"}"#) == [2])
            #expect(try await ids(#"{"query": {"hybrid": 1, "words": 1}, "limit": 1}"#) == [2])
            #expect(try await ids(#"{"query": {"hybrid": 1, "words": 0}, "limit": 1}"#) == [3])
            #expect(try await Set(ids(#"{"query": {"hybrid": 1}}"#)) == [2, 3])
            let prefetch = #"[{"query": {"text": "table"}, "using": "words"}, {"query": [1, 0], "limit": 1}]"#
            #expect(try await Set(ids(#"{"prefetch": \#(prefetch), "query": {"fusion": "rrf"}}"#)) == [1, 3])
            // No change of anything else changes how words are weighed, and nobody changes the words themselves.
            let lamp = #"{"query": {"text": "red lamp"}, "using": "words"}"#
            let before = try await server.send("POST", Self.query, lamp).result
            for (body, status) in [
                ("{}", 200), (#"{"metadata": {"a": 1}}"#, 200),
                (#"{"sparse_vectors": {"words": {"modifier": "none"}}}"#, 400),
                (#"{"sparse_vectors": {"words": {"words": {"fields": ["n"]}}}}"#, 400),
            ] {
                #expect(try await server.send("PATCH", "/collections/shop", body).status == status, "\(body)")
            }
            #expect(try await server.send("POST", Self.query, lamp).result == before)
            let payload = #"{"payload": {"title": "purple giraffe"}, "points": [3]}"#
            #expect(try await server.send("POST", "/collections/shop/points/payload", payload).status == 200)
            #expect(try await ids(#"{"query": {"text": "giraffes"}, "using": "words"}"#) == [3])
            #expect(try await ids(#"{"query": {"text": "table"}, "using": "words"}"#).isEmpty)
            let info = try await server.send("GET", "/collections/shop")
            let told = info.result["config"]?["params"]?["sparse_vectors"]?["words"]
            #expect(told?["words"]?["fields"]?["title"]?.number == 3, "\(info.text)")
        }
    }

    @Test func wordsComeToACollectionThatIsThere() async throws {
        try await TestServer.run { server in
            let made = #"{"vectors": {"size": 2, "distance": "Euclid"}}"#
            #expect(try await server.send("PUT", "/collections/shop", made).status == 200)
            #expect(try await server.send("PUT", "/collections/shop/points", Self.points).status == 200)
            let added = try await server.send(
                "PUT", "/collections/shop/vectors/words", #"{"sparse": {"words": {"fields": ["title"]}}}"#)
            #expect(added.status == 200, "\(added.text)")
            let found = try await server.send("POST", Self.query, #"{"query": {"text": "lamp"}, "using": "words"}"#)
            #expect(found.ids == [1], "\(found.text)")
        }
    }

    @Test func whatCannotBeIsRefused() async throws {
        try await TestServer.run { server in
            func make(_ words: String) async throws -> Reply {
                try await server.send(
                    "PUT", "/collections/shop",
                    #"{"vectors": {"size": 2, "distance": "Dot"}, "sparse_vectors": {"w": {"words": \#(words)}}}"#)
            }
            for words in [
                "{}", #"{"fields": []}"#, #"{"fields": [1]}"#, #"{"fields": {"a": -1}}"#, #"{"fields": {"a": "x"}}"#,
                #"{"fields": ["a"], "language": "klingon"}"#, #"{"fields": ["a"], "b": 7}"#, #"{"fields": ["a", "a"]}"#,
                "[]", "7",
            ] {
                let refused = try await make(words)
                #expect((400..<500).contains(refused.status), "\(words): \(refused.text)")
            }
            #expect(try await make(#"{"fields": ["title"]}"#).status == 200)
            for (path, body, said) in [
                (
                    "/collections/shop/points?wait=true",
                    #"{"points": [{"id": 1, "vector": {"w": {"indices": [1], "values": [1]}}}]}"#,
                    "words of the payload"
                ),
                (Self.query, #"{"query": {"text": "a", "model": "minilm"}, "using": "w"}"#, "bm25"),
                (Self.query, #"{"query": {"hybrid": {"text": "a"}, "words": 2}}"#, "0.0 to 1.0"),
                (Self.query, #"{"query": {"hybrid": {"text": "a"}}}"#, "tower"),
            ] {
                let refused = try await server.send(path == Self.query ? "POST" : "PUT", path, body)
                #expect((400..<500).contains(refused.status) && refused.text.contains(said), "\(body): \(refused.text)")
            }
        }
    }
}
