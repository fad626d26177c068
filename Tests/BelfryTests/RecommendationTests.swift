import Belfry
import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// Sources that fill what the ones before left open, quotas over several sources, answers that are drawn.
@Suite struct RecommendationTests {
    /// Point `i` lies at `i` on a line, `sales` grow the other way, `kind` alternates.
    private static func withLine(
        _ metric: Metric = .l2, _ body: (VectorCollection) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            let collection = try VectorCollection.create(folder + "/line.belfry", .init(dimension: 2, metric: metric))
            try await collection.write(
                (0..<20).map { id in
                    let vector: [Float] = metric == .l2 ? [Float(id), 0] : [cos(Float(id) / 20), sin(Float(id) / 20)]
                    let payload: JSON = [
                        "sales": .integer(Int64(100 - id)), "kind": .string(id % 2 == 0 ? "even" : "odd"),
                    ]
                    return .upsert(WrittenPoint(id: "\(id)", vector: vector, payload: payload))
                })
            try await body(collection)
            try await collection.close()
        }
    }

    private static let popular = SearchQuery.ordered(OrderBy(JSONPath(member: "sales"), isDescending: true))

    private static func names(_ response: RecommendationResponse) -> [String] { response.answers.map(\.hit.name) }

    @Test func whatOneSourceLeavesOpenTheNextOneFills() async throws {
        try await Self.withLine { collection in
            var wanted = Recommendation(
                [.init("far", .point("19")), .init("nobody", .point("99")), .init("popular", Self.popular)], k: 5)
            wanted.filter = try Filter(parsing: "sales < 84 or sales > 97")
            var response = try collection.recommend(wanted)
            #expect(Self.names(response) == ["18", "17", "2", "1", "0"], "\(response)")
            #expect(response.outcomes.map(\.answers) == [5] && response.answers.allSatisfy { $0.propensity == nil })

            // Fewer than are wanted, and what is near is not answered twice.
            wanted.k = 7
            wanted.excluding = ["17"]
            wanted.filter = nil
            wanted.sources[0].query = .point("19")
            wanted.filter = try Filter(parsing: "sales < 84")
            response = try collection.recommend(wanted)
            #expect(Self.names(response) == ["18", "19"], "\(response)")
            #expect(response.answers.map(\.source) == ["far", "popular"])
            #expect(response.outcomes.map(\.source) == ["far", "nobody", "popular"])
            #expect(response.outcomes[1].passedOver?.contains("99") == true)
            #expect(response.outcomes.map(\.answers) == [1, 0, 1])
        }
    }

    @Test func aSourceThatTheCollectionHasNoTowerForIsPassedOver() async throws {
        try await Self.withLine { collection in
            let sources: [Recommendation.Source] = [
                .init("user", .user("ann")), .init("session", .session(["1"])), .init("popular", Self.popular),
            ]
            let response = try collection.recommend(Recommendation(sources, k: 2))
            #expect(Self.names(response) == ["0", "1"])
            #expect(response.outcomes.map { $0.passedOver != nil } == [true, true, false])
            // A mistake is one all the same.
            #expect(throws: BelfryError.self) {
                try collection.recommend(Recommendation([.init("like", .vector([1])), sources[2]], k: 2))
            }
        }
    }

    @Test func leavesOutWhatTheUserHasSeen() async throws {
        try await Self.withLine { collection in
            try await collection.markSeen(["0", "2"], by: "ann")
            var wanted = Recommendation([.init("user", .user("ann")), .init("popular", Self.popular)], k: 3)
            #expect(Self.names(try collection.recommend(wanted)) == ["1", "3", "4"])
            wanted.includesSeen = true
            #expect(Self.names(try collection.recommend(wanted)) == ["0", "1", "2"])
        }
    }

    @Test func quotasAreFilledOverSources() async throws {
        try await Self.withLine { collection in
            var wanted = Recommendation([.init("near", .point("19")), .init("popular", Self.popular)], k: 0)
            wanted.quotas = [
                .init(try Filter(parsing: "kind = 'odd'"), count: 2),
                .init(try Filter(parsing: "kind = 'even'"), count: 3),
            ]
            #expect(Self.names(try collection.recommend(wanted)) == ["18", "17", "16", "15", "14"])
            // Of those near only few pass: the others are filled by what is popular.
            wanted.filter = try Filter(parsing: "sales > 96 or sales = 82")
            #expect(Set(Self.names(try collection.recommend(wanted))) == ["18", "3", "1", "2", "0"])
            wanted.sources[0].query = .point("99")
            let response = try collection.recommend(wanted)
            #expect(Self.names(response) == ["1", "3", "0", "2", "18"], "\(response)")
            wanted.exploration = try Exploration(temperature: 1, seed: 1)
            #expect(throws: BelfryError.self) { try collection.recommend(wanted) }

            // What one quota has taken is not what the next one asks for.
            wanted = Recommendation([.init("popular", Self.popular)], k: 0)
            wanted.quotas = [
                .init(try Filter(parsing: "sales > 0"), count: 2),
                .init(try Filter(parsing: "kind = 'even'"), count: 2),
                .init(try Filter(parsing: "has vector ''"), count: 1),
            ]
            #expect(Self.names(try collection.recommend(wanted)) == ["0", "1", "2", "4", "3"])
        }
    }

    @Test func examplesThatAreGoneAreLeftOut() async throws {
        try await Self.withLine { collection in
            var wanted = Recommendation(
                [.init("like", .examples(like: ["0", "gone"], unlike: [])), .init("popular", Self.popular)], k: 2)
            #expect(Self.names(try collection.recommend(wanted)) == ["1", "2"])
            wanted.sources[0].query = .examples(like: ["gone"], unlike: ["0"])
            let response = try collection.recommend(wanted)
            #expect(Self.names(response) == ["0", "1"] && response.outcomes[0].passedOver != nil)
        }
    }

    // MARK: exploration

    @Test(arguments: [Metric.l2, .cosine]) func theSameSeedDrawsTheSameAndCoolOnesTheBest(_ metric: Metric) async throws
    {
        try await Self.withLine(metric) { collection in
            var wanted = Recommendation([.init("near", .point("0"))], k: 4)
            wanted.exploration = try Exploration(temperature: 1e-9, seed: 1)
            let best = try collection.recommend(wanted)
            #expect(Self.names(best) == ["1", "2", "3", "4"])
            #expect(best.answers.allSatisfy { ($0.propensity ?? 0) > 0.999 })
            var seen: Set<[String]> = []
            for seed in 0..<20 as Range<UInt64> {
                wanted.exploration = try Exploration(temperature: 5, seed: seed, candidates: 10)
                let drawn = Self.names(try collection.recommend(wanted))
                #expect(drawn == Self.names(try collection.recommend(wanted)))
                #expect(Set(drawn).count == 4 && Set(drawn).isSubset(of: Set((1...10).map(String.init))))
                seen.insert(drawn)
            }
            #expect(seen.count > 15)
        }
    }

    /// Each place is drawn as likely as its propensity says: over many seeds the shares are those of the model.
    @Test func propensitiesAreTheSharesOfDraws() throws {
        let scores = [1.0, 0.5, 0.2, -1]
        var counts = [[Int]](repeating: [Int](repeating: 0, count: 4), count: 2)
        let rounds = 20_000
        for seed in 0..<UInt64(rounds) {
            var random = SplitMix64(seed: seed)
            let drawn = try Exploration(temperature: 0.5, seed: seed).draw(2, scores: scores, using: &random)
            for (place, one) in drawn.enumerated() { counts[place][one.place] += 1 }
            var left = scores.indices.map { $0 }
            for one in drawn {
                let sum = left.reduce(0) { $0 + exp(scores[$1] / 0.5) }
                #expect(abs(one.propensity - exp(scores[one.place] / 0.5) / sum) < 1e-12)
                left.removeAll { $0 == one.place }
            }
        }
        let weights = scores.map { exp($0 / 0.5) }
        let sum = weights.reduce(0, +)
        for choice in scores.indices {
            let first = weights[choice] / sum
            let second = scores.indices.filter { $0 != choice }.reduce(0) {
                $0 + weights[$1] / sum * weights[choice] / (sum - weights[$1])
            }
            // Five standard deviations.
            for (place, share) in [first, second].enumerated() {
                let width = 5 * (share * (1 - share) / Double(rounds)).squareRoot()
                #expect(abs(Double(counts[place][choice]) / Double(rounds) - share) < width, "\(place), \(choice)")
            }
        }
    }

    /// What one source has drawn says nothing of what the next one draws.
    @Test func drawsOfOneGeneratorAreIndependent() throws {
        var pairs: Set<[Int]> = []
        for seed in 0..<200 as Range<UInt64> {
            let exploration = try Exploration(temperature: 1, seed: seed)
            var random = SplitMix64(seed: seed)
            pairs.insert((0..<2).map { _ in exploration.draw(1, scores: [1, 1], using: &random)[0].place })
        }
        #expect(pairs.count == 4)
    }

    @Test func anExplorationThatIsNoneIsRefused() throws {
        for temperature in [0, -1, .nan, .infinity] {
            #expect(throws: BelfryError.self) { try Exploration(temperature: temperature, seed: 1) }
        }
        #expect(throws: BelfryError.self) { try Exploration(temperature: 1, seed: 1, candidates: 0) }
        // However far scores lie from one another.
        var random = SplitMix64(seed: 1)
        let drawn = try Exploration(temperature: 1e-300, seed: 1).draw(3, scores: [-1e300, 1e300, 0], using: &random)
        #expect(drawn.map(\.place) == [1, 2, 0] && drawn.allSatisfy { $0.propensity == 1 })
    }
}
