public import Files

/// Words to look for in texts.
///
/// A word is a run of letters and digits as Unicode has them (`Alphabetic`, `Nd`, `Nl`, `No`), in lowercase: what Qdrant's
/// `word` tokenizer makes of a text, but for the sigma at the end of Greek words, which is a sigma here.
public struct WordQuery: Hashable, Sendable {
    /// The text as it was given.
    public let text: String
    /// Its words in their order.
    public let words: [UTF8Key]
    /// Its words, each once.
    let distinct: Set<UTF8Key>

    /// The words of `text`. A query without words finds nothing.
    public init(_ text: String) {
        self.text = text
        words = Self.words(of: text)
        distinct = Set(words)
    }

    /// Whether both look for the same words.
    public static func == (first: WordQuery, second: WordQuery) -> Bool { first.words == second.words }

    /// Feeds the words.
    public func hash(into hasher: inout Hasher) { hasher.combine(words) }

    /// The words of a text, in their order.
    static func words(of text: String) -> [UTF8Key] {
        var words: [UTF8Key] = []
        eachWord(of: text) { words.append($0) }
        return words
    }

    /// Calls `body` with each word of a text.
    static func eachWord(of text: String, _ body: (UTF8Key) -> Void) {
        let isASCII = text.utf8.withContiguousStorageIfAvailable { bytes in
            guard bytes.allSatisfy({ $0 < 0x80 }) else { return false }
            eachWord(ofASCII: bytes, body)
            return true
        }
        if isASCII == true { return }
        let scalars = text.unicodeScalars
        var start: String.Index?
        func finish(_ start: String.Index, _ end: String.Index) {
            let word = text[start..<end].lowercased()
            body(UTF8Key(word.utf8.contains(0xcf) ? word.replacing(scalar: "ς", with: "σ") : word))
        }
        var place = scalars.startIndex
        while place != scalars.endIndex {
            if isWordly(scalars[place]) {
                if start == nil { start = place }
            } else if let begun = start {
                finish(begun, place)
                start = nil
            }
            scalars.formIndex(after: &place)
        }
        if let start { finish(start, scalars.endIndex) }
    }

    private static func eachWord(ofASCII bytes: UnsafeBufferPointer<UInt8>, _ body: (UTF8Key) -> Void) {
        var start = 0
        for place in 0...bytes.count where place == bytes.count || !isWordly(Unicode.Scalar(bytes[place])) {
            if place > start {
                let word = String(unsafeUninitializedCapacity: place - start) { letters in
                    for index in start..<place {
                        let byte = bytes[index]
                        letters[index - start] = (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
                    }
                    return place - start
                }
                body(UTF8Key(word))
            }
            start = place + 1
        }
    }

    private static func isWordly(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            return (0x30...0x39).contains(scalar.value) || (0x61...0x7a).contains(scalar.value | 0x20)
        }
        if scalar.properties.isAlphabetic { return true }
        switch scalar.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }
}

extension String {
    /// The text with other characters for `scalar`, wherever it stands, before an accent, too.
    func replacing(scalar: Unicode.Scalar, with scalars: String) -> String {
        var view = String.UnicodeScalarView()
        for next in unicodeScalars {
            if next == scalar { view.append(contentsOf: scalars.unicodeScalars) } else { view.append(next) }
        }
        return String(view)
    }
}

extension WordQuery {
    /// Takes out of `missing` the words of `text`.
    static func remove(wordsOf text: String, from missing: inout Set<UTF8Key>) {
        eachWord(of: text) { missing.remove($0) }
    }

    /// Whether one of the words is in `text`.
    func hasAny(in text: String) -> Bool {
        var isThere = false
        Self.eachWord(of: text) { if !isThere, distinct.contains($0) { isThere = true } }
        return isThere
    }

    /// Whether the words stand in `text` one behind the other.
    func hasPhrase(in text: String) -> Bool {
        guard let first = words.first else { return false }
        let all = Self.words(of: text)
        guard all.count >= words.count else { return false }
        return (0...all.count - words.count).contains {
            all[$0] == first && all[$0..<$0 + words.count].elementsEqual(words)
        }
    }
}
