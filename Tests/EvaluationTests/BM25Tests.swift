import Foundation
import TestSupport
import Testing

@testable import Evaluation

@Suite struct BM25Tests {
    @Test func wordsAreLettersAndDigits() {
        #expect(
            BM25.words("Heat-resistant GLOVES, 10.5\" (pair)_x") == [
                "heat", "resistant", "gloves", "10", "5", "pair", "x",
            ])
        #expect(BM25.words("Größe ２ e\u{301}té") == ["größe", "２", "e\u{301}té"])
        #expect(BM25.words(" – ").isEmpty)
    }

    /// One document of two has the word: its weight is ln 2 times a factor for its length.
    @Test func isWhatItIsByHand() {
        let scores = BM25(["red lamp", "a blue desk lamp"]).scores("Red!")
        let norm = 1.2 * (1 - 0.75 + 0.75 * 2 / 3)
        #expect(scores.count == 1 && scores[0].document == 0)
        #expect(abs(Double(scores[0].score) - log(2) * 2.2 / (1 + norm)) < 1e-6)
    }

    /// The same sums, document by document.
    @Test func equalsItsSlowTwin() {
        var random = SeededGenerator()
        let vocabulary = (0..<30).map { "w\($0)" }
        func text() -> String {
            (0..<Int.random(in: 0...25, using: &random)).map { _ in
                vocabulary[min(Int.random(in: 0..<30, using: &random), Int.random(in: 0..<30, using: &random))]
            }.joined(separator: " ")
        }
        let documents = (0..<60).map { _ in text() }
        let index = BM25(documents)
        for _ in 0..<50 {
            let query = text()
            let scores = Dictionary(uniqueKeysWithValues: index.scores(query).map { (Int($0.document), $0.score) })
            for document in documents.indices {
                let expected = Self.score(query, document, documents)
                #expect(abs(Double(scores[document] ?? 0) - expected) < 1e-4, "\(random)")
                #expect((scores[document] != nil) == (expected > 0))
            }
        }
    }

    private static func score(_ query: String, _ document: Int, _ documents: [String]) -> Double {
        let words = documents.map { $0.split(separator: " ") }
        let mean = Double(words.reduce(0) { $0 + $1.count }) / Double(documents.count)
        var score = 0.0
        for word in query.split(separator: " ") {
            let having = Double(words.count { $0.contains(word) })
            let count = Double(words[document].count { $0 == word })
            let rarity = log(1 + (Double(documents.count) - having + 0.5) / (having + 0.5))
            score += rarity * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * Double(words[document].count) / mean))
        }
        return score
    }

    @Test func nothingIsFoundInNothing() {
        #expect(BM25([]).scores("lamp").isEmpty)
        #expect(BM25(["", ""]).scores("lamp").isEmpty)
        #expect(BM25(["lamp", ""]).scores("").isEmpty)
    }
}
