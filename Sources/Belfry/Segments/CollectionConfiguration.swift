public import Vectors

/// What a collection is: fixed when it is made, kept in the catalogue as the document `collection`.
public struct CollectionConfiguration: Codable, Equatable, Sendable {
    /// The version of the directory's layout: 1 had no index, 2 no users, 3 one kind of query in its calibration.
    package var format = Self.currentFormat
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
    /// The tower that filled the collection, and must read its queries; nil where vectors come from elsewhere.
    package var tower: TowerReference?
    /// Rows of the source that could not be used.
    package var badRows: Int

    /// The mean recall of a search that does not name its own, from above 0 to 1.
    public var recall: Double

    /// The layout that is written and read.
    package static let currentFormat = 4

    /// The tower as errors name it.
    var towerName: String { tower.map { "tower \($0.name)" } ?? "without a tower" }

    /// A tower by what it computes.
    package struct TowerReference: Codable, Equatable, Sendable {
        /// The folder's name under `towers/`.
        package var name: String
        /// The identity of the vectors' space: SHA-256 over weights, tokenizer and settings of the tower, or over the
        /// fingerprints of a pair.
        package var fingerprint: String
        /// Queries and the vectors that the query tower gave them when the collection was built.
        package var canaries: [Canary]
    }

    /// A query and its vector.
    package struct Canary: Codable, Equatable, Sendable {
        /// A sentence, or an object's JSON text.
        package var text: String
        /// Its embedding.
        package var vector: [Float]
    }
}
