import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

@Suite struct FusionTests {
    private static func list(_ points: [(UInt64, Float)]) -> [RankedPoint] {
        points.map { RankedPoint(.number($0.0), $0.1) }
    }

    @Test func placesAndScoresAreAddedUp() throws {
        let lists = [Self.list([(7, 9), (2, 5)]), Self.list([(2, 0.5)]), []]
        #expect(try Fusion.reciprocalRank().fused(lists) == Self.list([(2, 1 / 3.0 + 0.5), (7, 0.5)]))
        #expect(
            try Fusion.reciprocalRank(k: 60, weights: [3, 0, 1]).fused(lists)
                == Self.list([(7, 1 / (1 / 3 + 59)), (2, 1 / (2 / 3 + 59))]))
        // Two scores lie 0.707 standard deviations from their mean; one score says nothing.
        let fused = try Fusion.scoreDistribution.fused(lists)
        #expect(fused.map(\.id) == [.number(2), .number(7)])
        #expect(abs(fused[0].score - (0.5 - 0.117_851) - 0.5) < 1e-5 && abs(fused[1].score - 0.617_851) < 1e-5)
        #expect(try Fusion.scoreDistribution.fused([Self.list([(5, 3), (1, 3)])]) == Self.list([(1, 0.5), (5, 0.5)]))
        #expect(try Fusion.reciprocalRank().fused([]) == [])
    }

    @Test func equalSumsStandInTheOrderOfIDs() throws {
        var random = SeededGenerator()
        for _ in 0..<200 {
            let ids = (0..<6 as Range<UInt64>).shuffled(using: &random)
            let lists = ids.map { Self.list([($0, 1)]) }
            for fusion in [Fusion.reciprocalRank(), .scoreDistribution] {
                let found = try fusion.fused(lists).map(\.id)
                #expect(found == (0..<6).map { .number($0) }, "\(random)")
            }
        }
    }

    @Test func aListMoreNeverLowersAPoint() throws {
        var random = SeededGenerator()
        for _ in 0..<500 {
            let lists = (0..<3).map { _ in
                Self.list(
                    (0..<8 as Range<UInt64>).shuffled(using: &random).prefix(5).map {
                        ($0, .random(in: 0...1, using: &random))
                    }
                )
                .sorted()
            }
            let weights = (0..<3).map { _ in Float.random(in: 0...4, using: &random) }
            let all = try Fusion.reciprocalRank(k: 3, weights: weights).fused(lists)
            let two = try Fusion.reciprocalRank(k: 3, weights: Array(weights.prefix(2))).fused(Array(lists.prefix(2)))
            let scores = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0.score) })
            for point in two { #expect(scores[point.id]! >= point.score, "\(random)") }
            #expect(Set(all.map(\.id)) == Set(lists.joined().map(\.id)))
        }
    }

    @Test(arguments: [
        (#"{"fusion":"sum"}"#, "fusion is \"sum\""), (#"{"rrf":{"k":0}}"#, "rrf.k is 0"),
        (#"{"rrf":{"weights":[1,-1]}}"#, "rrf.weights[1] is -1"), (#"{"rrf":{"weights":[]}}"#, "rrf.weights is []"),
        (#"{"rrf":{"kk":1}}"#, "Did you mean k"), (#"{}"#, "not one of these"), (#"[]"#, "the fusion is []"),
        (#"{"rrf":{"weights":[1e300]}}"#, "rrf.weights[0]"), (#"{"rrf":{},"fusion":"rrf"}"#, "alone"),
    ]) func whatCannotBeReadSaysWhere(_ text: String, _ part: String) throws {
        let error = #expect(throws: BelfryError.self) {
            try Fusion(json: JSON(parsing: Data(text.utf8), source: "test"))
        }
        #expect(
            error?.code == .invalidInput && error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    @Test func settingsAreCheckedAndWritten() throws {
        for fusion in [
            Fusion.reciprocalRank(k: 0), .reciprocalRank(weights: [1]), .reciprocalRank(weights: [1, .nan]),
        ] {
            #expect(throws: BelfryError.self) { try fusion.fused([[], []]) }
        }
        for fusion in [Fusion.scoreDistribution, .reciprocalRank(k: 7, weights: [0.1, 3])] {
            #expect(try Fusion(json: fusion.json) == fusion)
        }
    }

    @Test func whatIsNoNumberComesLast() {
        let points = Self.list([(1, .nan), (2, -.infinity), (3, 0), (4, .infinity), (5, .nan)])
        #expect(points.sorted().map(\.id) == [4, 3, 1, 2, 5].map { .number($0) })
    }
}
