public import Vectors

/// One kind of vector that the points of a collection have: what lies in a space can be compared. A point has one vector in
/// each space, or none.
public struct VectorSpace: Equatable, Sendable {
    /// Names it in writes and searches; empty for the one that needs no name.
    public var name: String
    /// Components per vector.
    public var dimension: Int
    /// How vectors are compared.
    public var metric: Metric
    /// How vectors are stored.
    public var element: ElementType
    /// The tower that filled the space, and must read its queries; nil where vectors come from elsewhere.
    package var tower: TowerReference?

    /// A space.
    public init(name: String = "", dimension: Int, metric: Metric = .cosine, element: ElementType = .f32) {
        (self.name, self.dimension, self.metric, self.element) = (name, dimension, metric, element)
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
    private enum CodingKeys: String, CodingKey { case name, dimension, metric, element, tower }

    /// Reads a space; without a name, it is the one that needs none.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decodeIfPresent(String.self, forKey: .name) ?? ""
        dimension = try values.decode(Int.self, forKey: .dimension)
        metric = try values.decode(Metric.self, forKey: .metric)
        element = try values.decode(ElementType.self, forKey: .element)
        tower = try values.decodeIfPresent(TowerReference.self, forKey: .tower)
    }
}
