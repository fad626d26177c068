import Belfry
import Files
import Foundation
import Shards

/// Points: writing, reading, counting.
enum PointCalls {
    // MARK: writing

    /// A call that carries out one kind of write.
    static func write(_ name: String) -> @Sendable (Service, Call) async throws -> Answer {
        { service, call in
            let body = try call.json()
            let waits = try call.query.waits
            let target = try service.target(call)
            try Admission(target, timeout: call.query.timeout)?.writes([(name, body)])
            let operations = try WriteReader(target: target).operations(name, body)
            return Answer(WriteAnswer.json(try await carryOut(operations, target), waits: waits))
        }
    }

    @Sendable static func batch(_ service: Service, _ call: Call) async throws -> Answer {
        let body = try call.json()
        let waits = try call.query.waits
        let target = try service.target(call)
        let named = try WriteReader.batch(body)
        try Admission(target, timeout: call.query.timeout)?.writes(named)
        let reader = WriteReader(target: target)
        let batch = try named.map { try reader.operations($0.name, $0.body) }
        // All of them, or none: they are one write.
        let number = try await carryOut(batch.flatMap { $0 }, target)
        return Answer(.array(batch.map { _ in WriteAnswer.json(number, waits: waits) }))
    }

    /// - Returns: the number of the write.
    private static func carryOut(_ operations: [WriteOperation], _ target: Target) async throws -> UInt64 {
        guard !operations.isEmpty else { return target.collection.view.lastWrite }
        // They name vectors as all versions have them.
        let result = try await target.collection.version("").write(operations)
        guard result.missing == 0 else {
            throw try missing(operations, target)
        }
        return result.lsn
    }

    /// The refusal that names a point which was to be changed and is not there; the others are changed.
    private static func missing(_ operations: [WriteOperation], _ target: Target) throws -> Refusal {
        let names = operations.flatMap { operation -> [String] in
            switch operation {
            case .setVectors(let name, _): return [name]
            case .setPayload(.ids(let names), _, _), .overwritePayload(.ids(let names), _, _): return names
            default: return []
            }
        }
        let known = Set(try target.collection.points(names).points.map(\.id))
        let gone = names.first { !known.contains(PointName($0).id) }
        return .missing("No point with id \(gone ?? "of those given") found")
    }

    // MARK: reading

    @Sendable static func get(_ service: Service, _ call: Call) throws -> Answer {
        let target = try service.target(call)
        let name = try PointNames.name(.string(call.names[1]), "id")
        try Admission(target, timeout: call.query.timeout)?.read(1)
        let (points, view) = try target.collection.points([name])
        guard let point = points.first else { throw Refusal.missing("Point with id \(name) does not exists!") }
        var writer = WireWriter()
        writer.raw("{")
        try PointView(payload: .all, vectors: .all).write(point, view.vectors(of: point), to: &writer)
        writer.raw("}")
        return Answer(writer)
    }

    @Sendable static func retrieve(_ service: Service, _ call: Call) throws -> Answer {
        let body = try call.json()
        let target = try service.target(call)
        guard let ids = try body.list("ids") else { throw Refusal.format("", "missing field `ids`") }
        try Admission(target, timeout: call.query.timeout)?.read(ids.count)
        let shown = try PointView(body, of: target, payload: .all)
        let (points, view) = try target.collection.points(PointNames.names(ids, "ids"))
        var writer = WireWriter()
        try target.collection.records(points, shown, of: view, to: &writer)
        return Answer(writer)
    }

    @Sendable static func scroll(_ service: Service, _ call: Call) throws -> Answer {
        let body = try call.json()
        let target = try service.target(call)
        try Admission(target, timeout: call.query.timeout)?.scroll(body)
        let shown = try PointView(body, of: target, payload: .all)
        let limit = try body.whole("limit", from: 1) ?? 10
        let filter = try PointNames.filter(body)
        if let order = body["order_by"] {
            return try ordered(OrderBy(json: order), body, target, shown, limit, filter)
        }
        let offset = try body["offset"].map { PointName(try PointNames.name($0, "offset")).id }
        let wanted = limit == .max ? limit : limit + 1
        var (points, view) = try target.collection.page(after: offset?.before, limit: wanted, where: filter)
        let next = points.count > limit ? points.removeLast() : nil
        var writer = WireWriter(capacity: 4_096)
        writer.raw("{\"points\":")
        try target.collection.records(points, shown, of: view, to: &writer)
        writer.raw(",\"next_page_offset\":")
        if let next { writer.id(next.id, next.key) } else { writer.raw("null") }
        writer.raw("}")
        return Answer(writer)
    }

    private static func ordered(
        _ order: OrderBy, _ body: Body, _ target: Target, _ shown: PointView, _ limit: Int, _ filter: Filter?
    ) throws -> Answer {
        guard !body.has("offset") else {
            throw Refusal.bad(
                "Cannot use an `offset` when using `order_by`. The alternative for paging is to use `order_by.start_from` and a filter to exclude the IDs that you've already seen for the `order_by.start_from` value"
            )
        }
        var request = SearchRequest(.ordered(order), k: limit)
        (request.filter, request.space) = (filter, target.configuration.main.name)
        request.withPayload = shown.isOfMembers
        var writer = WireWriter(capacity: 4_096)
        writer.raw("{\"points\":")
        let hits = try target.collection.search(request).hits
        try target.write(hits, shown, scored: false, to: &writer)
        writer.raw(",\"next_page_offset\":null}")
        return Answer(writer)
    }

    @Sendable static func count(_ service: Service, _ call: Call) throws -> Answer {
        let body = try call.json()
        let target = try service.target(call)
        try Admission(target, timeout: call.query.timeout)?.count(body)
        let filter = try PointNames.filter(body)
        let count = try target.collection.onCurrentView { view throws(BelfryError) in
            guard let filter, !filter.isEmpty else { return view.count }
            return try view.slots(where: filter).count
        }
        return Answer(["count": .integer(Int64(count))])
    }

    @Sendable static func facet(_ service: Service, _ call: Call) throws -> Answer {
        let body = try call.json()
        let target = try service.target(call)
        try Admission(target, timeout: call.query.timeout)?.facet(body)
        guard let key = try body.text("key") else { throw Refusal.format("", "missing field `key`") }
        let limit = try body.whole("limit", from: 1) ?? 10
        let counts = try target.collection.facet(JSONPath(key), where: PointNames.filter(body), limit: limit)
        return Answer(["hits": .array(counts.map { ["value": $0.value.wire, "count": .integer(Int64($0.count))] })])
    }
}

/// What is answered to a write.
enum WriteAnswer {
    static func json(_ number: UInt64, waits: Bool) -> JSON {
        ["operation_id": .unsigned(number), "status": waits ? "completed" : "acknowledged"]
    }

    static func updated(_ number: UInt64, call: Call) -> Answer {
        Answer(json(number, waits: (try? call.query.waits) ?? false))
    }
}

extension MatchValue {
    /// The value as answers have it.
    var wire: JSON {
        switch self {
        case .string(let text): .string(text.text)
        case .integer(let number): .integer(number)
        case .bool(let bool): .bool(bool)
        }
    }
}

extension PointID {
    /// The id before this one in the order of ids; nil for the first.
    var before: PointID? {
        switch self {
        case .number(0): return nil
        case .number(let number): return .number(number - 1)
        case .uuid(let uuid):
            var bytes = withUnsafeBytes(of: uuid.uuid) { Array($0) }
            guard let last = bytes.lastIndex(where: { $0 > 0 }) else { return .number(.max) }
            bytes[last] -= 1
            for place in bytes.indices where place > last { bytes[place] = 255 }
            return .uuid(.init(uuid: bytes.withUnsafeBytes { $0.loadUnaligned(as: type(of: uuid.uuid)) }))
        }
    }
}
