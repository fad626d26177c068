import Belfry
import Files
import Foundation
import Testing

@testable import BelfryServer

/// A second version under the name of the first: for a part of the callers, or asked as well.
@Suite(.serialized) struct TrialTests {
    /// Two collections of twenty points: what is near in one is far in the other.
    private static func fill(_ server: TestServer) async throws {
        for (name, sign) in [("one", 1), ("two", -1)] {
            let body = #"{"vectors": {"size": 2, "distance": "Dot"}}"#
            #expect(try await server.send("PUT", "/collections/\(name)", body).status == 200)
            let points = (1...20).map { #"{"id": \#($0), "vector": [\#(sign * $0), 1]}"# }
            let written = try await server.send(
                "PUT", "/collections/\(name)/points", "{\"points\": [\(points.joined(separator: ","))]}")
            #expect(written.status == 200, "\(written.text)")
        }
        try await change(server, #"{"create_alias": {"alias_name": "shop", "collection_name": "one"}}"#)
    }

    private static func change(_ server: TestServer, _ action: String, status: Int = 200) async throws {
        let reply = try await server.send("POST", "/collections/aliases", "{\"actions\": [\(action)]}")
        #expect(reply.status == status, "\(reply.text)")
    }

    private static func ask(_ server: TestServer, _ user: String?) async throws -> (first: Int?, by: String?) {
        let reply = try await server.send(
            "POST", "/collections/shop/points/query", #"{"query": [1, 0], "limit": 3}"#,
            user.map { ["x-user": $0] } ?? [:])
        #expect(reply.status == 200, "\(reply.text)")
        return (reply.ids.first, reply.headers["x-served-by"])
    }

    @Test func aPartOfTheCallersGetsTheSecond() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            try await Self.change(
                server, #"{"begin_trial": {"alias_name": "shop", "collection_name": "two", "share": 0.3}}"#)
            let trial = Aliases.Trial(.init("two"), share: 0.3)
            var seconds = 0
            for number in 0..<60 {
                let user = "user \(number)"
                let isOfThem = trial.answers(user, under: "shop")
                seconds += isOfThem ? 1 : 0
                for _ in 0..<2 {
                    let found = try await Self.ask(server, user)
                    #expect(found.first == (isOfThem ? 1 : 20) && found.by == (isOfThem ? "two" : "one"))
                }
            }
            #expect(seconds > 5 && seconds < 40)
            #expect(try await Self.ask(server, nil) == (20, "one"))
            // Whoever asks for the collection itself gets that.
            let direct = try await server.send("POST", "/collections/one/points/query", #"{"query": [1, 0]}"#)
            #expect(direct.ids.first == 20 && direct.headers["x-served-by"] == nil)
            let listed = try await server.send("GET", "/aliases").result["aliases"]?.array?.first
            #expect(listed?["trial"]?["to"] == "two" && listed?["collection_name"] == "one")
            // The command line knows it, too.
            #expect(try Aliases(of: server.data).trials["shop"] == trial)
            try await Self.change(server, #"{"end_trial": {"alias_name": "shop"}}"#)
            #expect(try await Self.ask(server, "user 1") == (20, nil))
        }
    }

    @Test func aTrialEndsWhereTheNameMovesOn() async throws {
        try await TestServer.run { server in
            let begin = #"{"begin_trial": {"alias_name": "shop", "collection_name": "two", "share": 1}}"#
            try await Self.fill(server)
            try await Self.change(server, begin)
            #expect(try await Self.ask(server, "a") == (1, "two"))
            try await Self.change(server, #"{"create_alias": {"alias_name": "shop", "collection_name": "two"}}"#)
            #expect(try await Self.ask(server, "a") == (1, nil))
            try await Self.change(server, #"{"create_alias": {"alias_name": "shop", "collection_name": "one"}}"#)
            #expect(try await Self.ask(server, "a") == (20, nil))
            try await Self.change(server, begin)
            // A collection that goes takes the trial along, not the name.
            #expect(try await server.send("DELETE", "/collections/two").status == 200)
            #expect(try await Self.ask(server, "a") == (20, nil))
            try await Self.change(server, begin, status: 404)
            for wrong in [#""share": 0"#, #""share": 1.5"#, #""header": "a b""#, #""share": "x""#] {
                try await Self.change(
                    server, #"{"begin_trial": {"alias_name": "shop", "collection_name": "one", \#(wrong)}}"#,
                    status: 400)
            }
            try await Self.change(
                server, #"{"begin_trial": {"alias_name": "none", "collection_name": "one"}}"#, status: 404)
        }
    }

    @Test func aShadowIsAskedAndDoesNotAnswer() async throws {
        try await TestServer.run { server in
            try await Self.fill(server)
            try await Self.change(
                server, #"{"begin_trial": {"alias_name": "shop", "collection_name": "two", "shadow": true}}"#)
            for _ in 0..<20 { #expect(try await Self.ask(server, "a") == (20, nil)) }
            let batch = try await server.send(
                "POST", "/collections/shop/points/query/batch", #"{"searches": [{"query": [1, 0]}, {"query": [0, 1]}]}"#
            )
            #expect(batch.status == 200)
            func count(_ name: String, in text: String) -> Double? {
                let line = text.split(separator: "\n").first {
                    $0.hasPrefix("\(name){alias=\"shop\",target=\"two\"}")
                }
                return line?.split(separator: " ").last.flatMap { Double($0) }
            }
            // It comes after the answer.
            var text = ""
            for _ in 0..<2_000 where count("belfry_shadow_compared_total", in: text) != 21 {
                text = try await server.send("GET", "/metrics").text
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(count("belfry_shadow_compared_total", in: text) == 21, "\(text)")
            // None of three are the same; of the batch's twenty all are, in another order.
            #expect(count("belfry_shadow_same_total", in: text) == 0)
            let overlap = try #require(count("belfry_shadow_overlap_total", in: text))
            #expect(overlap > 0 && overlap <= 1)
            #expect(count("belfry_shadow_failed_total", in: text) == 0)
            // What is tried may be broken or gone: the first one answers all the same.
            for trial in [
                #"{"to": "two@gone", "share": 1, "shadow": true, "header": "x-user"}"#,
                #"{"to": "two@gone", "share": 1, "shadow": false, "header": "x-user"}"#,
                #"{"to": "nobody", "share": 1, "shadow": true, "header": "x-user"}"#,
            ] {
                let names = #"{"shop": {"to": "one", "trial": \#(trial)}}"#
                try System.write(Data(names.utf8), to: server.data + "/aliases.json")
                #expect(try await Self.ask(server, "a").first == 20, "\(trial)")
            }
            try await Self.change(server, #"{"end_trial": {"alias_name": "shop"}}"#)
            try await Self.change(
                server, #"{"begin_trial": {"alias_name": "shop", "collection_name": "one", "shadow": true}}"#,
                status: 400)
            let other = #"{"vectors": {"size": 5, "distance": "Dot"}}"#
            #expect(try await server.send("PUT", "/collections/broken", other).status == 200)
            try await Self.change(
                server, #"{"begin_trial": {"alias_name": "shop", "collection_name": "broken", "shadow": true}}"#)
            #expect(try await Self.ask(server, "a") == (20, nil))
        }
    }

    @Test func partsGrowWithoutChangingSides() {
        let users = (0..<2_000).map { "user \($0)" }
        var before: Set<String> = []
        for share in [0.01, 0.1, 0.5, 0.99, 1] {
            let trial = Aliases.Trial(.init("b"), share: share)
            let part = Set(users.filter { trial.answers($0, under: "a") })
            #expect(part.isSuperset(of: before) && abs(Double(part.count) / 2_000 - share) < 0.05, "\(share)")
            before = part
        }
        let (first, second) = (Aliases.Trial(.init("b"), share: 0.5), Aliases.Trial(.init("b"), share: 0.5))
        let both = users.count { first.answers($0, under: "a") && second.answers($0, under: "other") }
        #expect(both > 400 && both < 600)
    }
}
