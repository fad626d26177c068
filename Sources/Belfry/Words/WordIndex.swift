package import Files
import Towers

/// A search by words: which payload fields of the points it looks at, and how. A space of sparse vectors that has one is
/// filled by the collection itself, and always says what the payloads say.
///
/// Points are scored by BM25F (Robertson, Zaragoza and Taylor, CIKM 2004; with one field it is BM25): see ``WordEncoder``.
public struct WordIndex: Equatable, Sendable {
    /// A payload field whose texts are searched: a text, or a list of texts.
    public struct Field: Equatable, Codable, Sendable {
        /// Where it is in a payload, as `title` or `author.name`.
        public var path: String
        /// So many times a word counts that stands in it.
        public var weight: Double
        /// How many words it has, on average over the points; nil where no point was there to count them.
        public package(set) var averageLength: Double?

        /// A field.
        public init(_ path: String, weight: Double = 1) { (self.path, self.weight) = (path, weight) }
    }

    /// The fields, at least one.
    public var fields: [Field]
    /// The language of the texts, by its English name in small letters: “english”; nil for words as they are. See
    /// ``languages``.
    public var language: String?
    /// How soon a word that is there again says nothing more.
    public var k1 = 1.2
    /// How much a long text must have a word more often than a short one, from 0 to 1.
    public var b = 0.75

    /// A search by words in some fields.
    public init(_ fields: [Field], language: String? = "english") { (self.fields, self.language) = (fields, language) }

    /// The languages whose words are taken back to their stems.
    public static var languages: [String] { WordAnalyzer.languages }

    /// The length that a field is taken to have as long as there are no points.
    static let usualLength = 32.0

    /// - Throws: `invalidInput` that says what no index can have.
    package func require() throws(BelfryError) {
        guard !fields.isEmpty else {
            throw BelfryError(
                .invalidInput, "A search by words needs a payload field.", remedy: "Name one: title, for example.")
        }
        for (place, field) in fields.enumerated() {
            _ = try JSONPath(field.path)
            guard !fields[..<place].contains(where: { $0.path == field.path }) else {
                throw BelfryError(.invalidInput, "The field \(field.path.debugDescription) is named twice.")
            }
            guard field.weight > 0, field.weight <= Self.mostWeight else {
                throw BelfryError(
                    .invalidInput, "The field \(field.path.debugDescription) has the weight \(field.weight).",
                    remedy: "A weight is above 0, and at most \(Int(Self.mostWeight)).")
            }
        }
        guard k1 >= 0, k1 <= Self.mostWeight else {
            throw BelfryError(.invalidInput, "k1 is \(k1).", remedy: "Take a number from 0 to \(Int(Self.mostWeight)).")
        }
        guard (0...1).contains(b) else {
            throw BelfryError(.invalidInput, "b is \(b).", remedy: "Take a number from 0 to 1.")
        }
        if let language { try WordAnalyzer.requireStemmer(for: language) }
    }

    private static let mostWeight = 1_000.0
}

extension WordIndex: Codable {
    private enum CodingKeys: String, CodingKey { case fields, language, k1, b }

    /// Reads an index as it was written.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        fields = try values.decode([Field].self, forKey: .fields)
        language = try values.decodeIfPresent(String.self, forKey: .language)
        k1 = try values.decode(Double.self, forKey: .k1)
        b = try values.decode(Double.self, forKey: .b)
    }
}
