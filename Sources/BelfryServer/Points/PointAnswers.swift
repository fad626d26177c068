import Belfry
import Files
import Shards

/// What an answer shows of points, beside their ids.
struct PointView {
    var payload: PayloadSelector
    var vectors: VectorSelector

    /// What a body asks for.
    /// - Throws: 400 for the name of a vector that the collection has none of.
    init(_ body: Body, of target: Target, payload: PayloadSelector, vectors: VectorSelector = .none) throws {
        self.payload = try PayloadSelector(body["with_payload"], default: payload)
        self.vectors = try VectorSelector(body, default: vectors)
        if case .named(let names) = self.vectors { for name in names { _ = try target.place(ofSpace: name) } }
    }

    init(payload: PayloadSelector, vectors: VectorSelector) { (self.payload, self.vectors) = (payload, vectors) }

    /// Whether some members of the payload are shown, and others are not.
    var isOfMembers: Bool {
        switch payload {
        case .none, .all: false
        case .including, .excluding: true
        }
    }

    /// Writes a point's id, payload and vectors, as members of an object that is open.
    func write(_ point: StoredPoint, _ vectors: [String: PointVector], to writer: inout WireWriter) throws {
        writer.raw("\"id\":")
        writer.id(point.id, point.key)
        switch payload {
        case .none: break
        case .all:
            writer.raw(",\"payload\":")
            writer.raw(point.json)
        case .including, .excluding:
            writer.raw(",\"payload\":")
            writer.json(payload.part(of: try point.payload()))
        }
        writeVectors(vectors, to: &writer)
    }

    func writeVectors(_ vectors: [String: PointVector], to writer: inout WireWriter) {
        guard !self.vectors.isNone else { return }
        writer.raw(",\"vector\":")
        writer.vectors(vectors.filter { self.vectors.keeps($0.key) })
    }
}

extension VectorCollection {
    /// Writes points as a list of records.
    /// - Parameters:
    ///   - points: of the collection as it is in `view`.
    ///   - more: writes further members of each.
    func records(
        _ points: [StoredPoint], _ shown: PointView, of view: View, to writer: inout WireWriter,
        more: (inout WireWriter, Int) -> Void = { _, _ in }
    ) throws {
        var place = 0
        try writer.list(points) { writer, point in
            writer.raw("{")
            try shown.write(point, shown.vectors.isNone ? [:] : view.vectors(of: point), to: &writer)
            more(&writer, place)
            writer.raw("}")
            place += 1
        }
    }

    /// The points of these names that there are, with the view that has them; each once, in their order.
    func points(_ names: [String]) throws(BelfryError) -> (points: [StoredPoint], view: View) {
        try onCurrentView { view throws(BelfryError) in
            var points: [StoredPoint] = []
            var seen: Set<PointID> = []
            for name in names {
                let id = PointName(name).id
                guard seen.insert(id).inserted, let point = try view.storedPoint(id) else { continue }
                points.append(point)
            }
            return (points, view)
        }
    }
}
