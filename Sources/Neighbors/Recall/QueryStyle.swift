public import Vectors

/// What the queries of a calibration are like. A recall target is kept for each kind by itself, so that many easy
/// queries of one kind cannot hide that those of another find too little.
public enum QueryStyle: UInt32, CaseIterable, Codable, Sendable {
    /// Queries that somebody gave.
    case given = 1
    /// Rows of the data, each searched without finding itself.
    case rows = 3
    /// Users.
    case users = 4
    /// Single words of the collection's texts.
    case words = 5
    /// Two or three words that follow each other in a text.
    case phrases = 6
    /// Four to six words that follow each other in a text.
    case passages = 7
    /// The first lines of texts: their titles.
    case titles = 8
    /// The first sentences of texts, without their titles.
    case sentences = 9

    /// Styles of texts that a person types.
    public static let texts: Set<QueryStyle> = [.given, .words, .phrases, .passages, .titles, .sentences]

    /// The kind for people, as it follows a number.
    public var description: String {
        switch self {
        case .given: "queries of the recipe"
        case .rows: "rows of the data"
        case .users: "users"
        case .words: "single words"
        case .phrases: "phrases of 2–3 words"
        case .passages: "passages of 4–6 words"
        case .titles: "titles"
        case .sentences: "first sentences"
        }
    }
}

/// Queries of one kind to calibrate on.
public struct QuerySample: Sendable {
    /// What they are like.
    public var kind: QueryStyle
    /// One query per row.
    public var queries: Matrix

    /// Queries of a kind.
    public init(_ kind: QueryStyle, _ queries: Matrix) { (self.kind, self.queries) = (kind, queries) }
}
