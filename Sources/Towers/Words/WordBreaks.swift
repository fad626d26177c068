/// Cuts texts into words: the default word boundaries of UAX #29 (Unicode Standard Annex #29, revision 43), of which those
/// stretches are words that have a letter or a digit.
///
/// So `3.5mm`, `don’t` and `U.S.A` are one word each, `wi-fi` is two. Every ideograph is one.
enum WordBreaks {
    /// Calls `body` with each word of a text, in order.
    static func forEach(in text: String, _ body: (Substring) -> Void) {
        let scalars = text.unicodeScalars
        var scanner = Scanner(scalars)
        while let word = scanner.next() { body(text[word]) }
    }

    private struct Scanner {
        private let scalars: String.UnicodeScalarView
        private var place: String.Index

        init(_ scalars: String.UnicodeScalarView) { (self.scalars, place) = (scalars, scalars.startIndex) }

        /// The next word; nil at the end.
        mutating func next() -> Range<String.Index>? {
            while place != scalars.endIndex {
                let start = place
                let first = take()
                guard first.beginsWord else { continue }
                if scan(first) { return start..<place }
            }
            return nil
        }

        /// Goes on to the end of a stretch that begins with a class; says whether it is a word.
        private mutating func scan(_ first: WordClass) -> Bool {
            var (last, hasWord) = (first, first != .joiner)
            while place != scalars.endIndex {
                let next = WordClass.of(scalars[place])
                if last.joins(next) {
                    last = take()
                } else if let middle = next.middle(after: last), middle(following(place)) {
                    _ = take()
                    last = take()
                } else if last == .hebrewLetter, next == .singleQuote {
                    // WB7a; a quote at the end is taken with it.
                    _ = take()
                    return true
                } else {
                    return hasWord
                }
                hasWord = hasWord || last != .joiner
            }
            return hasWord
        }

        /// Takes a character and what goes with it (WB4).
        private mutating func take() -> WordClass {
            let taken = WordClass.of(scalars[place])
            place = afterExtending(place)
            return taken
        }

        private func afterExtending(_ place: String.Index) -> String.Index {
            var place = scalars.index(after: place)
            while place != scalars.endIndex, WordClass.of(scalars[place]) == .extending {
                scalars.formIndex(after: &place)
            }
            return place
        }

        /// The class of the character behind the one at a place, and behind what goes with that.
        private func following(_ place: String.Index) -> WordClass {
            let next = afterExtending(place)
            return next == scalars.endIndex ? .other : WordClass.of(scalars[next])
        }
    }
}

extension WordClass {
    fileprivate var isLetter: Bool { self == .letter || self == .hebrewLetter }

    fileprivate var beginsWord: Bool {
        switch self {
        case .letter, .hebrewLetter, .katakana, .numeric, .single, .joiner: true
        default: false
        }
    }

    /// Whether there is no boundary before `next` (WB5, 8, 9, 10, 13, 13a, 13b).
    fileprivate func joins(_ next: WordClass) -> Bool {
        switch (self, next) {
        case (.letter, .letter), (.letter, .hebrewLetter), (.hebrewLetter, .letter), (.hebrewLetter, .hebrewLetter),
            (.letter, .numeric), (.hebrewLetter, .numeric), (.numeric, .letter), (.numeric, .hebrewLetter),
            (.numeric, .numeric), (.katakana, .katakana), (.joiner, .joiner),
            (.letter, .joiner), (.hebrewLetter, .joiner), (.numeric, .joiner), (.katakana, .joiner),
            (.joiner, .letter), (.joiner, .hebrewLetter), (.joiner, .numeric), (.joiner, .katakana):
            true
        default: false
        }
    }

    /// What must follow this between two of a kind for there to be no boundary (WB6 and 7, 7b and c, 11 and 12); nil where
    /// it stands between none.
    fileprivate func middle(after last: WordClass) -> ((WordClass) -> Bool)? {
        switch self {
        case .middleOfLetters where last.isLetter, .middleOfBoth where last.isLetter,
            .singleQuote where last.isLetter:
            { $0.isLetter }
        case .doubleQuote where last == .hebrewLetter: { $0 == .hebrewLetter }
        case .middleOfNumbers where last == .numeric, .middleOfBoth where last == .numeric,
            .singleQuote where last == .numeric:
            { $0 == .numeric }
        default: nil
        }
    }
}
