import Belfry
import Files
import Vectors

/// Reads points that are to be written, and lets the collection's towers embed what comes as texts or fields.
struct PointReader {
    private struct Draft {
        let id: String
        var vectors: [String: PointVector]
        let payload: JSON
    }

    private struct Wanted {
        let point: Int
        let input: InferenceInput
    }

    private let target: Target
    private var drafts: [Draft] = []
    /// By the names of vectors, where they lie and how they are read.
    private var readers: [String: (space: Int, reader: VectorReader)] = [:]
    /// What is to be embedded, by the places of spaces.
    private var wanted: [Int: [Wanted]] = [:]

    /// The points of a call: `points`, or `batch` with lists of ids, vectors and payloads.
    static func points(_ body: Body, _ target: Target) throws -> [WrittenPoint] {
        var reader = PointReader(target: target)
        if let points = try body.objects("points") {
            for point in points {
                try reader.add(
                    point.required("id"), point["vector"] ?? point["vectors"], point["payload"], point.path("vector"))
            }
        } else if let batch = try body.object("batch") {
            try reader.add(batch)
        } else {
            throw Refusal.format(body.place, "points or batch is expected")
        }
        try reader.embed()
        return reader.drafts.map { WrittenPoint(id: $0.id, vectors: $0.vectors, payload: $0.payload) }
    }

    /// The vectors that points are to have in place of their own.
    static func vectors(_ body: Body, _ target: Target) throws -> [(id: String, vectors: [String: PointVector])] {
        guard let points = try body.objects("points") else { throw Refusal.format(body.place, "points is expected") }
        var reader = PointReader(target: target)
        for point in points {
            let vector = try point.required("vector")
            guard vector != [:] else {
                throw Refusal(
                    422,
                    "Validation error in JSON body: [\(point.path("vector")): must specify vectors to update for point]"
                )
            }
            try reader.add(point.required("id"), vector, nil, point.path("vector"))
        }
        try reader.embed()
        return reader.drafts.map { ($0.id, $0.vectors) }
    }

    private init(target: Target) { self.target = target }

    private mutating func add(_ batch: Body) throws {
        let ids = try batch.list("ids") ?? []
        let payloads = try batch.list("payloads")
        if let payloads, payloads.count != ids.count {
            throw Refusal(422, "Validation error in JSON body: [batch.payloads: \(ids.count) are expected]")
        }
        let vectors = try batch.required("vectors")
        if case .object(let named) = vectors {
            for name in vectors.names where (named[name]?.array?.count ?? 0) != ids.count {
                throw Refusal(422, "Validation error in JSON body: [batch.vectors.\(name): \(ids.count) are expected]")
            }
        } else if vectors.array?.count != ids.count {
            throw Refusal(422, "Validation error in JSON body: [batch.vectors: \(ids.count) are expected]")
        }
        for (index, id) in ids.enumerated() {
            let own: JSON =
                switch vectors {
                case .object(let named):
                    .object(JSON.Members(vectors.names.map { ($0, named[$0]?.array?[index] ?? .null) }))
                default: vectors.array?[index] ?? .null
                }
            try add(id, own, payloads?[index], "batch.vectors[\(index)]")
        }
    }

    private mutating func add(_ id: JSON, _ vector: JSON?, _ payload: JSON?, _ place: String) throws {
        var draft = Draft(
            id: try PointNames.name(id, "id"), vectors: [:], payload: payload.map { $0 == .null ? [:] : $0 } ?? [:])
        guard case .object = draft.payload else { throw Refusal.format("payload", "an object is expected") }
        switch vector {
        case nil, .null?: break
        case .object(let named)?:
            if try InferenceInput(vector ?? .null, place) != nil {
                try read(vector ?? .null, "", place, &draft)
            } else {
                for (name, value) in named.sorted where value != .null {
                    try VectorReader.check(value, place)
                    try read(value, name, "\(place).\(name)", &draft)
                }
            }
        case let value?:
            try VectorReader.check(value, place)
            try read(value, "", place, &draft)
        }
        drafts.append(draft)
    }

    private mutating func read(_ json: JSON, _ name: String, _ place: String, _ draft: inout Draft) throws {
        if name.isEmpty, case .array(let empty) = json, empty.isEmpty {
            throw Refusal(422, "Validation error in JSON body: [\(place): dense vector must not be empty]")
        }
        let (space, reader) = try reader(name)
        switch try reader.input(json, place) {
        case .vector(let vector): draft.vectors[reader.space.name] = vector
        case .inference(let input): wanted[space, default: []].append(Wanted(point: drafts.count, input: input))
        }
    }

    private mutating func reader(_ name: String) throws -> (space: Int, reader: VectorReader) {
        if let known = readers[name] { return known }
        let space = try target.place(ofSpace: name)
        let made = (space, try target.reader(space))
        readers[name] = made
        return made
    }

    /// Embeds what is to be embedded: all texts for a space together, and so all fields. What these vectors are in other
    /// versions is made as well.
    private mutating func embed() throws {
        let all = try target.collection.version("")
        for (space, wanted) in wanted {
            for one in wanted { try target.requireModel(one.input.model, of: space) }
            let name = target.configuration.spaces[space].name
            for (isText, some) in Dictionary(grouping: wanted, by: \.input.isText) {
                for own in try all.embeddedSpaces(name, ofTexts: isText) {
                    let vectors = try target.embed(some.map(\.input), for: own)
                    for (row, one) in some.enumerated() {
                        drafts[one.point].vectors[own.name] = .dense(vectors[row])
                    }
                }
            }
        }
    }
}
