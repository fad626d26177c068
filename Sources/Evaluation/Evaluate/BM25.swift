import Foundation

/// The plain baseline of text search: documents by the words that they share with the query.
///
/// Okapi BM25 (Robertson and Zaragoza, The probabilistic relevance framework: BM25 and beyond, 2009) with k1 = 1.2 and
/// b = 0.75. A word that `n` of `N` documents have weighs ln(1 + (N − n + ½) / (n + ½)): as Lucene has it, so that no
/// word weighs less than nothing. A word that the query has twice counts twice. Words are lower-cased runs of letters and
/// digits, without stemming and without a list of words to leave out.
struct BM25: Sendable {
    static let k1 = 1.2
    static let b = 0.75

    private struct Posting {
        var document: Int32
        var weight: Float
    }

    /// The number of each word.
    private let words: [String: Int32]
    /// Of each word where its postings end; they stand one word after the other, by document.
    private let ends: [Int]
    private let postings: [Posting]
    let documentCount: Int

    /// An index over texts; an empty text is a document without words.
    init(_ documents: [String]) {
        documentCount = documents.count
        var words: [String: Int32] = [:]
        var contents: [[(word: Int32, count: Int)]] = []
        var frequencies: [Int] = []
        var lengths: [Double] = []
        for document in documents {
            var counts: [Int32: Int] = [:]
            for word in Self.words(document) {
                let number = words[word, default: Int32(words.count)]
                words[word] = number
                counts[number, default: 0] += 1
            }
            frequencies += [Int](repeating: 0, count: words.count - frequencies.count)
            for number in counts.keys { frequencies[Int(number)] += 1 }
            contents.append(counts.map { ($0, $1) })
            lengths.append(Double(counts.values.reduce(0, +)))
        }
        let mean = max(lengths.reduce(0, +) / Double(max(documents.count, 1)), .leastNormalMagnitude)
        let total = Double(documents.count)

        var ends = frequencies
        for word in ends.indices.dropFirst() { ends[word] += ends[word - 1] }
        var next = zip(ends, frequencies).map { $0 - $1 }
        var postings = [Posting](repeating: Posting(document: 0, weight: 0), count: ends.last ?? 0)
        for (document, content) in contents.enumerated() {
            let norm = Self.k1 * (1 - Self.b + Self.b * lengths[document] / mean)
            for (word, count) in content {
                let n = Double(frequencies[Int(word)])
                let rarity = log(1 + (total - n + 0.5) / (n + 0.5))
                let weight = rarity * Double(count) * (Self.k1 + 1) / (Double(count) + norm)
                postings[next[Int(word)]] = Posting(document: Int32(document), weight: Float(weight))
                next[Int(word)] += 1
            }
        }
        (self.words, self.ends, self.postings) = (words, ends, postings)
    }

    /// The scores of all documents that share a word with `query`.
    func scores(_ query: String) -> [(document: Int32, score: Float)] {
        var scores = [Float](repeating: 0, count: documentCount)
        var touched: [Int32] = []
        for word in Self.words(query) {
            guard let number = words[word] else { continue }
            let start = number == 0 ? 0 : ends[Int(number) - 1]
            for posting in postings[start..<ends[Int(number)]] {
                // No weight is 0.
                if scores[Int(posting.document)] == 0 { touched.append(posting.document) }
                scores[Int(posting.document)] += posting.weight
            }
        }
        return touched.map { ($0, scores[Int($0)]) }
    }

    /// The words of a text, in its order.
    static func words(_ text: String) -> [String] {
        text.lowercased().unicodeScalars.split { !isPartOfWord($0) }.map { String($0) }
    }

    /// Letters, digits, and the accents that stand by themselves.
    private static func isPartOfWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.properties.isAlphabetic || (48...57).contains(scalar.value) }
        switch scalar.properties.generalCategory {
        case .lowercaseLetter, .uppercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber, .nonspacingMark, .spacingMark:
            return true
        default: return false
        }
    }
}
