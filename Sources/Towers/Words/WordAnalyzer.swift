package import Files
import Foundation
import Vectors

/// Makes terms of texts: what a search by words compares.
///
/// 1. A text is cut into words: see ``WordBreaks``.
/// 2. A word is folded: compatibility forms (`ﬁ`, full-width letters) become the usual ones, capitals small letters.
/// 3. It is taken back to its stem, where its language has a stemmer.
/// 4. Accents of Latin, Greek and Cyrillic letters are dropped: people leave them out where they type. In English that comes
///    before the stem: accents are in foreign words alone, and the stemmer knows none.
package struct WordAnalyzer: Sendable {
    /// Which stemmer; nil for none.
    package let language: String?
    private let stemmers: Pool<Stemmer>?
    private let stopWords: Set<String>

    /// Longer words are cut: nobody types them, and stemmers take time.
    private static let longest = 255

    /// The languages that there are stemmers for.
    package static var languages: [String] { Stemmer.languages }

    /// An analyzer for a language, by its English name in small letters: “english”; nil for one that cuts and folds.
    /// - Throws: `invalidInput` for a language that has no stemmer.
    package init(language: String?) throws(BelfryError) {
        self.language = language
        guard let language else {
            (stemmers, stopWords) = (nil, [])
            return
        }
        try Self.requireStemmer(for: language)
        stemmers = Pool { Stemmer(language) }
        stopWords = StopWords.of(language)
    }

    /// - Throws: `invalidInput` for a language that has no stemmer.
    package static func requireStemmer(for language: String) throws(BelfryError) {
        guard !languages.contains(language) else { return }
        throw BelfryError(
            .invalidInput, "There is no stemmer for the language \(language.debugDescription).",
            remedy: "Write one of \(languages.joined(separator: ", ")), or none.")
    }

    /// Calls `body` with each term of a text, in order, and whether its word says nothing by itself, as “the”.
    package func forEach(in text: String, _ body: (_ term: String, _ isStopWord: Bool) -> Void) {
        let stemmer = stemmers?.take()
        defer { if let stemmer { stemmers?.give(back: stemmer) } }
        WordBreaks.forEach(in: text) { word in
            let folded = Self.folded(word)
            let plain = language == "english" ? Self.withoutAccents(folded) : folded
            let stem = stemmer?.stem(plain) ?? plain
            body(Self.withoutAccents(stem), stopWords.contains(folded))
        }
    }

    /// A term as a number of 32 bits: FNV-1a with 64, folded. Of a million terms about a hundred share theirs with another one.
    package static func number(of term: String) -> UInt32 {
        var term = term
        let hash = term.withUTF8 { FeatureHash.fnv1a64($0) }
        return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }

    private static func folded(_ word: Substring) -> String {
        if word.utf8.count <= longest, word.utf8.allSatisfy({ $0 < 0x80 }) { return word.lowercased() }
        let cut = String(String.UnicodeScalarView(word.unicodeScalars.prefix(longest)))
        // The apostrophe that stemmers know.
        return cut.precomposedStringWithCompatibilityMapping.lowercased().replacingOccurrences(
            of: "\u{2019}", with: "'")
    }

    private static func withoutAccents(_ word: String) -> String {
        guard word.utf8.contains(where: { $0 >= 0x80 }) else { return word }
        var (kept, base): (String.UnicodeScalarView, Unicode.Scalar) = (.init(), " ")
        for scalar in word.decomposedStringWithCanonicalMapping.unicodeScalars {
            let isMark = scalar.properties.generalCategory == .nonspacingMark
            if !isMark { base = scalar }
            // In other scripts marks are vowels.
            if !isMark || base.value >= 0x530 { kept.append(scalar == "ς" ? "σ" : scalar) }
        }
        return String(kept).precomposedStringWithCanonicalMapping
    }
}
