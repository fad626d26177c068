import Files
import Neighbors
public import Vectors

/// What a collection is: fixed when it is made, kept in the catalogue as the document `collection`.
public struct CollectionConfiguration: Codable, Equatable, Sendable {
    /// The version of the directory's layout: 1 had no index, 2 no users, 3 one kind of query in its calibration.
    public var format = Self.currentFormat
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

    /// The mean recall of a search that does not name its own, from above 0 to 1.
    public var recall: Double

    /// The layout that is written and read.
    public static let currentFormat = 4

    /// A tower by what it computes.
    public struct TowerReference: Codable, Equatable, Sendable {
        /// The folder's name under `towers/`.
        public var name: String
        /// The identity of the vectors' space: SHA-256 over weights, tokenizer and settings of the tower, or over the
        /// fingerprints of a pair.
        public var fingerprint: String
        /// Queries and the vectors that the query tower gave them when the collection was built.
        public var canaries: [Canary]
    }

    /// A query and its vector.
    public struct Canary: Codable, Equatable, Sendable {
        /// A sentence, or an object's JSON text.
        public var text: String
        /// Its embedding.
        public var vector: [Float]
    }
}

/// What finds near rows in a collection's segments: the document `index`.
struct IndexRecord: Codable, Equatable, Sendable {
    /// What the recipe asked for: see ``Recipe/indexRequest()``.
    var request: String
    /// What it got.
    var kind: IndexKind
    /// The files of every segment, sorted.
    var files: [String]
    /// Which files they are, by ``SegmentFile/identity``: another collection's would be as whole. Nil in a collection that an
    /// earlier version built.
    var identities: [String: UInt32]?
    /// Why it is this kind, where that was measured: it holds times, and so is no part of a segment's files.
    var choice: IndexChoice?
    /// The queries that the recipe named for the calibration; nil where it named none.
    var queries: Queries?
    /// The recall of searches where neither they nor the recipe name one, and why it is that.
    var recall: Double
    var recallReason: String

    /// Queries of a recipe: its users, or those under `calibrate`.
    struct Queries: Codable, Equatable, Sendable {
        var areUsers: Bool
        /// How many of them could be used.
        var count: Int
    }
}

/// How a collection was built: the document `journal`. A build that was interrupted goes on if all but the index and
/// the users match: an index is made from vectors that are there, and users are written anew by every build.
struct BuildJournal: Codable, Equatable, Sendable {
    /// SHA-256 over the recipe.
    var recipe: String
    /// SHA-256 over the file of rows.
    var rows: String
    /// The tower's fingerprint.
    var tower: String
    /// The most points that were asked for; nil for all.
    var limit: Int?
    /// How many points were drawn of all rows; nil for a build without a sample.
    var sample: Int?
    /// What the recipe asks to find near rows with; nil in a collection of format 1.
    var index: String?
    /// SHA-256 over the recipe's users; nil where it has none.
    var users: String?

    /// Whether `other` has the same points with the same vectors.
    func hasSameVectors(as other: BuildJournal) -> Bool {
        var other = other
        (other.index, other.users) = (index, users)
        return other == self
    }
}

extension Recipe {
    /// The index that is asked for, and the queries that it is calibrated on. A recall decides what `auto` chooses; any
    /// other index answers at every recall.
    /// - Parameters:
    ///   - isOfTexts: whether items and queries are texts, so that queries can be made of the items.
    ///   - seed: what all that is random starts from.
    func indexRequest(ofTexts isOfTexts: Bool, seed: UInt64) throws(BelfryError) -> String {
        let name = index == .auto ? "auto at \(recall.map { "recall \($0)" } ?? "its best recall")" : index.rawValue
        let request = seed == 1 ? name : "\(name), seed \(seed)"
        guard index != .exact, index != .auto || recall != 1 else { return request }
        if let calibration { return "\(request), calibrated on queries \(try calibration.digest().prefix(12))" }
        return isOfTexts ? "\(request), calibrated on its texts" : request
    }

    /// Whether an index will be built, and calibrated on queries.
    func isCalibrated(rows: Int, dimension: Int) -> Bool {
        switch index {
        case .exact: false
        case .auto: recall.map { $0 < 1 } ?? !DefaultRecall.scans(rows: rows, bytesPerRow: dimension)
        case .hnsw, .ivf: true
        }
    }
}
