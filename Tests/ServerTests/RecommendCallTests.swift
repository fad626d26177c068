import Belfry
import Files
import Foundation
import TestSupport
import Testing

@testable import BelfryServer

/// Recommendations by several sources, and the log of what became of them.
@Suite(.serialized) struct RecommendCallTests {
    private static func fill(_ server: TestServer) async throws {
        let body = #"{"vectors": {"size": 2, "distance": "Euclid"}}"#
        #expect(try await server.send("PUT", "/collections/shop", body).status == 200)
        let points = (0..<20).map {
            #"{"id": \#($0), "vector": [\#($0), 0], "payload": {"sales": \#(100 - $0), "kind": "\#($0 % 2 == 0 ? "even" : "odd")"}}"#
        }
        let written = try await server.send(
            "PUT", "/collections/shop/points?wait=true", "{\"points\": [\(points.joined(separator: ","))]}")
        #expect(written.status == 200, "\(written.text)")
    }

    private static func recommend(_ server: TestServer, _ body: String) async throws -> Reply {
        try await server.send("POST", "/collections/shop/recommend", body)
    }

    private static func sources(_ reply: Reply) -> [String] {
        reply.result["points"]?.array?.compactMap { $0["source"]?.string } ?? []
    }

    @Test func sourcesAreAskedInOrderAndNamed() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            var reply = try await Self.recommend(
                server, #"{"user": "ann", "session": [3], "popular": "sales", "limit": 3, "with_payload": ["sales"]}"#)
            #expect(
                reply.ids == [0, 1, 2] && Self.sources(reply) == ["popular", "popular", "popular"], "\(reply.text)")
            #expect(reply.result["sources"]?.array?.map { $0["name"]?.string } == ["user", "session", "popular"])
            #expect(reply.result["sources"]?.array?.first?["passed_over"]?.string?.contains("tower") == true)
            #expect(reply.result["served_by"]?["collection"] == "shop" && reply.result["served_by"]?["write"] == 1)
            #expect(reply.result["points"]?.array?.first?["payload"] == ["sales": 100])

            reply = try await Self.recommend(
                server,
                #"{"like": [19], "popular": "sales", "quotas": [{"filter": {"must": [{"key": "kind", "match": {"value": "odd"}}]}, "count": 1}, {"filter": {"must": [{"key": "sales", "range": {"gt": 98}}]}, "count": 2}]}"#
            )
            #expect(Set(reply.ids) == [17, 1, 0], "\(reply.text)")
            reply = try await Self.recommend(
                server,
                #"{"sources": ["popular", "like"], "like": [19], "popular": {"key": "sales", "direction": "asc"}, "exclude": [19], "limit": 2}"#
            )
            #expect(reply.ids == [18, 17] && Self.sources(reply) == ["popular", "popular"], "\(reply.text)")
            let metrics = try await server.send("GET", "/metrics").text
            #expect(metrics.contains(#"belfry_recommended_points_total{source="popular"} 5"#), "\(metrics)")
            #expect(metrics.contains(#"belfry_recommend_passed_over_total{source="session"} 1"#))
        }
    }

    @Test func seenPointsAreLeftOut() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            let seen = try await server.send(
                "POST", "/collections/shop/seen?wait=true", #"{"user": "ann", "ids": [0, 1]}"#)
            #expect(seen.status == 200)
            #expect(
                try await Self.recommend(server, #"{"user": "ann", "popular": "sales", "limit": 2}"#).ids == [2, 3])
            #expect(
                try await Self.recommend(server, #"{"seen_by": "ann", "popular": "sales", "limit": 1}"#).ids == [2])
            #expect(
                try await Self.recommend(
                    server, #"{"user": "ann", "popular": "sales", "limit": 1, "include_seen": true}"#
                ).ids == [0])
        }
    }

    @Test(arguments: [
        ("{}", "user, session, like, popular, latest"), (#"{"user": []}"#, "user"),
        (#"{"user": {}}"#, "`id` or `fields`"),
        (#"{"like": []}"#, "at least one point"), (#"{"popular": 5}"#, "order"),
        (#"{"unlike": [1], "popular": "sales"}"#, "like"),
        (#"{"like": [1], "sources": ["popular"]}"#, "an order of like"), (#"{"like": [1], "limit": 0}"#, "limit"),
        (#"{"like": [1], "quotas": [{"count": 2}]}"#, "`filter` and `count`"),
        (#"{"like": [1], "exploration": {}}"#, "temperature"),
        (#"{"like": [1], "exploration": {"temperature": -1}}"#, "temperature"),
        (
            #"{"like": [1], "limit": 3, "quotas": [{"filter": {"must": [{"key": "kind", "match": {"value": "odd"}}]}, "count": 1}]}"#,
            "quotas"
        ),
    ]) func mistakesAreTold(_ body: String, _ words: String) async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            let reply = try await Self.recommend(server, body)
            #expect((400..<500).contains(reply.status) && reply.text.contains(words), "\(body): \(reply.text)")
        }
    }

    // MARK: feedback

    @Test func theLogTellsWhatWasClickedAndIsAnsweredAlike() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            var ids: [String] = []
            for round in 0..<20 {
                let body = #"{"like": [\#(round)], "popular": "sales", "limit": 4, "exploration": {"temperature": 2}}"#
                let reply = try await Self.recommend(server, body)
                let id = try #require(reply.result["request_id"]?.string)
                ids.append(id)
                #expect(reply.result["points"]?.array?.allSatisfy { $0["propensity"]?.number ?? 0 > 0 } == true)
                let first = reply.ids[0]
                let events =
                    #"{"events": [{"request_id": "\#(id)", "event": "impression", "points": [\#(first), \#(reply.ids[1])]}, {"request_id": "\#(id)", "event": "click", "points": [\#(first)]}]}"#
                guard round % 2 == 0 else { continue }
                #expect(try await server.send("POST", "/feedback", events).result["accepted"] == 2)
            }
            #expect(Set(ids).count == 20)
            let folder = server.data + "/.serve/feedback"
            let files = try FeedbackLog.files(in: folder).map { "\(folder)/\($0)" }
            // Whoever was killed leaves half a line.
            let handle = try #require(FileHandle(forWritingAtPath: files[files.count - 1]))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data(#"{"event": "cli"#.utf8))
            try handle.close()

            let report = try FeedbackReport(files)
            #expect(report.requests == 20 && report.empty == 0 && report.unreadLines == 1 && report.strayEvents == 0)
            #expect(report.events.map(\.name) == ["click", "impression"] && report.events.map(\.count) == [10, 10])
            // Ten requests say what was shown: two places each; of the others all four were.
            #expect(report.places.map(\.shown) == [20, 20, 10, 10] && report.places.map(\.clicked) == [10, 0, 0, 0])
            #expect(report.sources.map(\.name) == ["like"] && report.sources[0].count.shown == 60)
            let rate = try #require(report.places[0].rate)
            #expect(rate.share == 0.5 && rate.interval.contains(0.5) && rate.interval.lowerBound > 0.29)

            let collection = try VectorCollection(server.data + "/shop.belfry")
            let replay = try FeedbackReplay(files, of: report, on: collection)
            #expect(replay.same == 20 && replay.different.isEmpty && replay.refused.isEmpty)
            #expect(
                try await server.send("POST", "/collections/shop/points/delete?wait=true", #"{"points": [7, 8, 9]}"#)
                    .status == 200)
            let later = try FeedbackReplay(files, of: report, on: VectorCollection(server.data + "/shop.belfry"))
            #expect(!later.different.isEmpty && later.same + later.different.count == 20)
        }
    }

    @Test(arguments: [
        #"{"event": "click", "points": [1]}"#, #"{"request_id": "x", "event": "click", "points": [1]}"#,
        #"{"request_id": "936da01f-9abd-4d9d-80c7-02af85c822a8", "points": [1]}"#,
        #"{"request_id": "936da01f-9abd-4d9d-80c7-02af85c822a8", "event": "recommendation", "points": [1]}"#,
        #"{"request_id": "936da01f-9abd-4d9d-80c7-02af85c822a8", "event": "Click\n", "points": [1]}"#,
        #"{"request_id": "936da01f-9abd-4d9d-80c7-02af85c822a8", "event": "click", "points": []}"#,
        #"{"request_id": "936da01f-9abd-4d9d-80c7-02af85c822a8", "event": "click", "points": [-1]}"#,
        #"{"request_id": "936da01f-9abd-4d9d-80c7-02af85c822a8", "event": "click", "points": [1], "at": "soon"}"#,
    ]) func eventsThatAreNoneAreRefused(_ body: String) async throws {
        try await TestServer.run { server in
            let reply = try await server.send("POST", "/feedback", body)
            #expect(reply.status == 400, "\(reply.text)")
            #expect(!FileManager.default.fileExists(atPath: server.data + "/.serve/feedback"))
        }
    }

    /// The log has what says what was asked for, and no more; a replay asks what is of its collection.
    @Test func onlyWhatIsKnownIsLogged() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            #expect(
                try await server.send("PUT", "/collections/other", #"{"vectors": {"size": 3, "distance": "Dot"}}"#)
                    .status
                    == 200)
            let junk = String(repeating: "x", count: 1 << 20)
            let reply = try await Self.recommend(server, #"{"popular": "sales", "limit": 1, "junk": "\#(junk)"}"#)
            #expect(reply.ids == [0])
            let long = (0..<20_000).map { "\($0 + 1)" }.joined(separator: ",")
            let many = try await Self.recommend(
                server, #"{"popular": "sales", "limit": 1, "filter": {"must": [{"has_id": [\#(long)]}]}}"#)
            #expect(many.ids == [1])
            let other = try await server.send("POST", "/collections/other/recommend", #"{"popular": "n"}"#)
            #expect(other.ids == [] && other.result["sources"]?.array?.first?["passed_over"] != nil, "\(other.text)")
            let folder = server.data + "/.serve/feedback"
            let files = try FeedbackLog.files(in: folder).map { "\(folder)/\($0)" }
            #expect(try System.fileSize(files[0]) < 4_000)
            let report = try FeedbackReport(files)
            let replay = try FeedbackReplay(files, of: report, on: VectorCollection(server.data + "/shop.belfry"))
            #expect(replay.same == 1 && replay.others == 1 && replay.refused.count == 1, "\(replay)")
            // Somebody empties the folder.
            try FileManager.default.removeItem(atPath: folder)
            #expect(try await Self.recommend(server, #"{"popular": "sales"}"#).status == 200)
            #expect(try FeedbackLog.files(in: folder).count == 1)
        }
    }

    @Test func filesFollowOneAnotherAndTheOldestGo() throws {
        try withTemporaryDirectory { folder in
            let start = Date(timeIntervalSince1970: 1_700_000_000)
            let log = FeedbackLog(folder + "/log", mostBytes: 100, mostFiles: 3)
            for event in 0..<8 { try log.append([["event": "x", "n": .integer(Int64(event))]], now: start) }
            // Another day begins another file; a file that was there is gone on with.
            try log.append([["event": "y"]], now: start.addingTimeInterval(86_400))
            let again = FeedbackLog(folder + "/log", mostBytes: 100, mostFiles: 3)
            try again.append([["event": "z"]], now: start.addingTimeInterval(86_400))
            let files = try FeedbackLog.files(in: folder + "/log")
            #expect(files == ["2023-11-14-0001.jsonl", "2023-11-14-0002.jsonl", "2023-11-15-0001.jsonl"])
            let last = try String(contentsOfFile: folder + "/log/2023-11-15-0001.jsonl", encoding: .utf8)
            #expect(last == "{\"event\":\"y\"}\n{\"event\":\"z\"}\n")
        }
    }
}
