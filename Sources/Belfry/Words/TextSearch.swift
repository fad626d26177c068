/// How a text is searched for.
public enum TextSearch: Equatable, Sendable {
    /// By the query tower: points that mean the same.
    case byMeaning
    /// By a ``WordIndex``: points that have the same words.
    case byWords
    /// By both, made one ranking. The words count for this share of the score, from 0 to 1.
    case hybrid(words: Double)

    /// What words count for where nobody has measured which share is best. Of eight judged sets it is at least as good as the
    /// better of both rankings on seven, and so is no larger one (`Benchmarks/hybrid`).
    public static let usualShare = 0.25
}

extension TextSearch {
    /// What words count for, where the search is by both.
    var share: Double? { if case .hybrid(let words) = self { words } else { nil } }
}

extension TextSearch: Codable {
    private enum CodingKeys: String, CodingKey { case words }

    /// Reads `{"words": 0.5}`: the share of words, 0 for none, 1 for nothing else.
    public init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: CodingKeys.self).decode(Double.self, forKey: .words) {
        case ...0: self = .byMeaning
        case 1...: self = .byWords
        case let share: self = .hybrid(words: share)
        }
    }

    /// Writes it.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        let share: Double =
            switch self {
            case .byMeaning: 0
            case .byWords: 1
            case .hybrid(let words): words
            }
        try values.encode(share, forKey: .words)
    }
}
