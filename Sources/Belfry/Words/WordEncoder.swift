import Files
import Towers
import Vectors

/// Makes sparse vectors of payloads and of questions, whose dot product is the BM25F score.
///
/// The weight of a word in a point is
///
///     w = f (k1 + 1) / (f + k1),    f = Σ weight · count / (1 − b + b · length / average length)
///
/// over the fields; that of a word in a question is how many times it is there, and the search multiplies it by how rare the
/// word is among the points that there are: `SparseVector.idf`. Words are terms of ``WordAnalyzer``, by their numbers.
struct WordEncoder: Sendable {
    private let analyzer: WordAnalyzer
    private let fields: [(path: JSONPath, weight: Float, length: Float)]
    private let (k1, b): (Float, Float)

    /// The encoder of an index that was looked over.
    /// - Throws: `invalidInput` for what no index can have.
    init(_ index: WordIndex) throws(BelfryError) {
        try index.require()
        analyzer = try WordAnalyzer(language: index.language)
        (k1, b) = (Float(index.k1), Float(index.b))
        var fields: [(JSONPath, Float, Float)] = []
        for field in index.fields {
            let length = max(1, field.averageLength ?? WordIndex.usualLength)
            fields.append((try JSONPath(field.path), Float(field.weight), Float(length)))
        }
        self.fields = fields
    }

    /// The vector of a point; nil where its fields have no word.
    func document(_ payload: JSON) -> SparseVector? { document(texts(in: payload)) }

    /// The same of what its fields have.
    func document(_ texts: [[JSON]]) -> SparseVector? {
        var frequencies: [UInt32: Float] = [:]
        for (field, texts) in zip(fields, texts) {
            let terms = terms(of: texts)
            let share = field.weight / (1 - b + b * Float(terms.count) / field.length)
            for term in terms { frequencies[term, default: 0] += share }
        }
        guard !frequencies.isEmpty else { return nil }
        // Beyond what a vector may have, nobody looks for the words.
        let indices = frequencies.keys.sorted().prefix(Self.mostTerms)
        return SparseVector(
            sorted: Array(indices),
            values: indices.map { index in
                let frequency = frequencies[index]!
                return frequency * (k1 + 1) / (frequency + k1)
            })
    }

    /// What the fields of a payload have: nothing else of it is looked at.
    func texts(in payload: JSON) -> [[JSON]] { fields.map { $0.path.values(in: payload) } }

    /// The vector of a question: its words that say something; all of them, where none does.
    func question(_ text: String) -> SparseVector {
        var (said, silent) = ([UInt32](), [UInt32]())
        analyzer.forEach(in: text) { term, isStopWord in
            if isStopWord {
                silent.append(WordAnalyzer.number(of: term))
            } else {
                said.append(WordAnalyzer.number(of: term))
            }
        }
        var counts: [UInt32: Float] = [:]
        for term in said.isEmpty ? silent : said where counts.count < Self.mostWords || counts[term] != nil {
            counts[term, default: 0] += 1
        }
        let indices = counts.keys.sorted()
        return SparseVector(sorted: indices, values: indices.map { counts[$0]! })
    }

    /// A point may have so many different words.
    private static let mostTerms = 1 << 20
    /// So many different words of a question are looked for, the first ones: it may be as long as a page.
    private static let mostWords = 1_024

    /// How many words a payload has in each of the fields.
    func lengths(_ payload: JSON) -> [Int] { texts(in: payload).map { terms(of: $0).count } }

    private func terms(of texts: [JSON]) -> [UInt32] {
        var terms: [UInt32] = []
        func add(_ value: JSON) {
            switch value {
            case .string(let text):
                analyzer.forEach(in: text) { term, _ in terms.append(WordAnalyzer.number(of: term)) }
            case .array(let elements): elements.forEach(add)
            default: break
            }
        }
        texts.forEach(add)
        return terms
    }
}
