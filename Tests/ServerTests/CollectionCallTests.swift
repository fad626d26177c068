import Belfry
import Files
import Foundation
import Logging
import Testing

@testable import BelfryServer

@Suite(.serialized) struct CollectionCallTests {
    private static let body = #"""
        {"vectors": {"size": 4, "distance": "Dot", "on_disk": true}, "sparse_vectors": {"words": {}},
         "metadata": {"recall": 0.9, "owner": "tests"}}
        """#

    @Test func aCollectionIsMadeToldChangedAndRemoved() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            #expect(try await server.send("PUT", "/collections/shop", Self.body).status == 200)
            let again = try await server.send("PUT", "/collections/shop", Self.body)
            #expect(again.status == 409 && again.error.contains("already exists"))
            let info = try await server.send("GET", "/collections/shop").result
            #expect(info["config"]?["params"]?["vectors"] == ["size": 4, "distance": "Dot", "on_disk": true])
            #expect(info["config"]?["hnsw_config"]?["m"] == 16 && info["points_count"] == 0)
            let change = #"{"metadata": {"owner": null, "season": 1}, "hnsw_config": {"m": 32}}"#
            #expect(try await server.send("PATCH", "/collections/shop", change).status == 200)
            let changed = try await server.send("GET", "/collections/shop").result["config"]
            #expect(changed?["metadata"] == ["recall": 0.9, "season": 1] && changed?["hnsw_config"]?["m"] == 32)
            #expect(try await server.send("GET", "/collections/shop/exists").result == ["exists": true])
            #expect(try await server.send("GET", "/collections").result == ["collections": [["name": "shop"]]])
            #expect(try await server.send("DELETE", "/collections/shop").result == true)
            #expect(try await server.send("DELETE", "/collections/shop").result == false)
            #expect(try await server.send("GET", "/collections/shop").status == 404)
            let left = try FileManager.default.contentsOfDirectory(atPath: server.data + "/.serve")
            #expect(!left.contains { $0.hasPrefix("deleted") })
        }
    }

    @Test func namesMayNeedEncodingAndNeverLeaveTheFolder() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            for name in ["a%20b", "%C3%BC", "50%25", "a%23b", "snapshots", "aliases"] {
                #expect(try await server.send("PUT", "/collections/\(name)", Self.body).status == 200, "\(name)")
                #expect(try await server.send("GET", "/collections/\(name)/exists").result["exists"] == true, "\(name)")
            }
            for name in ["..", ".hidden", "..%2Fx", "a%2Fb", "%00", "a%5Cb", "%20", String(repeating: "x", count: 221)]
            {
                let reply = try await server.send("PUT", "/collections/\(name)", Self.body)
                #expect((400..<500).contains(reply.status), "\(name): \(reply.status)")
            }
            #expect(try await server.send("PUT", "/collections/%ff", Self.body).status == 400)
        }
    }

    @Test func aliasesChangeTogetherOrNotAtAll() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            for name in ["one", "two"] { _ = try await server.send("PUT", "/collections/\(name)", Self.body) }
            let make = #"{"actions": [{"create_alias": {"alias_name": "now", "collection_name": "one"}}]}"#
            #expect(try await server.send("POST", "/collections/aliases", make).status == 200)
            let half = #"""
                {"actions": [{"create_alias": {"alias_name": "now", "collection_name": "two"}},
                             {"create_alias": {"alias_name": "then", "collection_name": "three"}}]}
                """#
            #expect(try await server.send("POST", "/collections/aliases", half).status == 404)
            let listed: JSON = ["aliases": [["alias_name": "now", "collection_name": "one"]]]
            #expect(try await server.send("GET", "/aliases").result == listed)
            #expect(try await server.send("GET", "/collections/now/aliases").result == listed)
            #expect(try await server.send("GET", "/collections/now").status == 200)
            #expect(try await server.send("PUT", "/collections/now", Self.body).status == 400)
            #expect(try await server.send("DELETE", "/collections/one").result == true)
            #expect(try await server.send("GET", "/aliases").result == ["aliases": []])
        }
    }

    /// What another process writes is read, though not at once; here nothing can be written meanwhile.
    @Test func aCollectionThatAnotherProcessWritesToIsRead() async throws {
        try await TestServer.run { server in
            let writer = try VectorCollection.create(server.data + "/shop.belfry", .init(dimension: 2, metric: .l2))
            try await writer.upsert([WrittenPoint(id: "1", vector: [1, 0])])
            let query = #"{"query": [0, 0], "limit": 5}"#
            let path = "/collections/shop/points/query"
            #expect(try await server.send("POST", path, query).ids == [1])
            try await writer.upsert([WrittenPoint(id: "2", vector: [2, 0])])
            let write = #"{"points": [{"id": 3, "vector": [3, 0]}]}"#
            let refused = try await server.send("PUT", "/collections/shop/points?wait=true", write)
            #expect(refused.status >= 400, "\(refused.text)")
            var found: [Int] = []
            for _ in 0..<600 where found != [1, 2] {
                found = try await server.send("POST", path, query).ids
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(found == [1, 2])
            try await writer.close()
            var status = 0
            for _ in 0..<600 where status != 200 {
                status = try await server.send("PUT", "/collections/shop/points?wait=true", write).status
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(status == 200)
            let written = try await server.send("POST", path, query)
            #expect(written.ids == [1, 2, 3])
        }
    }

    @Test func whatIsThereOutlivesTheServer() async throws {
        let data = FileManager.default.temporaryDirectory.path + "/belfry-server-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: data) }
        try await TestServer.run(keeping: data) { (server: TestServer) async throws -> Void in
            _ = try await server.send("PUT", "/collections/shop", Self.body)
            let points = #"{"points": [{"id": 7, "vector": [1, 0, 0, 0], "payload": {"a": 1}}]}"#
            #expect(try await server.send("PUT", "/collections/shop/points?wait=true", points).status == 200)
            _ = try await server.send(
                "POST", "/collections/aliases",
                #"{"actions": [{"create_alias": {"alias_name": "now", "collection_name": "shop"}}]}"#)
            // A second server of the same folder.
            #expect(throws: BelfryError.self) { _ = try BelfryServer(.init(data: data), logger: Logger(label: "test")) }
        }
        // A collection that cannot be opened is nobody else's concern.
        let broken = data + "/broken.belfry"
        try FileManager.default.createDirectory(atPath: broken, withIntermediateDirectories: true)
        try Data("no catalogue".utf8).write(to: URL(fileURLWithPath: broken + "/catalog.sqlite"))
        try await TestServer.run(keeping: data) { (server: TestServer) async throws -> Void in
            #expect(try await server.send("GET", "/collections/now/points/7").result["payload"] == ["a": 1])
            let info = try await server.send("GET", "/collections/shop").result
            #expect(info["config"]?["metadata"]?["owner"] == "tests")
            #expect(try await server.send("GET", "/collections/broken").status == 500)
            #expect(try await server.send("GET", "/collections").result["collections"]?.array?.count == 2)
        }
    }
}
