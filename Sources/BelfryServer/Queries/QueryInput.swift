import Belfry
import Files
import Vectors

/// What a query, or an example of one, starts from.
enum QueryInput {
    case point(String)
    case vector(PointVector)
    case inference(InferenceInput)
}

/// Reads the inputs of queries in one space, and fetches the vectors of the points that they name.
struct QueryInputs {
    let target: Target
    /// The place of the space that is searched.
    let space: Int
    /// Where points are looked up, if that is another collection than the one that is searched.
    let lookup: Lookup?

    struct Lookup {
        let target: Target
        /// The name of the vectors there.
        let vectors: String

        /// - Throws: 400 where there are none of the name.
        func place() throws(Refusal) -> Int { try target.place(ofSpace: vectors) }
    }

    var description: VectorSpace { target.configuration.spaces[space] }

    /// - Throws: 404 where the collection of `lookup_from` is not there.
    init(_ body: Body, _ target: Target, named: (String) throws -> Target) throws {
        self.target = target
        space = try target.place(ofSpace: body.text("using") ?? "")
        guard let from = try body.object("lookup_from") else {
            lookup = nil
            return
        }
        guard let name = try from.text("collection") else {
            throw Refusal.format(from.place, "missing field `collection`")
        }
        let other = try named(name)
        let vectors = try from.text("vector") ?? target.configuration.spaces[space].name
        lookup = Lookup(target: other, vectors: vectors)
    }

    /// A number or a text is a point; anything else a vector, or what a tower is to embed.
    func input(_ json: JSON, _ place: String) throws -> QueryInput {
        switch json {
        case .integer, .unsigned, .string:
            let name = try PointNames.name(json, place)
            // That a point is not there is told before anything is said of its vectors.
            if let lookup { try lookup.target.requirePoint(name) }
            return .point(name)
        default:
            if let inference = try InferenceInput(json, place) { return .inference(inference) }
            return .vector(try VectorReader(space: description).vector(json, place))
        }
    }

    func inputs(_ elements: [JSON], _ place: String) throws -> [QueryInput] {
        try elements.enumerated().map { try input($1, "\(place)[\($0)]") }
    }

    /// What a search for the nearest starts from.
    func query(_ input: QueryInput) throws -> SearchQuery {
        switch input {
        case .point(let name):
            guard let lookup else {
                _ = try target.vector(of: name, in: space)
                return .point(name)
            }
            return try Self.query(lookedUp(name, lookup))
        case .vector(let vector): return Self.query(vector)
        case .inference(let input): return try target.query(input, in: space)
        }
    }

    static func query(_ vector: PointVector) -> SearchQuery {
        switch vector {
        case .dense(let components): .vector(components)
        case .sparse(let terms): .sparse(terms)
        case .multi(let vectors): .multi(vectors)
        }
    }

    /// The vector of a point that is looked up in another collection.
    private func lookedUp(_ name: String, _ lookup: Lookup) throws -> PointVector {
        let vector = try lookup.target.vector(of: name, in: lookup.place())
        guard description.canHold(vector) else {
            throw Refusal(
                400, "Wrong input: Vector dimension error: the vectors of \(lookup.target.served.name) do not compare")
        }
        return vector
    }

    /// The vector of an input.
    func vector(_ input: QueryInput) throws -> PointVector {
        switch input {
        case .point(let name):
            return try lookup.map { try lookedUp(name, $0) } ?? target.vector(of: name, in: space)
        case .vector(let vector): return vector
        case .inference(let input):
            let asked = try target.collection.ask([target.query(input, in: space)], in: space)
            return .dense(Array(asked.vectors.row(0)))
        }
    }

    /// An input as an example: a point of the collection that is searched, or a vector.
    func example(_ input: QueryInput) throws -> Example {
        if case .point(let name) = input, lookup == nil {
            _ = try target.vector(of: name, in: space)
            return .point(name)
        }
        guard case .dense(let components) = try vector(input) else {
            throw Refusal.notOffered("scores by examples of sparse vectors, or of several")
        }
        return .vector(components)
    }

    /// The points of the collection that is searched among some inputs: they are no answers.
    func own(_ inputs: [QueryInput]) -> [String] {
        guard lookup == nil else { return [] }
        return inputs.compactMap { if case .point(let name) = $0 { name } else { nil } }
    }
}
