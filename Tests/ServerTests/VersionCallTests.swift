import Belfry
import Files
import Foundation
import Synchronization
import TestSupport
import Testing
import Towers

@testable import BelfryServer

/// Kinds of vector that come and go, and versions behind aliases.
@Suite(.serialized) struct VersionCallTests {
    /// Two versions of twenty points: what is near in one is far in the other.
    private static func fill(_ server: TestServer) async throws {
        let body = #"{"vectors": {"size": 2, "distance": "Euclid"}}"#
        #expect(try await server.send("PUT", "/collections/shop", body).status == 200)
        let second = #"{"dense": {"size": 3, "distance": "Euclid"}}"#
        #expect(try await server.send("PUT", "/collections/shop/vectors/%40v2?wait=true", second).status == 200)
        let points = (0..<20).map { #"{"id": \#($0), "vector": {"": [\#($0), 0], "@v2": [\#((19 - $0) * 10), 0, 0]}}"# }
        let written = try await server.send(
            "PUT", "/collections/shop/points?wait=true", "{\"points\": [\(points.joined(separator: ","))]}")
        #expect(written.status == 200, "\(written.text)")
    }

    @Test func kindsOfVectorComeAndGo() async throws {
        try await TestServer.run { server in
            let body = #"{"vectors": {"a": {"size": 2, "distance": "Dot"}}}"#
            #expect(try await server.send("PUT", "/collections/shop", body).status == 200)
            let path = "/collections/shop/vectors"
            #expect(
                try await server.send("PUT", path + "/b", #"{"dense": {"size": 3, "distance": "Cosine"}}"#).status
                    == 200)
            #expect(try await server.send("PUT", path + "/c", #"{"sparse": {"modifier": "idf"}}"#).status == 200)
            let info = try await server.send("GET", "/collections/shop").result["config"]?["params"]
            #expect(info?["vectors"]?["b"] == ["size": 3, "distance": "Cosine"])
            #expect(info?["sparse_vectors"] == ["c": ["modifier": "idf"]])
            let point =
                #"{"points": [{"id": 1, "vector": {"a": [1, 2], "b": [1, 0, 0], "c": {"indices": [4], "values": [1]}}}]}"#
            #expect(try await server.send("PUT", "/collections/shop/points", point).status == 200)
            for (name, query) in [("b", "[1, 0, 0]"), ("c", #"{"indices": [4], "values": [2]}"#)] {
                let found = try await server.send(
                    "POST", "/collections/shop/points/query", #"{"query": \#(query), "using": "\#(name)"}"#)
                #expect(found.ids == [1], "\(found.text)")
            }
            #expect(try await server.send("DELETE", path + "/a").status == 200)
            #expect(try await server.send("DELETE", path + "/a").status == 400)
            let left = try await server.send("GET", "/collections/shop").result["config"]?["params"]
            #expect(left?["vectors"] == ["b": ["size": 3, "distance": "Cosine"]])
            let read = try await server.send("POST", "/collections/shop/points", #"{"ids": [1], "with_vector": true}"#)
            #expect(read.result.array?.first?["vector"]?.names.sorted() == ["b", "c"], "\(read.text)")
            for wrong in [
                "{}", #"{"dense": {"size": 0, "distance": "Dot"}}"#, #"{"dense": {"size": 70000, "distance": "Dot"}}"#,
            ] {
                let refused = try await server.send("PUT", path + "/d", wrong)
                #expect([400, 422].contains(refused.status), "\(refused.text)")
            }
            #expect(
                try await server.send("PUT", path + "/b", #"{"dense": {"size": 3, "distance": "Dot"}}"#).status == 409)
        }
    }

    @Test func aVersionIsAskedByItsNameOrBehindAnAlias() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            func nearest(_ name: String, _ vector: String) async throws -> [Int] {
                try await server.send(
                    "POST", "/collections/\(name)/points/query", #"{"query": \#(vector), "limit": 2}"#
                ).ids
            }
            #expect(try await nearest("shop", "[0, 0]") == [0, 1])
            #expect(try await nearest("shop@v2", "[0, 0, 0]") == [19, 18])
            #expect(try await server.send("POST", "/collections/shop@v3/points/query", "{}").status == 404)
            let alias = #"{"actions": [{"create_alias": {"alias_name": "now", "collection_name": "shop@v2"}}]}"#
            #expect(try await server.send("POST", "/collections/aliases", alias).status == 200)
            #expect(try await nearest("now", "[0, 0, 0]") == [19, 18])
            // The command line's aliases are the same.
            try Aliases.change([("now", .init("shop"))], in: server.data)
            #expect(try await nearest("now", "[0, 0]") == [0, 1])
            let missing = #"{"actions": [{"create_alias": {"alias_name": "other", "collection_name": "shop@v9"}}]}"#
            #expect(try await server.send("POST", "/collections/aliases", missing).status == 404)
            #expect(try Aliases(of: server.data).targets.keys.sorted() == ["now"])
        }
    }

    /// A log of recommendations is asked again on the version that they are of.
    @Test func aReplayAsksTheSameVersion() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            // In one version alone the nearest is gone.
            let gone = try await server.send(
                "POST", "/collections/shop/points/vectors/delete?wait=true", #"{"points": [1], "vector": ["@v2"]}"#)
            #expect(gone.status == 200, "\(gone.text)")
            for (asked, found) in [("shop", 1), ("shop@v2", 2)] {
                let reply = try await server.send(
                    "POST", "/collections/\(asked)/recommend", #"{"like": [0], "limit": 1}"#)
                #expect(reply.ids == [found], "\(reply.text)")
            }
            let folder = server.data + "/.serve/feedback"
            let logs = try FeedbackLog.files(in: folder).map { "\(folder)/\($0)" }
            let replay = try FeedbackReplay(
                logs, of: FeedbackReport(logs), on: VectorCollection(server.data + "/shop.belfry"))
            #expect(replay.same == 2 && replay.different.isEmpty && replay.refused.isEmpty, "\(replay)")
        }
    }

    /// Whoever writes texts writes to all versions, whichever one is named.
    @Test func textsGoIntoEveryVersion() async throws {
        try await TestServer.run { server in
            let model = TestData.root + "/Tests/TowersTests/Fixtures/tiny-bert"
            try Tower.importModel(from: model, to: server.data + "/tiny.tower")
            try Tower.importModel(from: model, to: server.data + "/small.tower", dimension: 20, force: true)
            let body = #"{"vectors": {"size": 36, "distance": "Cosine", "tower": "tiny"}}"#
            let made = try await server.send("PUT", "/collections/shop", body)
            #expect(made.status == 200, "\(made.text)")
            let second = #"{"dense": {"size": 20, "distance": "Cosine", "tower": "small"}}"#
            let added = try await server.send("PUT", "/collections/shop/vectors/%40v2", second)
            #expect(added.status == 200, "\(added.text)")
            for (id, name) in ["shop", "shop@v2"].enumerated() {
                let point = #"{"points": [{"id": \#(id), "vector": {"text": "thing \#(id)"}, "payload": {"n": 1}}]}"#
                let written = try await server.send("PUT", "/collections/\(name)/points", point)
                #expect(written.status == 200, "\(written.text)")
                let read = try await server.send(
                    "POST", "/collections/shop/points", #"{"ids": [\#(id)], "with_vector": true}"#)
                let vectors = read.result.array?.first?["vector"]
                #expect(vectors?[""]?.array?.count == 36 && vectors?["@v2"]?.array?.count == 20, "\(read.text)")
                for asked in ["shop", "shop@v2"] {
                    let query = #"{"query": {"text": "thing \#(id)"}, "limit": 1}"#
                    #expect(try await server.send("POST", "/collections/\(asked)/points/query", query).ids == [id])
                }
            }
            // An answer names the tower of the vectors that were searched.
            for (asked, tower) in [("shop", "tiny.tower"), ("shop@v2", "small.tower")] {
                let query = #"{"query": {"text": "thing"}, "limit": 1}"#
                let found = try await server.send(
                    "POST", "/collections/\(asked)/points/query", query, ["x-explain": "true"])
                #expect(found.result["trace"]?["served_by"]?["tower"]?["name"]?.string == tower, "\(found.text)")
                let liked = try await server.send("POST", "/collections/\(asked)/recommend", #"{"like": [0]}"#)
                #expect(liked.ids == [1] && liked.result["served_by"]?["tower"]?["name"]?.string == tower)
            }
            for model in ["tiny", "vendor/Tiny", "small", "shop", "tiny"] {
                let embedded = try await server.send(
                    "POST", "/v1/embeddings", #"{"model": "\#(model)", "input": "thing"}"#)
                let count = embedded.json["data"]?.array?.first?["embedding"]?.array?.count
                #expect(count == (model == "small" ? 20 : 36), "\(embedded.text)")
            }
            // A model whose collection is gone is none.
            #expect(try await server.send("DELETE", "/collections/shop").status == 200)
            let gone = try await server.send("POST", "/v1/embeddings", #"{"model": "tiny", "input": "thing"}"#)
            #expect(gone.status == 404, "\(gone.text)")
        }
    }

    /// Requests of all kinds while the kinds of vector that they name come and go: answers or refusals.
    @Test func kindsComeAndGoWhileTheyAreAsked() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            let shared = Shared()
            let asked = [
                ("points/query", #"{"query": [1, 2, 3, 4], "using": "x", "limit": 3}"#),
                ("points/query", #"{"query": {"recommend": {"positive": [1, 2]}}, "using": "x"}"#),
                ("points/query", #"{"query": 5, "using": "x", "with_vector": ["x"]}"#),
                ("points/query", #"{"query": [1, 2, 3], "using": "@v2", "limit": 3, "with_vector": true}"#),
                ("points/search/matrix/pairs", #"{"using": "x", "sample": 5}"#),
                ("points/scroll", #"{"filter": {"must": [{"has_vector": "x"}]}, "with_vector": true}"#),
                (
                    "points/batch",
                    #"{"operations": [{"update_vectors": {"points": [{"id": 3, "vector": {"x": [1, 2, 3, 4]}}]}}]}"#
                ),
                ("points/vectors/delete", #"{"points": [4], "vector": ["x"]}"#),
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (path, body) in asked {
                    group.addTask {
                        while !shared.isDone.load(ordering: .relaxed), !Task.isCancelled {
                            let reply = try await server.send("POST", "/collections/shop/\(path)", body)
                            #expect([200, 400, 404, 409, 422].contains(reply.status), "\(path) \(body): \(reply.text)")
                        }
                    }
                }
                for round in 0..<30 {
                    let kind = #"{"dense": {"size": \#(round % 2 == 0 ? 4 : 3), "distance": "Dot"}}"#
                    #expect(try await server.send("PUT", "/collections/shop/vectors/x", kind).status == 200)
                    let vector = round % 2 == 0 ? "[1, 2, 3, 4]" : "[1, 2, 3]"
                    let points =
                        #"{"points": [{"id": 5, "vector": {"x": \#(vector)}}, {"id": 6, "vector": {"x": \#(vector)}}]}"#
                    #expect(try await server.send("PUT", "/collections/shop/points/vectors", points).status == 200)
                    #expect(try await server.send("DELETE", "/collections/shop/vectors/x").status == 200)
                }
                shared.isDone.store(true, ordering: .relaxed)
                try await group.waitForAll()
            }
            let found = try await server.send(
                "POST", "/collections/shop/points/query", #"{"query": [0, 0], "limit": 2}"#)
            #expect(found.ids == [0, 1])
        }
    }

    @Test func aDamagedFileOfAliasesIsToldAndHarmsNoName() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            try Data("{\"now\": ".utf8).write(to: URL(fileURLWithPath: server.data + "/aliases.json"))
            #expect(try await server.send("GET", "/collections/shop").status == 200)
            let alias = try await server.send("GET", "/collections/now")
            #expect(alias.status == 500, "\(alias.text)")
            let change = #"{"actions": [{"create_alias": {"alias_name": "now", "collection_name": "shop"}}]}"#
            #expect(try await server.send("POST", "/collections/aliases", change).status == 500)
            try FileManager.default.removeItem(atPath: server.data + "/aliases.json")
            #expect(try await server.send("POST", "/collections/aliases", change).status == 200)
            #expect(try await server.send("GET", "/collections/now").status == 200)
            for name in ["", "a@b", "a/b", "..", "shop"] {
                let wrong = #"{"actions": [{"create_alias": {"alias_name": "\#(name)", "collection_name": "shop"}}]}"#
                let refused = try await server.send("POST", "/collections/aliases", wrong)
                #expect([409, 422].contains(refused.status), "\(name): \(refused.text)")
            }
        }
    }

    /// What readers and the one who switches tell each other.
    private final class Shared: Sendable {
        let isDone = Atomic(false)
        let asked = Mutex([0, 0])
    }

    @Test func anAliasIsSwitchedUnderReaders() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            let shared = Shared()
            func alias(_ target: String) -> String {
                #"{"actions": [{"create_alias": {"alias_name": "now", "collection_name": "\#(target)"}}]}"#
            }
            #expect(try await server.send("POST", "/collections/aliases", alias("shop")).status == 200)
            // What is near a point is so in both versions; in the second it is ten times as far.
            let query = #"{"query": 5, "limit": 4}"#
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        while !shared.isDone.load(ordering: .relaxed), !Task.isCancelled {
                            let reply = try await server.send("POST", "/collections/now/points/query", query)
                            let scores = reply.points.compactMap { $0["score"]?.number }
                            let isSecond = scores.first == 10
                            #expect(reply.status == 200 && scores == (isSecond ? [10, 10, 20, 20] : [1, 1, 2, 2]))
                            shared.asked.withLock { $0[isSecond ? 1 : 0] += 1 }
                        }
                    }
                }
                for round in 0..<200 {
                    let reply = try await server.send(
                        "POST", "/collections/aliases", alias(round % 2 == 0 ? "shop@v2" : "shop"))
                    #expect(reply.status == 200, "\(reply.text)")
                }
                shared.isDone.store(true, ordering: .relaxed)
                try await group.waitForAll()
            }
            #expect(shared.asked.withLock { $0.allSatisfy { $0 > 0 } })
        }
    }
}
