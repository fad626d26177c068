import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// What a search by words makes of texts.
@Suite struct WordTests {
    private func words(_ text: String) -> [String] {
        var words: [String] = []
        WordBreaks.forEach(in: text) { words.append(String($0)) }
        return words
    }

    private func terms(_ text: String, _ language: String? = "english") throws -> [String] {
        var terms: [String] = []
        try WordAnalyzer(language: language).forEach(in: text) { term, _ in terms.append(term) }
        return terms
    }

    /// Texts of many scripts are cut as another implementation of UAX #29 cuts them.
    @Test func textsAreCutByTheStandard() throws {
        struct Cut: Decodable { var text: String, words: [String] }
        let file = TestData.root + "/Tests/TowersTests/Fixtures/words/words.json"
        let cuts = try JSONDecoder().decode([Cut].self, from: Data(contentsOf: URL(fileURLWithPath: file)))
        #expect(cuts.count > 400)
        for cut in cuts { #expect(words(cut.text) == cut.words, "\(cut.text.debugDescription)") }
    }

    @Test func aColonJoinsNothing() { #expect(words("size:large") == ["size", "large"]) }

    @Test func formsOfAWordAreOneTerm() throws {
        #expect(try terms("Running runs RUN") == ["run", "run", "run"])
        #expect(try terms("The dog’s dogs' dogs") == ["the", "dog", "dog", "dog"])
        #expect(try terms("résumé resume") == ["resum", "resum"])
        #expect(try terms("Häuser Haus", "german") == ["haus", "haus"])
        #expect(try terms("chevaux cheval", "french") == ["cheval", "cheval"])
        // Without a stemmer, folded alone.
        #expect(try terms("Running", nil) == ["running"])
    }

    @Test func accentsAndWidthsAreFolded() throws {
        #expect(try terms("Crème CREME cre\u{300}me", nil) == ["creme", "creme", "creme"])
        #expect(try terms("ＦＵＬＬ ﬁt Ⅷ", nil) == ["full", "fit", "viii"])
        #expect(try terms("Ελλάδα ΕΛΛΑΔΑ ΛΌΓΟΣ λόγος", nil) == ["ελλαδα", "ελλαδα", "λογοσ", "λογοσ"])
        // In other scripts marks are vowels.
        #expect(try terms("हिन्दी", nil) == ["हिन्दी"])
    }

    @Test func wordsThatSayNothingAreKnown() throws {
        var silent: [String] = []
        try WordAnalyzer(language: "english").forEach(in: "What is the best lamp?") { term, isStopWord in
            if isStopWord { silent.append(term) }
        }
        #expect(silent == ["what", "is", "the"])
    }

    @Test func aLanguageWithoutAStemmerIsRefused() {
        for language in ["klingon", "English", "", "porter"] {
            let error = #expect(throws: BelfryError.self) { try WordAnalyzer(language: language) }
            #expect(error?.remedy?.description.contains("english") == true)
        }
    }

    /// Whatever a text is, its words are parts of it, in order, and a term never ends the process.
    @Test func anyTextIsCut() throws {
        var random = SeededGenerator()
        for language in WordAnalyzer.languages {
            let analyzer = try WordAnalyzer(language: language)
            for _ in 0..<100 {
                let scalars = (0..<Int.random(in: 0...60, using: &random)).compactMap { _ in
                    Unicode.Scalar(
                        UInt32.random(in: 0...(Bool.random(using: &random) ? 0x2ff : 0x1ffff), using: &random))
                }
                var view = String.UnicodeScalarView()
                view.append(contentsOf: scalars)
                let text = String(view)
                var count = 0
                analyzer.forEach(in: text) { term, _ in count += term.isEmpty ? 0 : 1 }
                #expect(count <= scalars.count, "\(random)")
                var last = text.startIndex
                WordBreaks.forEach(in: text) { word in
                    #expect(word.startIndex >= last && !word.isEmpty, "\(random)")
                    last = word.endIndex
                }
            }
        }
    }

    @Test func aLongTextTakesNoLongerThanItsWords() throws {
        let long = String(repeating: "lamp ", count: 200_000) + String(repeating: "x", count: 1_000_000)
        #expect(try terms(long).count == 200_001)
    }
}
