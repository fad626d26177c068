import Belfry
import Files
import TestSupport
import Testing

@testable import BelfryServer

@Suite(.serialized) struct QueryCallTests {
    /// 60 points with two components, a color and a number.
    private func fill(_ server: TestServer) async throws -> [[Float]] {
        var random = SeededGenerator(seed: 17)
        let vectors = (0..<60).map { _ in
            [Float.random(in: -1...1, using: &random), .random(in: -1...1, using: &random)]
        }
        _ = try await server.send("PUT", "/collections/c", #"{"vectors": {"size": 2, "distance": "Dot"}}"#)
        let points = vectors.enumerated().map { id, vector in
            #"{"id": \#(id), "vector": [\#(vector[0]), \#(vector[1])], "payload": {"n": \#(id), "even": \#(id % 2 == 0)}}"#
        }
        let body = #"{"points": [\#(points.joined(separator: ","))]}"#
        #expect(try await server.send("PUT", "/collections/c/points?wait=true", body).status == 200)
        return vectors
    }

    private func nearest(_ vectors: [[Float]], _ query: [Float], where keeps: (Int) -> Bool = { _ in true }) -> [Int] {
        vectors.indices.filter(keeps).sorted {
            let (a, b) = (
                vectors[$0][0] * query[0] + vectors[$0][1] * query[1],
                vectors[$1][0] * query[0] + vectors[$1][1] * query[1]
            )
            return a > b
        }
    }

    @Test func aQueryIsExplainedWhereThatIsAskedFor() async throws {
        try await TestServer.run { server in
            let body = #"{"vectors": {"size": 2, "distance": "Euclid"}}"#
            #expect(try await server.send("PUT", "/collections/shop", body).status == 200)
            let points = (0..<20).map { #"{"id": \#($0), "vector": [\#($0), 0], "payload": {"n": \#($0)}}"# }
            let written = try await server.send(
                "PUT", "/collections/shop/points?wait=true", "{\"points\": [\(points.joined(separator: ","))]}")
            #expect(written.status == 200)
            let path = "/collections/shop/points/query"
            let query = #"{"query": [3, 0], "limit": 4, "filter": {"must": [{"key": "n", "range": {"lt": 5}}]}}"#
            let explained = try await server.send("POST", path, query, ["x-explain": "true"])
            let trace = explained.result["trace"]
            #expect(explained.ids == [3, 2, 4, 1] && trace?["answers"] == 4, "\(explained.text)")
            #expect(trace?["points"] == 20 && trace?["passing"] == 5 && trace?["index"]?.string != nil)
            #expect(trace?["served_by"]?["collection"] == "shop")
            #expect(try await server.send("POST", path, query).result["trace"] == nil)
            let page = try await server.send("POST", path, #"{"limit": 2}"#, ["x-explain": "true"])
            #expect(page.ids == [0, 1] && page.result["trace"] == .null, "\(page.text)")
            let batch = try await server.send(
                "POST", path + "/batch", #"{"searches": [\#(query), {"limit": 1}]}"#, ["x-explain": "true"])
            #expect(batch.result.array?.map { $0["trace"]?["passing"]?.integer } == [5, nil], "\(batch.text)")
            #expect(try await server.send("POST", path, query, ["x-explain": "yes"]).status == 422)
        }
    }

    /// What was found by asking Qdrant's engine the same: see Tests/Clients/differential.
    @Test func pagesOrdersAndPartsOfAFusion() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            _ = try await fill(server)
            let path = "/collections/c/points/query"
            // A prefetch without a query is in the order of the ids.
            let fused = try await server.send(
                "POST", path, #"{"prefetch": [{"limit": 4}], "query": {"fusion": "rrf"}, "limit": 10}"#)
            #expect(fused.ids == [0, 1, 2, 3])
            let beside = try await server.send(
                "POST", path, #"{"prefetch": [{"limit": 4}, {"query": 1, "limit": 1}], "query": {"fusion": "rrf"}}"#)
            #expect(Set(beside.ids).isSuperset(of: [0, 2, 3, 4]) && !beside.ids.contains(1))
            // No part of a fusion answers with a point that another starts from.
            let parts = #"[{"query": 5, "limit": 60}, {"query": 6, "limit": 60}, {"query": [1, 0], "limit": 60}]"#
            let among = try await server.send(
                "POST", path, #"{"prefetch": \#(parts), "query": {"fusion": "dbsf"}, "limit": 60}"#)
            #expect(among.ids.count == 58 && !among.ids.contains(5) && !among.ids.contains(6))
            // A point with several values stands once for each, on every page.
            let points = (0..<4).map {
                #"{"id": \#(100 + $0), "vector": [1, 0], "payload": {"v": [\#($0), \#($0 + 10)]}}"#
            }
            _ = try await server.send(
                "PUT", "/collections/c/points", #"{"points": [\#(points.joined(separator: ","))]}"#)
            let ordered = try await server.send(
                "POST", path, #"{"query": {"order_by": "v"}, "limit": 3, "offset": 3}"#)
            let values = ordered.result["points"]?.array?.map { [$0["id"]?.integer, $0["order_value"]?.integer] }
            #expect(values == [[103, 3], [100, 10], [101, 11]], "\(ordered.text)")
        }
    }

    @Test func payloadsAreMergedAndOverwrittenAtAKey() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            _ = try await fill(server)
            func payload(_ id: Int) async throws -> JSON? {
                try await server.send("GET", "/collections/c/points/\(id)").result["payload"]
            }
            func post(_ method: String, _ body: String) async throws {
                let sent = try await server.send(method, "/collections/c/points/payload", body)
                #expect(sent.status == 200, "\(sent.text)")
            }
            let country = #"{"payload": {"country": {"name": "Peru", "people": 33}}, "points": [1]}"#
            try await post("POST", country)
            // The filter asks for what is overwritten.
            let filter = #"{"must": [{"key": "country.name", "match": {"value": "Peru"}}]}"#
            try await post("PUT", #"{"payload": {"new": 1}, "key": "country", "filter": \#(filter)}"#)
            #expect(try await payload(1)?["country"] == ["new": 1])
            #expect(try await payload(1)?["n"] == 1)
            // Null takes a member away.
            try await post("POST", #"{"payload": {"n": null, "other": null, "even": 5}, "points": [1]}"#)
            #expect(try await payload(1) == ["country": ["new": 1], "even": 5])
            try await post("POST", #"{"payload": {"new": null, "old": 2}, "key": "country", "points": [1]}"#)
            #expect(try await payload(1) == ["country": ["old": 2], "even": 5])
            // What could not be read again is refused, however it would come to be.
            let deep = String(repeating: #"{"a":"#, count: 220) + "1" + String(repeating: "}", count: 220)
            for (key, payload) in [
                (Array(repeating: "a", count: 300).joined(separator: "."), #"{"w": 1}"#),
                (Array(repeating: "a", count: 100_000).joined(separator: "."), #"{"w": 1}"#),
                (Array(repeating: "a", count: 60).joined(separator: "."), deep),
            ] {
                for method in ["POST", "PUT"] {
                    let refused = try await server.send(
                        method, "/collections/c/points/payload",
                        #"{"payload": \#(payload), "key": "\#(key)", "points": [1]}"#)
                    #expect([400, 422].contains(refused.status), "\(method): \(refused.text.prefix(200))")
                }
            }
            #expect(try await payload(1) == ["country": ["old": 2], "even": 5])
        }
    }

    @Test func whatAUserHasSeenIsLeftOut() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            let vectors = try await fill(server)
            let all = nearest(vectors, [0.3, -0.7])
            func found(_ more: String) async throws -> [Int] {
                let body = "{\"query\": [0.3, -0.7], \"limit\": 3\(more)}"
                return try await server.send("POST", "/collections/c/points/query", body).ids
            }
            let (noted, forgotten) = ("/collections/c/seen", "/collections/c/seen/forget")
            let ids = "[\(all[0]), \(all[2]), \"later\"]"
            let first = try await server.send(
                "POST", noted, "{\"user\": \"ann/é\", \"ids\": \(ids), \"at\": \"2026-01-02T03:04:05Z\"}")
            #expect(first.status == 200, "\(first.text)")
            #expect(try await found(#", "seen_by": "ann/é""#) == [all[1], all[3], all[4]])
            #expect(try await found(#", "seen_by": 5"#) == Array(all.prefix(3)))
            #expect(try await found("") == Array(all.prefix(3)))
            let listed = try await server.send("GET", "/collections/c/seen/ann%2F%C3%A9")
            let points = listed.result["points"]?.array ?? []
            #expect(points.count == 3 && points.allSatisfy { $0["at"] == "2026-01-02T03:04:05Z" }, "\(listed.text)")
            #expect(points.contains { $0["id"] == .integer(Int64(all[0])) }, "\(listed.text)")
            _ = try await server.send("POST", forgotten, "{\"user\": \"ann/é\", \"ids\": [\(all[0])]}")
            #expect(try await found(#", "seen_by": "ann/é""#) == [all[0], all[1], all[3]])
            for slip in [
                #"{"user": "ann/é"}"#, #"{"user": "ann/é", "ids": null}"#, #"{"user": "ann/é", "befor": "2026-01-01"}"#,
            ] {
                #expect(try await server.send("POST", forgotten, slip).status == 400)
            }
            // Also of what is ranked again, and without a query.
            let again = #", "prefetch": {"query": [0.3, -0.7], "limit": 2}, "seen_by": "ann/é""#
            #expect(try await found(again) == [all[0], all[1]])
            let page = try await server.send(
                "POST", "/collections/c/points/query", #"{"limit": 60, "seen_by": "ann/é"}"#)
            #expect(page.ids.count == 59 && !page.ids.contains(all[2]))
            _ = try await server.send("POST", forgotten, #"{"user": "ann/é", "all": true}"#)
            #expect(try await found(#", "seen_by": "ann/é""#) == Array(all.prefix(3)))
            for (path, body) in [
                (noted, #"{"ids": [1]}"#), (noted, #"{"user": "u"}"#), (noted, #"{"user": "", "ids": [1]}"#),
                (noted, #"{"user": ["u"], "ids": [1]}"#), (noted, #"{"user": "u", "ids": [1.5]}"#),
                (noted, #"{"user": "u", "ids": [1], "at": "now"}"#),
                (forgotten, #"{"user": "u", "ids": [1], "before": "2026-01-01"}"#),
                ("/collections/c/points/query", #"{"query": [1, 0], "seen_by": true}"#),
            ] {
                let refused = try await server.send("POST", path, body)
                #expect([400, 422].contains(refused.status), "\(body): \(refused.text)")
            }
        }
    }

    @Test func theNearestAreThoseOfBruteForce() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            let vectors = try await fill(server)
            let path = "/collections/c/points/query"
            let plain = try await server.send("POST", path, #"{"query": [0.3, -0.7], "limit": 5}"#)
            #expect(plain.ids == Array(nearest(vectors, [0.3, -0.7]).prefix(5)))
            #expect(plain.headers["x-recall-expected"] == "1.0")
            let page = try await server.send("POST", path, #"{"query": [0.3, -0.7], "limit": 5, "offset": 5}"#)
            #expect(page.ids == Array(nearest(vectors, [0.3, -0.7]).dropFirst(5).prefix(5)))
            let filter = #"{"must": [{"key": "even", "match": {"value": true}}, {"key": "n", "range": {"lt": 40}}]}"#
            let filtered = try await server.send(
                "POST", path, #"{"query": [0.3, -0.7], "limit": 4, "filter": \#(filter)}"#)
            #expect(filtered.ids == Array(nearest(vectors, [0.3, -0.7]) { $0 % 2 == 0 && $0 < 40 }.prefix(4)))
            let older = try await server.send(
                "POST", "/collections/c/points/search", #"{"vector": [0.3, -0.7], "limit": 5}"#)
            #expect(older.result.array?.compactMap { $0["id"]?.integer } == plain.ids)
            let among = try await server.send(
                "POST", path,
                #"{"prefetch": {"query": {"order_by": "n"}, "limit": 20}, "query": [0.3, -0.7], "limit": 3}"#)
            #expect(among.ids == Array(nearest(vectors, [0.3, -0.7]) { $0 < 20 }.prefix(3)))
            let batch = try await server.send(
                "POST", path + "/batch", #"{"searches": [{"query": 5, "limit": 2}, {"query": [1, 0], "limit": 1}]}"#)
            #expect(batch.result.array?.count == 2)
            #expect(batch.result.array?[0]["points"]?.array?.contains { $0["id"] == 5 } == false)
        }
    }

    @Test func pagesOfAScrollHoldEveryPointOnce() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            _ = try await fill(server)
            var (seen, offset) = ([Int](), "null")
            repeat {
                let page = try await server.send(
                    "POST", "/collections/c/points/scroll", #"{"limit": 7, "offset": \#(offset)}"#)
                seen += page.ids
                offset = page.result["next_page_offset"]?.text() ?? "null"
            } while offset != "null"
            #expect(seen == Array(0..<60))
            #expect(
                try await server.send(
                    "POST", "/collections/c/points/count",
                    #"{"filter": {"must": {"key": "even", "match": {"value": true}}}}"#
                ).result == ["count": 30])
            let down = try await server.send(
                "POST", "/collections/c/points/scroll",
                #"{"limit": 2, "order_by": {"key": "n", "direction": "desc"}, "with_payload": ["n"]}"#)
            #expect(
                down.ids == [59, 58] && down.points[0]["order_value"] == 59 && down.points[0]["payload"] == ["n": 59])
        }
    }

    @Test func writesChangeWhatTheyNameAndTellWhatIsMissing() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            _ = try await fill(server)
            let path = "/collections/c/points"
            #expect(
                try await server.send("POST", path + "/payload?wait=true", #"{"points": [1], "payload": {"x": 1}}"#)
                    .result["status"]
                    == "completed")
            #expect(try await server.send("GET", path + "/1").result["payload"] == ["n": 1, "even": false, "x": 1])
            let missing = try await server.send(
                "PUT", path + "/vectors", #"{"points": [{"id": 999, "vector": [1, 1]}]}"#)
            #expect(missing.status == 404 && missing.error.contains("999"))
            let batch = #"""
                {"operations": [{"delete": {"points": [2, 3]}}, {"clear_payload": {"points": [1]}},
                 {"upsert": {"points": [{"id": "67e55044-10b1-426f-9247-bb680e5fe0c8", "vector": [9, 9]}]}}]}
                """#
            #expect(try await server.send("POST", path + "/batch", batch).result.array?.count == 3)
            #expect(try await server.send("GET", path + "/2").status == 404)
            let first = try await server.send("POST", path + "/query", #"{"query": [1, 1], "limit": 1}"#)
            #expect(first.points.first?["id"] == "67e55044-10b1-426f-9247-bb680e5fe0c8")
            #expect(
                try await server.send(
                    "POST", path + "/delete", #"{"filter": {"must": {"key": "n", "range": {"gte": 0}}}}"#
                )
                .status == 200)
            #expect(try await server.send("GET", "/collections/c").result["points_count"] == 2)
            let update =
                #"{"update_mode": "insert", "points": [{"id": 1, "vector": [5, 5]}, {"id": 90, "vector": [5, 5]}]}"#
            #expect(try await server.send("PUT", path, update).status == 200)
            let kept = try await server.send("POST", path, #"{"ids": [1, 90, 91], "with_vector": true}"#)
            #expect(kept.result.array?.count == 2 && kept.result.array?[0]["vector"] != [5, 5])
        }
    }

    @Test func floatsAreTheShortestAndCosineHasLengthOne() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            _ = try await server.send("PUT", "/collections/c", #"{"vectors": {"size": 2, "distance": "Dot"}}"#)
            _ = try await server.send(
                "PUT", "/collections/c/points", #"{"points": [{"id": 1, "vector": [0.1, 1e-7]}]}"#)
            #expect(try await server.send("GET", "/collections/c/points/1").text.contains("[0.1,1e-07]"))
            _ = try await server.send("PUT", "/collections/d", #"{"vectors": {"size": 2, "distance": "Cosine"}}"#)
            _ = try await server.send("PUT", "/collections/d/points", #"{"points": [{"id": 1, "vector": [3, 4]}]}"#)
            #expect(try await server.send("GET", "/collections/d/points/1").text.contains("[0.6,0.8]"))
        }
    }
}
