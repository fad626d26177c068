import Belfry
import Files
import Vectors

/// A vector as a request has it.
enum VectorInput {
    case vector(PointVector)
    /// What a tower of the collection is to embed.
    case inference(InferenceInput)
}

/// What a tower embeds: a text, or an object of its fields.
struct InferenceInput {
    enum Content {
        case text(String)
        case fields(JSON)
    }

    let content: Content
    var isText: Bool { if case .text = content { true } else { false } }
    /// The tower's name; nil for the one that there is.
    let model: String?

    /// Reads `{"text": …, "model": …}` or `{"object": …, "model": …}`; nil for any other value.
    init?(_ json: JSON, _ place: String) throws(Refusal) {
        guard case .object = json else { return nil }
        let body = try Body(json, place)
        if let text = json["text"]?.string, json.names.allSatisfy({ ["text", "model", "options"].contains($0) }) {
            content = .text(text)
        } else if let object = json["object"], case let names = json.names,
            names.allSatisfy({ ["object", "model", "options"].contains($0) })
        {
            content = object.string.map { .text($0) } ?? .fields(object)
        } else if json["image"] != nil, json["model"] != nil {
            throw .notOffered("images as input")
        } else {
            return nil
        }
        model = try body.text("model")
    }
}

/// Reads vectors for a space, as they are to be stored or searched with.
struct VectorReader {
    let space: VectorSpace
    /// Whether components are cut down to whole numbers from 0 to 255, as the collection's data type says.
    var isOfBytes = false

    func input(_ json: JSON, _ place: String) throws -> VectorInput {
        if let inference = try InferenceInput(json, place) { return .inference(inference) }
        return .vector(try vector(json, place))
    }

    func vector(_ json: JSON, _ place: String) throws -> PointVector {
        switch space.kind {
        case .dense:
            guard let components = json.components else { throw wrongForm(json, place) }
            return .dense(try checked(components, place))
        case .multi:
            if case .array(let rows) = json, case .array? = rows.first {
                var vectors: [[Float]] = []
                for row in rows {
                    guard let components = row.components else { throw wrongForm(json, place) }
                    vectors.append(try checked(components, place))
                }
                return .multi(vectors)
            }
            guard let components = json.components else { throw wrongForm(json, place) }
            return .multi([try checked(components, place)])
        case .sparse: return .sparse(try Self.sparse(json, place))
        }
    }

    /// A vector of the space's dimension; under cosine, of length one: so they are stored and told.
    private func checked(_ components: [Float], _ place: String) throws(Refusal) -> [Float] {
        guard !components.isEmpty else {
            throw Refusal(422, "Validation error in JSON body: [\(place): dense vector must not be empty]")
        }
        guard components.count == space.dimension else {
            throw Refusal(
                400,
                "Wrong input: Vector dimension error: expected dim: \(space.dimension), got \(components.count)")
        }
        if isOfBytes { return components.map { $0.isNaN ? $0 : min(max($0.rounded(.towardZero), 0), 255) } }
        return space.metric == .cosine ? Self.unit(components) : components
    }

    /// A direction; what has length one already, or none, stays as it is.
    static func unit(_ components: [Float]) -> [Float] {
        let square = components.reduce(0) { $0 + $1 * $1 }
        guard square > .ulpOfOne, square.isFinite, abs(square - 1) > 1e-6 else { return components }
        let length = square.squareRoot()
        return components.map { $0 / length }
    }

    /// What is wrong with a vector by itself, whatever its name and kind.
    /// - Parameter place: where its name stands. Clients know the place of a vector below that as `?`.
    static func check(_ json: JSON, _ place: String) throws {
        switch json {
        case .object where json["indices"] != nil && json["values"] != nil: _ = try sparse(json, place + ".?")
        case .array(let rows):
            guard case .array? = rows.first else { return }
            let sizes = rows.compactMap { $0.array?.count }
            guard let first = sizes.first else { return }
            if sizes.contains(0) {
                throw Refusal(
                    422, "Validation error in JSON body: [\(place).?.data: all vectors must be non-empty]")
            }
            guard let other = sizes.first(where: { $0 != first }) else { return }
            throw Refusal(
                422,
                "Validation error in JSON body: [\(place).?.data: all vectors must have the same dimension, found vector with dimension \(other) behind one with \(first)]"
            )
        default: break
        }
    }

    static func sparse(_ json: JSON, _ place: String) throws -> SparseVector {
        let body = try Body(json, place)
        guard let indices = try body.list("indices"), let values = try body.list("values") else {
            throw Refusal.format(place, "indices and values are expected")
        }
        var terms: [UInt32] = []
        for index in indices {
            guard let term = index.integer.flatMap(UInt32.init(exactly:)) else {
                throw Refusal.format("\(place).indices", "an index is a whole number of 32 bits")
            }
            terms.append(term)
        }
        guard let weights = json["values"]?.components else {
            throw Refusal.format("\(place).values", "a value is a number")
        }
        guard terms.count == values.count else {
            throw Refusal(
                422,
                "Validation error in JSON body: [\(place).values: Validation error: must be the same length as indices [{}]]"
            )
        }
        guard Set(terms).count == terms.count else {
            throw Refusal(
                422, "Validation error in JSON body: [\(place).indices: Validation error: must be unique [{}]]")
        }
        return try SparseVector(indices: terms, values: weights)
    }

    private func wrongForm(_ json: JSON, _ place: String) -> Refusal {
        Refusal(
            400,
            "Wrong input: \(place): the vectors \(space.name.debugDescription) are \(space.kind.rawValue), and this is "
                + json.kind)
    }
}

extension Target {
    /// Reads vectors of a space.
    func reader(_ space: Int) throws -> VectorReader {
        let description = configuration.spaces[space]
        let params = try served.record().dense.first { $0.name == description.name }?.params
        return VectorReader(space: description, isOfBytes: params?["datatype"]?.string == "uint8")
    }
}
