package import Files
import Foundation
import Vectors

/// Makes terms of texts: what a search by words compares.
///
/// 1. A text is cut into words: see ``WordBreaks``.
/// 2. A word is folded: compatibility forms (`ﬁ`, full-width letters) become the usual ones, capitals small letters.
/// 3. It is taken back to its stem, where its language has a stemmer.
/// 4. Accents of Latin, Greek and Cyrillic letters are dropped: people leave them out where they type.
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
        guard Stemmer.languages.contains(language) else {
            throw BelfryError(
                .invalidInput, "There is no stemmer for the language \(language.debugDescription).",
                remedy: "Write one of \(Stemmer.languages.joined(separator: ", ")), or none.")
        }
        stemmers = Pool { Stemmer(language) }
        stopWords = StopWords.of(language)
    }

    /// Calls `body` with each term of a text, in order, and whether its word says nothing by itself, as “the”.
    package func forEach(in text: String, _ body: (_ term: String, _ isStopWord: Bool) -> Void) {
        let stemmer = stemmers?.take()
        defer { if let stemmer { stemmers?.give(back: stemmer) } }
        WordBreaks.forEach(in: text) { word in
            let folded = Self.folded(word)
            // English has accents in foreign words alone, and its stemmer knows none.
            let plain = language == "english" ? Self.withoutAccents(folded) : folded
            let stem = stemmer?.stem(plain) ?? plain
            body(Self.withoutAccents(stem), stopWords.contains(folded))
        }
    }

    private static func folded(_ word: Substring) -> String {
        let isASCII = word.utf8.withContiguousStorageIfAvailable { bytes -> String? in
            guard bytes.count <= longest, bytes.allSatisfy({ $0 < 0x80 }) else { return nil }
            return String(unsafeUninitializedCapacity: bytes.count) { target in
                for (place, byte) in bytes.enumerated() {
                    target[place] = (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
                }
                return bytes.count
            }
        }
        if let folded = isASCII ?? nil { return folded }
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
