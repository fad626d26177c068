package import Files

extension PointVector {
    /// A vector as JSON writes it: a list of numbers. Nil where it is none.
    package init?(_ json: JSON) {
        guard let components = json.components else { return nil }
        self = .dense(components)
    }

    /// The vector as JSON.
    package var json: JSON {
        switch self {
        case .dense(let components): .array(components.map { .number(Double($0)) })
        }
    }
}

extension JSON {
    /// The components of a vector: a list of numbers; nil for any other value.
    package var components: [Float]? {
        guard let numbers = array?.map(\.number), !numbers.contains(nil) else { return nil }
        return numbers.map { Float($0 ?? .nan) }
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
