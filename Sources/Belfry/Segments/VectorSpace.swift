public import Vectors

/// One kind of vector that the points of a collection have: what lies in a space can be compared. A point has one vector in
/// each space, or none.
public struct VectorSpace: Equatable, Sendable {
    /// What vectors look like.
    public enum Kind: String, Codable, Sendable {
        /// All components are written down.
        case dense
        /// Most components are zero: weights of terms. They are compared by their dot product, and only those that share a
        /// term with the query are found.
        case sparse
        /// Several dense vectors for each point, as of the words of a text. Each vector of a query goes to the nearest of
        /// the point; the distance is the sum of theirs (MaxSim). Every point is compared: for few points, or those that a
        /// filter lets through.
        case multi
    }

    /// Names it in writes and searches; empty for the one that needs no name.
    public var name: String
    /// What vectors look like.
    public var kind: Kind
    /// Whether the weight of a term in a query is multiplied by how rare the term is among the points that there are; for
    /// sparse vectors.
    public var weighsRareTerms = false
    /// The payload fields whose words the sparse vectors are, which the collection itself keeps up to date; nil for vectors
    /// that others write.
    public var words: WordIndex?
    /// Components per vector; 0 for sparse vectors, whose indices are any 32 bits.
    public var dimension: Int
    /// How vectors are compared.
    public var metric: Metric
    /// How vectors are stored.
    public var element: ElementType
    /// The tower that filled the space, and must read its queries; nil where vectors come from elsewhere.
    package var tower: TowerReference?

    /// A space.
    public init(name: String = "", dimension: Int, metric: Metric = .cosine, element: ElementType = .f32) {
        kind = .dense
        (self.name, self.dimension, self.metric, self.element) = (name, dimension, metric, element)
    }

    /// A space of sparse vectors.
    /// - Parameter weighsRareTerms: multiplies a query's weights by `SparseVector.idf`, counted over the points that there
    ///   are: what BM25 does with its terms.
    public static func sparse(_ name: String, weighsRareTerms: Bool = false) -> VectorSpace {
        var space = VectorSpace(name: name, dimension: 0, metric: .ip)
        (space.kind, space.weighsRareTerms) = (.sparse, weighsRareTerms)
        return space
    }

    /// A space that the words of payload fields are searched in: see ``WordIndex``.
    public static func words(_ index: WordIndex, name: String = "words") -> VectorSpace {
        var space = sparse(name, weighsRareTerms: true)
        space.words = index
        return space
    }

    /// A space of several dense vectors for each point.
    public static func multi(
        _ name: String, dimension: Int, metric: Metric = .cosine, element: ElementType = .f32
    ) -> VectorSpace {
        var space = VectorSpace(name: name, dimension: dimension, metric: metric, element: element)
        space.kind = .multi
        return space
    }

    /// The space as its segments see it: how queries are weighed is none of their concern, and may change.
    var stored: VectorSpace {
        var space = self
        space.weighsRareTerms = false
        return space
    }

    /// Whether a vector looks like those of the space.
    package func canHold(_ vector: PointVector) -> Bool {
        switch vector {
        case .dense(let components): kind == .dense && components.count == dimension
        case .sparse: kind == .sparse
        case .multi(let vectors):
            kind == .multi && !vectors.isEmpty && vectors.allSatisfy { $0.count == dimension }
        }
    }

    /// Whether a smaller score is better.
    var scoreIsDistance: Bool { kind == .dense && metric.scoreIsDistance }

    /// The score that people see for a distance.
    func score(_ distance: Float) -> Float {
        // A sum of cosines is beyond 1.
        kind == .multi && metric == .cosine ? -distance : metric.score(distance)
    }

    /// The tower as errors name it.
    var towerName: String { tower.map { "tower \($0.name)" } ?? "without a tower" }

    /// The space in words, as `vectors`, or `vectors “image”`.
    package var title: String { name.isEmpty ? "vectors" : "vectors “\(name)”" }

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

extension VectorSpace: Codable {
    private enum CodingKeys: String, CodingKey {
        case name, kind, weighsRareTerms, words, dimension, metric, element, tower
    }

    /// Reads a space; without a name, it is the one that needs none.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decodeIfPresent(String.self, forKey: .name) ?? ""
        kind = try values.decodeIfPresent(Kind.self, forKey: .kind) ?? .dense
        weighsRareTerms = try values.decodeIfPresent(Bool.self, forKey: .weighsRareTerms) ?? false
        words = try values.decodeIfPresent(WordIndex.self, forKey: .words)
        dimension = try values.decode(Int.self, forKey: .dimension)
        metric = try values.decode(Metric.self, forKey: .metric)
        element = try values.decode(ElementType.self, forKey: .element)
        tower = try values.decodeIfPresent(TowerReference.self, forKey: .tower)
    }

    /// Writes a space; what a dense one has in common with all others is left out.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        if !name.isEmpty { try values.encode(name, forKey: .name) }
        if kind != .dense { try values.encode(kind, forKey: .kind) }
        if weighsRareTerms { try values.encode(true, forKey: .weighsRareTerms) }
        try values.encodeIfPresent(words, forKey: .words)
        try values.encode(dimension, forKey: .dimension)
        try values.encode(metric, forKey: .metric)
        try values.encode(element, forKey: .element)
        try values.encodeIfPresent(tower, forKey: .tower)
    }
}
