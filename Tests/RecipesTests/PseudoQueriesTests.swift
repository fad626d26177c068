import Neighbors
import Testing

@testable import Recipes

@Suite struct PseudoQueriesTests {
    /// Titles and descriptions of different words.
    private static func texts(_ count: Int) -> [String] {
        (0..<count).map { number in
            "Maker \(number % 7) (Model-\(number)) Steel Clamp size \(number % 50)\n"
                + "Holds pipes number \(number) of steel, brass. Second sentence."
        }
    }

    @Test func everyKindIsMadeOfTheTexts() throws {
        let texts = Self.texts(1_000)
        let made = PseudoQueries(of: texts, seed: 3).queries()
        #expect(made.map(\.kind) == [.words, .phrases, .passages, .titles, .sentences])
        let all = texts.joined(separator: "\n").lowercased()
        for (kind, queries) in made {
            #expect(Set(queries).count == queries.count, "\(kind)")
            for query in queries {
                let words = query.split(separator: " ").count
                switch kind {
                case .words: #expect(words == 1 && all.contains(query.lowercased()), "\(query)")
                case .phrases: #expect((2...3).contains(words), "\(query)")
                case .passages: #expect((4...6).contains(words), "\(query)")
                case .titles: #expect(query.lowercased().hasPrefix("maker"), "\(query)")
                default: #expect(query.lowercased().hasPrefix("holds pipes") && !query.contains("."), "\(query)")
                }
                #expect(query.first?.isPunctuation == false && query.last != ",", "\(query)")
            }
        }
        // The same texts and seed give the same queries.
        let again = PseudoQueries(of: texts, seed: 3).queries()
        #expect(zip(made, again).allSatisfy { $0.kind == $1.kind && $0.texts == $1.texts })
    }

    @Test func textsOfOneLineHaveNoTitlesApart() {
        let made = PseudoQueries(of: (0..<500).map { "red lamp \($0) with a shade \($0 % 9)" }, seed: 1).queries()
        #expect(made.map(\.kind) == [.words, .phrases, .passages])
    }

    /// A kind of which too few can be made is left out; so are all where there are no texts.
    @Test func tooFewAreNone() {
        #expect(PseudoQueries(of: [], seed: 1).queries().isEmpty)
        #expect(PseudoQueries(of: ["lamp", "lamp"], seed: 1).queries().isEmpty)
        #expect(PseudoQueries(of: ["…", "-- !!"], seed: 1).queries().isEmpty)
    }
}
