import Belfry
import Files
import Foundation
import Logging
import TestSupport
import Testing

@testable import BelfryServer

/// Searches that are asked again exactly, and what follows from that.
@Suite(.serialized) struct RecallAuditTests {
    private static func audit() -> RecallAudit {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return RecallAudit(share: 0.01, logger: logger)
    }

    private static let kind = RecallAudit.Kind("shop", "", target: 0.9)

    @Test func anIntervalHoldsTheMean() {
        var recalls = AuditedRecall()
        #expect(recalls.interval == 0...1 && recalls.mean == 1)
        for number in 0..<100 { recalls.add(number % 10 == 0 ? 0 : 1) }
        // Wilson's interval of 90 out of 100, as in the tables.
        #expect(
            abs(recalls.interval.lowerBound - 0.8256) < 0.0005 && abs(recalls.interval.upperBound - 0.9448) < 0.0005)
        // The last thousand count.
        for _ in 0..<1_000 { recalls.add(1) }
        #expect(recalls.count == 1_000 && recalls.mean == 1 && recalls.interval.lowerBound > 0.99)
    }

    /// Whatever the recalls are, the mean that they were drawn with lies in the interval in 19 of 20 cases.
    @Test func theIntervalIsOneOfNinetyFivePercent() {
        var random = SeededGenerator()
        var outside = 0
        for _ in 0..<1_000 {
            let chance = 0.7 + 0.3 * Double.random(in: 0..<1, using: &random)
            var recalls = AuditedRecall()
            for _ in 0..<200 {
                let found = (0..<10).count { _ in Double.random(in: 0..<1, using: &random) < chance }
                recalls.add(Double(found) / 10)
            }
            if !recalls.interval.contains(chance) { outside += 1 }
        }
        #expect(outside <= 50, "\(random): \(outside)")
    }

    @Test func whatFindsTooLittleIsAskedForMore() throws {
        let (audit, kind) = (Self.audit(), Self.kind)
        /// What an index is asked for, after so many searches with this recall at what it was asked for before.
        func raised(after count: Int, _ recall: Double) -> Double {
            for _ in 0..<count { audit.conclude(kind, recall, as: audit.raised(kind)) }
            return ((audit.raised(kind) ?? kind.target) * 1_000).rounded() / 1_000
        }
        #expect(raised(after: 99, 0.7) == 0.9 && raised(after: 1, 0.7) == 0.95)
        // What was asked before says nothing any more.
        for _ in 0..<200 { audit.conclude(kind, 0.7, as: 0.9) }
        #expect(raised(after: 0, 0) == 0.95)
        #expect(raised(after: 100, 0.8) == 0.975)
        #expect(audit.raised(.init("other", "", target: 0.9)) == nil)
        #expect(audit.text().contains(#"belfry_recall_steps{collection="shop",vectors="",target="0.9"} 2"#))
        // Enough: it stays. Far more than that, and for long: a step back, and another.
        #expect(raised(after: 1_000, 0.92) == 0.975)
        #expect(raised(after: 1_000, 1) == 0.95)
        #expect(raised(after: 300, 1) == 0.9 && audit.raised(kind) == nil)
        #expect(raised(after: 200, 0.7) == 0.95)
        // Another collection of the name has nothing to do with that.
        audit.forget("shop")
        #expect(audit.raised(kind) == nil && !audit.text().contains("shop"))
        // It does not go up for ever.
        for _ in 0..<10 {
            let asked = audit.raised(kind)
            for _ in 0..<100 { audit.conclude(kind, 0, as: asked) }
        }
        #expect(try #require(audit.raised(kind)) < 1)
    }

    /// Chance alone changes nothing: recalls around the target.
    @Test func whatFindsEnoughIsLeftAlone() {
        var random = SeededGenerator()
        var raised = 0
        // k is 1: no recalls vary more.
        for _ in 0..<200 {
            let (audit, kind) = (Self.audit(), Self.kind)
            for _ in 0..<3_000 {
                audit.conclude(kind, Double.random(in: 0..<1, using: &random) < 0.9 ? 1 : 0, as: nil)
            }
            raised += audit.raised(kind) == nil ? 0 : 1
        }
        #expect(raised <= 10, "\(random): \(raised)")
    }

    /// What misses a little is found out, and not only what misses much.
    @Test func aSmallShortfallIsFoundOut() {
        var random = SeededGenerator()
        let (audit, kind) = (Self.audit(), Self.kind)
        for _ in 0..<3_000 where audit.raised(kind) == nil {
            let found = (0..<10).count { _ in Double.random(in: 0..<1, using: &random) < 0.88 }
            audit.conclude(kind, Double(found) / 10, as: nil)
        }
        #expect(audit.raised(kind) != nil, "\(random)")
    }

    /// The recall of a search is what its answers say beside the exact ones.
    @Test func liveSearchesAreAskedAgain() async throws {
        var random = SeededGenerator()
        func vector() -> String {
            "[\((0..<8).map { _ in "\(Float.random(in: -1...1, using: &random))" }.joined(separator: ","))]"
        }
        try await TestServer.run({ $0.auditShare = 0.5 }) { server in
            let body = #"{"vectors": {"size": 8, "distance": "Cosine"}}"#
            #expect(try await server.send("PUT", "/collections/shop", body).status == 200)
            let points = (0..<2_000).map { #"{"id": \#($0), "vector": \#(vector())}"# }
            let written = try await server.send(
                "PUT", "/collections/shop/points", "{\"points\": [\(points.joined(separator: ","))]}")
            #expect(written.status == 200)
            for _ in 0..<30 {
                let reply = try await server.send(
                    "POST", "/collections/shop/points/query", #"{"query": \#(vector())}"#, ["x-recall": "0.8"])
                #expect(reply.points.count == 10)
            }
            // A table in memory is searched whole: nothing is missed, and nothing is asked again.
            try await Task.sleep(for: .milliseconds(300))
            #expect(try await server.send("GET", "/metrics").text.contains("belfry_recall{") == false)
        }
    }
}
