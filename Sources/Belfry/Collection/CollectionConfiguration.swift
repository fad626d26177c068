public import Vectors

/// What a collection is: fixed when it is made, kept in the catalogue as the document `collection`.
public struct CollectionConfiguration: Codable, Equatable, Sendable {
    /// The version of the directory's layout.
    public var format = 1
    /// The collection's name.
    public var name: String
    /// Components per vector.
    public var dimension: Int
    /// How vectors are compared.
    public var metric: Metric
    /// How vectors are stored.
    public var element: ElementType
    /// The payload fields that a table of answers shows.
    public var show: [String]
    /// The tower that filled the collection, and must read its queries.
    public var tower: TowerReference
    /// How many points and segments the catalogue lists: a row that was lost shows as a difference.
    public var points: Int
    /// The number of segments.
    public var segments: Int
    /// Rows of the source that could not be used.
    public var badRows: Int

    /// A tower by what it computes.
    public struct TowerReference: Codable, Equatable, Sendable {
        /// The folder's name under `towers/`.
        public var name: String
        /// SHA-256 over weights, tokenizer and settings.
        public var fingerprint: String
        /// Sentences and the vectors that the tower gave them when the collection was built.
        public var canaries: [Canary]
    }

    /// A sentence and its vector.
    public struct Canary: Codable, Equatable, Sendable {
        /// The sentence.
        public var text: String
        /// Its embedding.
        public var vector: [Float]
    }
}

/// How a collection was built: the document `journal`. A build that was interrupted goes on only if it matches.
struct BuildJournal: Codable, Equatable, Sendable {
    /// SHA-256 over the recipe.
    var recipe: String
    /// SHA-256 over the file of rows.
    var rows: String
    /// The tower's fingerprint.
    var tower: String
    /// The most points that were asked for; nil for all.
    var limit: Int?
}
