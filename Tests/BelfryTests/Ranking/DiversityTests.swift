import Files
import TestSupport
import Testing
import Vectors

@testable import Belfry

@Suite struct DiversityTests {
    /// Vectors of small whole numbers, so that sums are exact in any order and ties are frequent.
    private static func made(_ rows: Int, _ random: inout SeededGenerator) -> (relevance: [Float], vectors: Matrix) {
        let vectors = (0..<rows).map { _ in (0..<3).map { _ in Float(Int.random(in: -4...4, using: &random)) } }
        let query = (0..<3).map { _ in Float(Int.random(in: -4...4, using: &random)) }
        let relevance = vectors.map { zip($0, query).reduce(0) { $0 + $1.0 * $1.1 } }
        let order = (0..<rows).sorted { relevance[$0] > relevance[$1] }
        return (order.map { relevance[$0] }, Matrix(order.map { vectors[$0] }))
    }

    @Test func pagesContinueOneAnother() throws {
        var random = SeededGenerator()
        for round in 0..<60 {
            let rows = Int.random(in: 1...260, using: &random)
            let (relevance, vectors) = Self.made(rows, &random)
            let limit = [nil, 5, 50, 300].randomElement(using: &random)!
            let diversity = try Diversity(Float(Int.random(in: 0...8, using: &random)) / 8, candidatesLimit: limit)
            let whole = diversity.order(.max, relevance: relevance, vectors: vectors, metric: .ip)
            #expect(whole.count == min(rows, limit ?? rows) && Set(whole).count == whole.count)
            for count in [0, 1, 7, 100, 101, 1_000] {
                // What is asked for is all that a search has to find.
                let found = min(rows, diversity.candidates(for: count))
                let order = diversity.order(
                    count, relevance: Array(relevance.prefix(found)), vectors: vectors.prefix(found), metric: .ip)
                #expect(order == Array(whole.prefix(count)), "\(round), \(count) of \(rows), \(random)")
            }
        }
    }

    @Test func eachAnswerIsTheBestOfThoseLeft() throws {
        var random = SeededGenerator()
        for round in 0..<200 {
            let (relevance, vectors) = Self.made(Int.random(in: 1...40, using: &random), &random)
            let share = Float(Int.random(in: 0...4, using: &random)) / 4
            let order = try Diversity(1 - share).order(.max, relevance: relevance, vectors: vectors, metric: .ip)
            #expect(order.first == 0, "the most relevant comes first")
            for (place, answer) in order.enumerated().dropFirst() {
                func value(_ candidate: Int) -> Float {
                    let most = order.prefix(place).map { other in
                        zip(vectors[candidate], vectors[other]).reduce(0) { $0 + $1.0 * $1.1 }
                    }.max()!
                    return share * relevance[candidate] - (1 - share) * most
                }
                for other in order.dropFirst(place + 1) {
                    let (own, its) = (value(answer), value(other))
                    #expect(own > its || own == its && answer < other, "\(round), \(random)")
                }
            }
        }
    }

    @Test func nothingButRelevance() throws {
        var random = SeededGenerator()
        let (relevance, vectors) = Self.made(150, &random)
        let order = try Diversity(0).order(150, relevance: relevance, vectors: vectors, metric: .ip)
        #expect(order == Array(0..<150))
        #expect(try Diversity(0.5).order(5, relevance: [], vectors: Matrix(rows: 0, columns: 3), metric: .l2) == [])
    }

    @Test func settingsAreChecked() throws {
        #expect(try Diversity(json: ["diversity": 0.25, "candidates_limit": 9]) == Diversity(0.25, candidatesLimit: 9))
        #expect(try Diversity(json: .object(JSON.Members())) == Diversity())
        #expect(try Diversity(candidatesLimit: 7).candidates(for: 100) == 7 && Diversity().candidates(for: 101) == 200)
        #expect(try Diversity().candidates(for: .max) == .max && Diversity().candidates(for: 0) == 0)
        for json in [["diversity": 1.5], ["candidates_limit": -1], ["candidates_limit": 16_385], ["lambda": 1], 5]
            as [JSON]
        {
            #expect(throws: BelfryError.self) { try Diversity(json: json) }
        }
    }
}
