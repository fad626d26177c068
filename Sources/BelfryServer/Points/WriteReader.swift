import Belfry
import Files
import Shards

/// Reads what is to be written: the bodies of single calls, and the operations of a batch.
struct WriteReader {
    let target: Target

    /// The operations of a batch, one object of one member each.
    static let names = [
        "upsert", "delete", "set_payload", "overwrite_payload", "delete_payload", "clear_payload", "update_vectors",
        "delete_vectors",
    ]

    func operations(_ name: String, _ body: Body) throws -> [WriteOperation] {
        switch name {
        case "upsert": return try upsert(body)
        case "delete": return [.delete(try PointNames.selection(body))]
        case "set_payload":
            let path = try body.text("key").map { try JSONPath($0) }
            return [.setPayload(try PointNames.selection(body), try payload(body), at: path)]
        case "overwrite_payload":
            let path = try body.text("key").map { try JSONPath($0) }
            return [.overwritePayload(try PointNames.selection(body), try payload(body), at: path)]
        case "delete_payload":
            guard let keys = try body.texts("keys") else { throw Refusal.format(body.place, "missing field `keys`") }
            guard !keys.isEmpty else { return [] }
            return [.deletePayload(try PointNames.selection(body), keys: keys)]
        case "clear_payload": return [.clearPayload(try PointNames.selection(body))]
        case "update_vectors": return try updateVectors(body)
        case "delete_vectors":
            guard let names = try body.texts("vector") ?? body.texts("vectors") else {
                throw Refusal.format(body.place, "missing field `vector`")
            }
            guard !names.isEmpty else {
                throw Refusal(422, "Validation error in JSON body: [vector: at least one name is expected]")
            }
            let own = try names.map { target.configuration.spaces[try target.place(ofSpace: $0)].name }
            return [.deleteVectors(try PointNames.selection(body), names: own)]
        default: throw Refusal.format(body.place, "there is no operation \(name.debugDescription)")
        }
    }

    /// The operations of `POST …/points/batch`, by their names.
    static func batch(_ body: Body) throws -> [(name: String, body: Body)] {
        guard let operations = try body.objects("operations") else {
            throw Refusal.format("", "missing field `operations`")
        }
        return try operations.map { operation in
            guard let name = names.first(where: { operation.has($0) }) else {
                throw Refusal.format(operation.place, "one of \(names.joined(separator: ", ")) is expected")
            }
            var json = try operation.required(name)
            // A list of ids stands for the object with them.
            if case .array = json { json = ["points": json] }
            return (name, try Body(json, operation.path(name)))
        }
    }

    private func upsert(_ body: Body) throws -> [WriteOperation] {
        let condition: WriteCondition
        switch try body.text("update_mode") {
        case nil, "upsert"?: condition = .always
        case "insert"?, "insert_only"?: condition = .insertOnly
        case "update"?, "update_only"?: condition = .updateOnly
        case let mode?:
            throw Refusal.format("update_mode", "unknown variant `\(mode)`, expected upsert, update or insert")
        }
        let points = try PointReader.points(body, target)
        guard let filter = try PointNames.filter(body, "update_filter") else {
            return points.map { .upsert($0, condition: condition) }
        }
        // Points that are there must pass, and stay as they were looked at; the others are new.
        let versions = try versions(of: points.map(\.id), where: filter)
        return points.compactMap { point in
            switch versions[PointName(point.id).id] {
            case .passes(let version)?: condition == .insertOnly ? nil : .upsert(point, condition: .version(version))
            case .fails?: nil
            case nil: condition == .updateOnly ? nil : .upsert(point, condition: .insertOnly)
            }
        }
    }

    private enum Verdict {
        case passes(version: UInt64)
        case fails
    }

    /// Of the points that are there, whether they pass a filter, and their versions.
    private func versions(of names: [String], where filter: Filter) throws -> [PointID: Verdict] {
        let (points, _) = try target.collection.points(names)
        let own = Filter(must: [.filter(filter), .hasID(Set(points.map(\.id)))])
        let passing = try target.collection.page(after: nil, limit: points.count, where: own).points
        var verdicts = Dictionary(points.map { ($0.id, Verdict.fails) }) { first, _ in first }
        for point in passing { verdicts[point.id] = .passes(version: point.version) }
        return verdicts
    }

    private func updateVectors(_ body: Body) throws -> [WriteOperation] {
        let changes = try PointReader.vectors(body, target).filter { !$0.vectors.isEmpty }
        guard let filter = try PointNames.filter(body, "update_filter") else {
            return changes.map { .setVectors($0.id, $0.vectors) }
        }
        let versions = try versions(of: changes.map(\.id), where: filter)
        return changes.compactMap { change in
            guard case .passes? = versions[PointName(change.id).id] else { return nil }
            return .setVectors(change.id, change.vectors)
        }
    }

    private func payload(_ body: Body) throws(Refusal) -> JSON {
        guard let payload = try body.object("payload") else { throw .format(body.place, "missing field `payload`") }
        return payload.json
    }
}
