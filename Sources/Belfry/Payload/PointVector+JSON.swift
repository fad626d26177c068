package import Files
import Vectors

extension PointVector {
    /// A vector as JSON writes it: a list of numbers; `{"indices": […], "values": […]}` for a sparse one; a list of lists for
    /// several. Nil where it is none.
    /// - Throws: `invalidInput` for a sparse vector with an index twice, a value that is not finite, or more of one than of
    ///   the other.
    package init?(_ json: JSON) throws(BelfryError) {
        if let components = json.components {
            self = .dense(components)
        } else if let vectors = json.array?.map(\.components), !vectors.contains(nil) {
            self = .multi(vectors.compactMap { $0 })
        } else if json.names.sorted() == ["indices", "values"], let values = json["values"]?.components,
            let indices = json["indices"]?.array?.map({ $0.integer.flatMap(UInt32.init(exactly:)) }),
            !indices.contains(nil)
        {
            self = .sparse(try SparseVector(indices: indices.compactMap { $0 }, values: values))
        } else {
            return nil
        }
    }

    /// The vector as JSON.
    package var json: JSON {
        switch self {
        case .dense(let components): .array(components.map { .number(Double($0)) })
        case .multi(let vectors): .array(vectors.map { .array($0.map { .number(Double($0)) }) })
        case .sparse(let vector):
            [
                "indices": .array(vector.indices.map { .integer(Int64($0)) }),
                "values": .array(vector.values.map { .number(Double($0)) }),
            ]
        }
    }
}

extension JSON {
    /// The components of a vector: a list of numbers; nil for any other value.
    package var components: [Float]? {
        guard case .array(let elements) = self else { return nil }
        var components: [Float] = []
        components.reserveCapacity(elements.count)
        for element in elements {
            guard let number = element.number else { return nil }
            components.append(Float(number))
        }
        return components
    }

    /// The vectors of a point as JSON writes them: the vector where it needs no name, else an object by names; null where
    /// there is none.
    package init(_ vectors: [String: PointVector]) {
        if vectors.isEmpty {
            self = .null
        } else if vectors.count == 1, let only = vectors[""] {
            self = only.json
        } else {
            self = .object(Members(vectors.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) }))
        }
    }
}
