import Files
import Foundation
import TestSupport
import Testing

@testable import BelfryServer

/// What clients of the interface count on beside the answers to their searches: what a change of a collection does, where a
/// mistake is told, what the server says of itself.
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
}
