import Belfry
import Files
import Foundation
import Synchronization
import Testing

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
                        while !shared.isDone.load(ordering: .relaxed) {
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
