import Files
import Foundation
import TestSupport
import Testing
import Towers

@testable import BelfryServer

/// Reranking over HTTP.
@Suite struct RerankCallTests {
    private static let fixtures = TestData.root + "/Tests/TowersTests/Fixtures"
    private static let texts = ["a red lamp", "steel bolts", "", "the bell of the tower", "a red lamp"]

    private static func run(_ families: [String], _ body: (TestServer, [Tower]) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/belfry-rerank-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var towers: [Tower] = []
        for family in families {
            towers.append(
                try Tower.importModel(
                    from: "\(fixtures)/tiny-rerankers/\(family)", to: "\(folder)/\(family).tower"))
        }
        try await TestServer.run({ $0.rerankers = towers.map(\.path) }) { try await body($0, towers) }
    }

    @Test func textsComeInTheOrderOfTheirScores() async throws {
        try await Self.run(["bert", "mpnet"]) { server, towers in
            let documents = Self.texts.map { "\"\($0)\"" }.joined(separator: ",")
            func ask(_ more: String) async throws -> Reply {
                try await server.send(
                    "POST", "/v1/rerank", "{\"query\": \"bell\", \"documents\": [\(documents)]\(more)}")
            }
            for (name, tower) in zip(["bert", "vendor/MPNet"], towers) {
                let scores = try tower.scores(of: Self.texts, for: "bell")
                let order = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
                let reply = try await ask(", \"model\": \"\(name)\", \"return_documents\": true")
                let results = reply.json["results"]?.array ?? []
                #expect(
                    reply.status == 200 && results.compactMap { $0["index"]?.integer } == order,
                    "\(reply.text)")
                for (result, index) in zip(results, order) {
                    #expect(result["relevance_score"]?.number.map { Float($0) } == scores[index])
                    #expect(result["document"]?["text"]?.string == Self.texts[index])
                }
                let best = try await ask(", \"model\": \"\(name)\", \"top_n\": 2")
                #expect(best.json["results"]?.array?.count == 2 && best.json["results"]?.array?[0]["document"] == nil)
            }
            let listed = try await server.send("GET", "/v1/models")
            #expect(listed.json["data"]?.array?.compactMap { $0["id"]?.string } == ["bert", "mpnet"], "\(listed.text)")
            // Far more than the model reads: cut, and answered.
            let long = String(repeating: "bell ", count: 200_000)
            let cut = try await server.send(
                "POST", "/v1/rerank",
                "{\"query\": \"\(long)\", \"documents\": [\"\(long)\", \"bell\"], \"model\": \"bert\"}")
            #expect(cut.status == 200 && cut.json["results"]?.array?.count == 2, "\(cut.text.prefix(200))")
            for (body, status) in [
                (#"{"documents": ["a"], "model": "bert"}"#, 400), (#"{"query": "a", "model": "bert"}"#, 400),
                (#"{"query": " ", "documents": ["a"], "model": "bert"}"#, 400),
                (#"{"query": "a", "documents": [], "model": "bert"}"#, 400),
                (#"{"query": "a", "documents": [7], "model": "bert"}"#, 400),
                (#"{"query": "a", "documents": ["a"], "model": "none"}"#, 404),
                (#"{"query": "a", "documents": ["a"]}"#, 400),
                (#"{"query": "a", "documents": ["a"], "model": "bert", "top_n": 0}"#, 422),
            ] {
                let refused = try await server.send("POST", "/v1/rerank", body)
                #expect(refused.status == status, "\(body): \(refused.status) \(refused.text)")
            }
        }
    }

    @Test func answersOfAQueryAreReranked() async throws {
        try await Self.run(["bert"]) { server, towers in
            try Tower.importModel(from: Self.fixtures + "/tiny-bert", to: server.data + "/tiny.tower")
            let made = try await server.send(
                "PUT", "/collections/shop", #"{"vectors": {"size": 36, "distance": "Cosine", "tower": "tiny"}}"#)
            #expect(made.status == 200, "\(made.text)")
            let titles = (0..<30).map { "\(["red", "green", "blue"][$0 % 3]) lamp number \($0)" }
            let points = titles.enumerated().map { number, title in
                #"{"id": \#(number), "vector": {"text": "\#(title)"}, "payload": {"title": "\#(title)", "even": \#(number % 2 == 0)}}"#
            }
            let written = try await server.send(
                "PUT", "/collections/shop/points?wait=true", "{\"points\": [\(points.joined(separator: ","))]}")
            #expect(written.status == 200, "\(written.text)")
            func ask(_ body: String) async throws -> Reply {
                try await server.send("POST", "/collections/shop/points/query", body)
            }
            let question = "a blue lamp"
            func expected(_ found: [Int]) throws -> [Int] {
                let scores = try towers[0].scores(of: found.map { titles[$0] }, for: question)
                // Titles of the same tokens score alike, and come in the order of their ids.
                return found.indices.sorted { (scores[$1], found[$0]) < (scores[$0], found[$1]) }.map { found[$0] }
            }
            let plain = try await ask(#"{"query": {"text": "\#(question)"}, "limit": 30}"#).ids
            let rerank = #""rerank": {"text": "\#(question)", "fields": ["title"], "top": 30}"#
            let reranked = try await ask("{\"query\": {\(rerank)}, \"limit\": 30}")
            #expect(try reranked.ids == expected(plain) && reranked.ids != plain, "\(reranked.text)")
            #expect(reranked.headers["x-reranked"] == "30/30")
            let page = try await ask("{\"query\": {\(rerank)}, \"limit\": 5, \"offset\": 10}")
            #expect(page.ids == Array(reranked.ids[10..<15]))
            let filter = #""filter": {"must": [{"key": "even", "match": {"value": true}}]}"#
            let even = try await ask("{\"query\": {\(rerank)}, \"limit\": 30, \(filter)}")
            #expect(try even.ids == expected(plain.filter { $0 % 2 == 0 }))
            let prefetch = #""prefetch": {"query": {"text": "green"}, "limit": 6}"#
            let green = try await ask(#"{"query": {"text": "green"}, "limit": 6}"#).ids
            #expect(try await ask("{\(prefetch), \"query\": {\(rerank)}}").ids == expected(green))
            for (body, status) in [
                (#"{"query": {"rerank": {"text": ""}}}"#, 400), (#"{"query": {"rerank": {}}}"#, 400),
                (#"{"query": {"rerank": {"text": "a", "fields": []}}}"#, 400),
                (#"{"query": {"rerank": {"text": "a", "model": "none"}}}"#, 404),
                (#"{"query": {"rerank": {"text": "a", "fields": ["title"], "top": 0}}}"#, 422),
                (#"{"query": {"rerank": {"text": "a"}}}"#, 400),
                (
                    #"{"prefetch": [{"query": 1}, {"query": 2}], "query": {"rerank": {"text": "a", "fields": ["title"]}}}"#,
                    400
                ),
            ] {
                let refused = try await ask(body)
                #expect(refused.status == status, "\(body): \(refused.status) \(refused.text)")
            }
        }
    }
}
