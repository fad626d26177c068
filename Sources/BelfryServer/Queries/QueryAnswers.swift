import Belfry
import Files
import Shards

/// Carries queries out and writes what they find.
struct QueryAnswers {
    let planner: QueryPlanner
    private var target: Target { planner.target }
    /// The least recall that the searches so far promise; nil where nobody knows.
    private(set) var recall: Double? = 1
    /// How many answers a cross-encoder has read so far, and was to read; nil where none was asked.
    private(set) var reranked: (read: Int, wanted: Int)?
    /// How the last query went, and what was asked; nil for a page.
    private var last: (trace: SearchResponse.Trace, request: SearchRequest, kind: RecallAudit.Kind)?
    private let audit: RecallAudit
    private let bytes: Int

    /// - Parameter bytes: of the request that the queries came in.
    init(_ planner: QueryPlanner, _ audit: RecallAudit, bytes: Int) {
        (self.planner, self.audit, self.bytes) = (planner, audit, bytes)
    }

    /// Writes the points of a query as a list.
    mutating func write(_ body: Body, to writer: inout WireWriter) throws {
        last = nil
        let shown = try PointView(body, of: target, payload: .none)
        let offset = try body.whole("offset") ?? 0
        switch try planner.plan(body) {
        case .page(let filter, let limit):
            let wanted = offset.addingReportingOverflow(limit)
            let (points, view) = try target.collection.page(
                after: nil, limit: wanted.overflow ? .max : wanted.partialValue, where: filter)
            let page = Array(points.dropFirst(offset))
            try target.collection.records(page, shown, of: view, to: &writer) { writer, place in
                writer.raw(",\"version\":")
                writer.number(page[place].version)
                writer.raw(",\"score\":0.0")
            }
        case .search(var request):
            request.offset = offset
            request.withPayload = shown.isOfMembers
            let response = try search(request)
            try target.write(response.hits, shown, scored: true, to: &writer)
        }
    }

    /// Writes how the query went as a further member, where that is asked for.
    func writeTrace(to writer: inout WireWriter) throws {
        guard planner.headers.explains else { return }
        writer.raw(",\"trace\":")
        guard let last, case .object(var members) = last.trace.json else { return writer.raw("null") }
        let filter = last.request.filter
        let (points, passing, segments) = try target.collection.onCurrentView { view throws(BelfryError) in
            (
                view.count, try filter.map { (filter) throws(BelfryError) in try view.slots(where: filter).count },
                view.configuration.spaces.indices.reduce(0) { $0 + view.segmentCount(of: $1) }
            )
        }
        members["points"] = .integer(Int64(points))
        members["passing"] = passing.map { .integer(Int64($0)) }
        members["segments"] = .integer(Int64(segments))
        members["audit"] = audit.json(last.kind)
        members["served_by"] = target.servedBy(space: last.request.space)
        writer.json(.object(members))
    }

    /// Searches, and takes note of it: some searches are asked again exactly, and if too little was found, more is asked for.
    private mutating func search(_ request: SearchRequest) throws -> SearchResponse {
        var request = request
        let kind = RecallAudit.Kind(
            target.name, request.space, target: request.recall ?? target.configuration.recall)
        let isAudited = !request.exact && request.hasRecall
        if isAudited, let raised = audit.raised(kind) { request.recall = raised }
        let response = try target.collection.search(request)
        last = (response.trace, request, kind)
        var found = response.recall
        // Where no index is, nothing is missed.
        if isAudited, !response.trace.expectation.isExact {
            let question = RecallAudit.Question(
                served: target.served, version: target.collection.version, request: request,
                isScanned: response.trace.isScanned)
            audit.note(kind, question, bytes: bytes)
            if !response.trace.isScanned { found = found.map { audit.found(kind, expected: $0) } }
        }
        recall = recall.flatMap { known in found.map { min(known, $0) } }
        if let report = response.reranking {
            let before = reranked ?? (0, 0)
            reranked = (before.read + report.read, before.wanted + report.wanted)
        }
        return response
    }

    /// Writes the groups of a query as a list.
    mutating func writeGroups(_ body: Body, to writer: inout WireWriter) throws {
        let shown = try PointView(body, of: target, payload: .none)
        guard let key = try body.text("group_by") else { throw Refusal.format("", "missing field `group_by`") }
        let size = try body.whole("group_size", from: 1) ?? 3
        let lookup = try GroupLookup(body, planner.named)
        var planner = planner
        planner.groupSize = min(size, 1_000)
        guard case .search(var request) = try planner.plan(body) else {
            throw Refusal.bad("A query is needed to group its answers")
        }
        request.groups = .init(by: try JSONPath(key), size: min(size, 10_000))
        request.k = min(request.k, 10_000)
        request.withPayload = shown.isOfMembers
        let response = try search(request)
        try writer.list(response.groups) { writer, group in
            writer.raw("{\"id\":")
            writer.json(group.value)
            writer.raw(",\"hits\":")
            try target.write(group.hits, shown, scored: true, to: &writer)
            try lookup?.write(group.value, to: &writer)
            writer.raw("}")
        }
    }
}

extension Target {
    /// Writes answers as a list of points, with version and score or without.
    /// - Parameter more: writes further members of each.
    func write(
        _ hits: [SearchResponse.Hit], _ shown: PointView, scored: Bool, to writer: inout WireWriter,
        more: (inout WireWriter, Int) -> Void = { _, _ in }
    ) throws {
        let vectors = shown.vectors.isNone ? [:] : try vectors(of: hits)
        writer.list(hits.indices) { writer, place in
            let hit = hits[place]
            writer.raw("{\"id\":")
            writer.id(hit.id, hit.key)
            if scored {
                writer.raw(",\"version\":")
                writer.number(hit.version)
                writer.raw(",\"score\":")
                writer.float(hit.score)
            }
            switch shown.payload {
            case .none: break
            case .all:
                writer.raw(",\"payload\":")
                writer.raw(hit.text)
            case .including, .excluding:
                writer.raw(",\"payload\":")
                writer.json(shown.payload.part(of: hit.payload))
            }
            shown.writeVectors(vectors[hit.id] ?? [:], to: &writer)
            if let value = hit.orderValue {
                writer.raw(",\"order_value\":")
                switch value {
                case .integer(let number): writer.number(number)
                case .float(let number): writer.json(.number(number))
                }
            }
            more(&writer, place)
            writer.raw("}")
        }
    }

    /// The vectors of answers. One that was deleted since has none.
    private func vectors(of hits: [SearchResponse.Hit]) throws -> [PointID: [String: PointVector]] {
        try collection.onCurrentView { view throws(BelfryError) in
            var vectors: [PointID: [String: PointVector]] = [:]
            for hit in hits where vectors[hit.id] == nil {
                guard let point = try view.storedPoint(hit.id) else { continue }
                vectors[hit.id] = try view.vectors(of: point)
            }
            return vectors
        }
    }
}

/// Points of another collection that belong to groups: those whose ids are the groups' values.
struct GroupLookup {
    private let target: Target
    private let shown: PointView

    /// Reads `with_lookup`: a collection's name, or an object; nil where there is none.
    init?(_ body: Body, _ named: (String) throws -> Target) throws {
        guard let json = body["with_lookup"] else { return nil }
        if let name = json.string {
            (target, shown) = (try named(name), PointView(payload: .all, vectors: .none))
            return
        }
        let lookup = try Body(json, body.path("with_lookup"))
        guard let name = try lookup.text("collection") else {
            throw Refusal.format(lookup.place, "missing field `collection`")
        }
        target = try named(name)
        shown = try PointView(lookup, of: target, payload: .all)
    }

    func write(_ value: JSON, to writer: inout WireWriter) throws {
        guard let name = try? PointNames.name(value, "") else { return }
        let (points, view) = try target.collection.points([name])
        guard let point = points.first else { return }
        writer.raw(",\"lookup\":{")
        try shown.write(point, shown.vectors.isNone ? [:] : view.vectors(of: point), to: &writer)
        writer.raw("}")
    }
}
