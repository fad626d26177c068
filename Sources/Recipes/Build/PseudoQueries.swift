import Files
import Neighbors
import Shards
import Towers
import Vectors

/// Queries made from a collection's own texts: what people may type who look for these things, where nobody has said what
/// they do type.
///
/// 1. Of the texts a seeded sample is drawn.
/// 2. Each kind of query is cut from texts of the sample: single words, words that follow each other, titles, sentences.
///    Half of them are in lower case, as most people write.
/// 3. The query tower embeds them as queries, with its prompt if it has one.
///
/// A query that equals another one of its kind is left out: a word that every text has is one query.
struct PseudoQueries {
    /// How many of each kind there are at most.
    static let perKind = 400
    /// How many texts they are cut from at most.
    private static let texts = 4_000
    /// Tries to find one more query that is not there yet, before it gives up.
    private static let triesPerQuery = 8
    private static let kinds: [QueryStyle] = [.words, .phrases, .passages, .titles, .sentences]

    private let texts: [String]
    private let seed: UInt64

    /// Queries from some of `texts`, drawn by `seed`.
    init(of texts: [String], seed: UInt64) { (self.texts, self.seed) = (texts, seed) }

    /// A sample of a recipe's texts, of the first `limit` rows that can be used; none where its items are no texts.
    static func sample(
        of recipe: Recipe, _ tower: Tower, limit: Int?, seed: UInt64
    ) throws(BelfryError) -> PseudoQueries {
        guard case .text = recipe.input.read(asText: tower.takesTexts) else { return PseudoQueries(of: [], seed: seed) }
        var items = try ItemReader(recipe, tower)
        var (sample, seen) = (Reservoir<String>(Self.texts, seed: seed), 0)
        while seen < limit ?? .max, let item = try items.next(badRow: { _ in }) {
            guard case .text(let text) = item.content else { continue }
            seen += 1
            sample.offer(text)
        }
        return PseudoQueries(of: sample.elements, seed: seed)
    }

    /// The texts of all kinds of which there are enough to calibrate on.
    func queries() -> [(kind: QueryStyle, texts: [String])] {
        guard !texts.isEmpty else { return [] }
        return Self.kinds.map { ($0, queries(of: $0)) }.filter { $0.1.count >= SegmentBuilder.minQueries }
    }

    /// The vectors of all kinds.
    func samples(_ tower: Tower, metric: Metric, threads: Int) throws(BelfryError) -> [QuerySample] {
        var samples: [QuerySample] = []
        for (kind, texts) in queries() {
            let vectors = try tower.embed(texts, as: .query, threads: threads)
            let check = VectorCheck(dimension: vectors.columns, metric: metric)
            if let usable = vectors.usable(by: check) { samples.append(QuerySample(kind, usable)) }
        }
        return samples
    }

    private func queries(of kind: QueryStyle) -> [String] {
        var random = SplitMix64(seed: seed ^ UInt64(kind.rawValue))
        var (found, known) = ([String](), Set<[UInt8]>())
        for _ in 0..<Self.perKind * Self.triesPerQuery where found.count < Self.perKind {
            let text = texts[Int(random.next(upperBound: UInt64(texts.count)))]
            guard let query = Self.query(kind, of: text, &random) else { continue }
            let isLower = random.next() & 1 == 1
            let written = isLower ? query.lowercased() : query
            if known.insert(Array(written.utf8)).inserted { found.append(written) }
        }
        return found
    }

    private static func query(_ kind: QueryStyle, of text: String, _ random: inout SplitMix64) -> String? {
        let lines = text.split(whereSeparator: \.isNewline)
        switch kind {
        case .words: return words(text, 1...1, &random)
        case .phrases: return words(text, 2...3, &random)
        case .passages: return words(text, 4...6, &random)
        // A text of one line is the row itself.
        case .titles: return lines.count > 1 ? lines[0].trimmed : nil
        case .sentences: return lines.count > 1 ? sentence(lines[1]) : nil
        case .given, .rows, .users: return nil
        }
    }

    /// So many words that follow each other, without the punctuation around them.
    private static func words(_ text: String, _ lengths: ClosedRange<Int>, _ random: inout SplitMix64) -> String? {
        let words = text.split(whereSeparator: \.isWhitespace).map { word in
            String(
                word.drop { !$0.isLetter && !$0.isNumber }.reversed().drop { !$0.isLetter && !$0.isNumber }.reversed())
        }.filter { !$0.isEmpty }
        guard words.count >= lengths.lowerBound else { return nil }
        let most = min(lengths.upperBound, words.count) - lengths.lowerBound + 1
        let count = lengths.lowerBound + Int(random.next(upperBound: UInt64(most)))
        let first = Int(random.next(upperBound: UInt64(words.count - count + 1)))
        return words[first..<first + count].joined(separator: " ")
    }

    /// The first sentence of a line, cut after so many words.
    private static func sentence(_ line: Substring) -> String? {
        let end = line.firstIndex { ".!?。".contains($0) } ?? line.endIndex
        let words = line[..<end].split(whereSeparator: \.isWhitespace).prefix(wordsPerSentence)
        return words.count >= 3 ? words.joined(separator: " ") : nil
    }

    private static let wordsPerSentence = 24
}

extension Matrix {
    /// The rows that pass a check; nil where none does.
    func usable(by check: VectorCheck) -> Matrix? {
        let usable = (0..<rows).filter { (try? check.check(UnsafeBufferPointer(row($0)), "The query")) != nil }
        return usable.isEmpty ? nil : Matrix(usable.map { self[$0] })
    }
}
