import Files
import Foundation
import TestSupport
import Testing
import Towers
import Vectors

@testable import BelfryServer

/// Embeddings of texts and of tokens, for many callers at once.
@Suite(.serialized) struct EmbeddingCallTests {
    private static let model = TestData.root + "/Tests/TowersTests/Fixtures/tiny-bert"

    private static func run(_ body: (TestServer, Tower) async throws -> Void) async throws {
        try await TestServer.run { server in
            try Tower.importModel(from: model, to: server.data + "/tiny.tower")
            let made = try await server.send(
                "PUT", "/collections/shop", #"{"vectors": {"size": 36, "distance": "Cosine", "tower": "tiny"}}"#)
            #expect(made.status == 200, "\(made.text)")
            try await body(server, Tower.load(server.data + "/tiny.tower"))
        }
    }

    private static func vector(_ json: JSON?) -> [Float] { (json?.array ?? []).map { Float($0.number ?? .nan) } }

    private static func areClose(_ first: [Float], _ second: [Float]) -> Bool {
        first.count == second.count && zip(first, second).allSatisfy { abs($0 - $1) < 1e-5 }
    }

    /// However their texts are put together, each caller gets the vectors of its own.
    @Test func callersAtOnceGetTheirOwn() async throws {
        try await Self.run { server, tower in
            let words = ["red", "shoe", "warm", "glove", "a", "thing", "of", "winter"]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<40 {
                    group.addTask {
                        let count = caller % 8 == 0 ? 150 : 1 + caller % 3
                        let texts = (0..<count).map { number in
                            (0...(caller + number) % 9).map { words[($0 * 7 + caller + number) % words.count] }.joined(
                                separator: " ")
                        }
                        let body: JSON = ["model": "tiny", "input": .array(texts.map { .string($0) })]
                        let reply = try await server.send("POST", "/v1/embeddings", body.text())
                        let data = reply.json["data"]?.array ?? []
                        #expect(reply.status == 200 && data.count == count)
                        let expected = try tower.embed(texts, as: .document, threads: 1)
                        for (row, element) in data.enumerated() {
                            #expect(element["index"]?.integer == row)
                            #expect(
                                Self.areClose(Self.vector(element["embedding"]), Array(expected.row(row))), "\(caller)")
                        }
                        let tokens = texts.reduce(0) { $0 + tower.tokenCount(of: $1) }
                        #expect(reply.json["usage"]?["prompt_tokens"]?.integer == tokens)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// Who embeds by a collection's tower holds nothing of it when it is removed or replaced: the next one is written to.
    @Test func aCollectionThatCameBackIsWrittenTo() async throws {
        try await Self.run { server, _ in
            func embed() async throws -> Int {
                try await server.send("POST", "/v1/embeddings", #"{"model": "tiny", "input": "red shoe"}"#).status
            }
            #expect(try await embed() == 200)
            let made = try await server.send("POST", "/collections/shop/snapshots", "")
            let name = try #require(made.result["name"]?.string)
            #expect(try await server.send("DELETE", "/collections/shop").status == 200)
            #expect(try await embed() == 404)
            let location = #"{"location": "file://\#(server.data)/.serve/snapshots/shop/\#(name)"}"#
            for _ in 0..<2 {
                let recovered = try await server.send("PUT", "/collections/shop/snapshots/recover", location)
                #expect(recovered.status == 200, "\(recovered.text)")
                #expect(try await embed() == 200)
                let written = try await server.send(
                    "PUT", "/collections/shop/points", #"{"points": [{"id": 1, "vector": {"text": "glove"}}]}"#)
                #expect(written.status == 200, "\(written.text)")
            }
            // Under an alias nothing is recovered: it would be another collection beside the one that is meant.
            let alias = #"{"actions": [{"create_alias": {"alias_name": "now", "collection_name": "shop"}}]}"#
            #expect(try await server.send("POST", "/collections/aliases", alias).status == 200)
            let refused = try await server.send("PUT", "/collections/now/snapshots/recover", location)
            #expect(refused.status == 400 && refused.error.contains("alias"), "\(refused.text)")
        }
    }

    @Test func tokensAreThoseOfTheTower() async throws {
        try await Self.run { server, tower in
            let tokenizer = try Tokenizers.load(folder: Self.model)
            let texts = ["red shoe", "a thing of winter", "glove"]
            let ids = texts.map { tokenizer.encode($0) }
            let expected = try tower.embed(texts, threads: 1)
            func ask(_ input: String) async throws -> Reply {
                try await server.send("POST", "/v1/embeddings", #"{"model": "tiny", "input": \#(input)}"#)
            }
            let all = try await ask("\(ids)")
            #expect(all.status == 200, "\(all.text)")
            for (row, element) in (all.json["data"]?.array ?? []).enumerated() {
                #expect(Self.areClose(Self.vector(element["embedding"]), Array(expected.row(row))))
            }
            let one = try await ask("\(ids[1])")
            #expect(Self.areClose(Self.vector(one.json["data"]?.array?.first?["embedding"]), Array(expected.row(1))))
            let count = tokenizer.encode("").count
            #expect(one.json["usage"]?["prompt_tokens"]?.integer == ids[1].count && count == 2)
            // Ids of another tokenizer are told, and so is what is none.
            let (first, last) = (ids[0].first!, ids[0].last!)
            for wrong in [
                "[9906, 1917]", "[[9906, 1917], \(ids[0])]", "[\(first), 100000, \(last)]", "[\(first), -1, \(last)]",
                "[\(first)]", "[[]]", "[1.5]", #"[1, "a"]"#, #"["a", 1]"#, "[[1], \"a\"]",
                "[\(first), 4294967296, \(last)]",
                "\([first] + [Int32](repeating: last, count: 5_000))",
            ] {
                let refused = try await ask(wrong)
                #expect(refused.status == 400, "\(wrong.prefix(60)): \(refused.text.prefix(300))")
            }
        }
    }
}
