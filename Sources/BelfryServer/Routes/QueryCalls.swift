import Belfry
import Files
import HTTPTypes
import NIOCore

/// Queries in all their forms, and those of older clients.
enum QueryCalls {
    @Sendable static func query(_ service: Service, _ call: Call) throws -> Answer {
        try answer(service, call) { answers, searches, writer in
            writer.raw("{\"points\":")
            try answers.write(searches[0], to: &writer)
            try answers.writeTrace(to: &writer)
            writer.raw("}")
        }
    }

    @Sendable static func batch(_ service: Service, _ call: Call) throws -> Answer {
        try answer(service, call, reading: searches) { answers, searches, writer in
            try writer.list(searches) { writer, body in
                writer.raw("{\"points\":")
                try answers.write(body, to: &writer)
                try answers.writeTrace(to: &writer)
                writer.raw("}")
            }
        }
    }

    @Sendable static func groups(_ service: Service, _ call: Call) throws -> Answer {
        try answer(service, call, asGroups: true) { answers, searches, writer in
            writer.raw("{\"groups\":")
            try answers.writeGroups(searches[0], to: &writer)
            writer.raw("}")
        }
    }

    // MARK: older clients

    static func older(_ form: @escaping @Sendable (Body) throws -> Body) -> @Sendable (Service, Call) throws -> Answer {
        { service, call in
            try answer(service, call, reading: { [try form($0)] }) { answers, searches, writer in
                try answers.write(searches[0], to: &writer)
            }
        }
    }

    static func olderBatch(
        _ form: @escaping @Sendable (Body) throws -> Body
    ) -> @Sendable (Service, Call) throws -> Answer {
        { service, call in
            try answer(service, call, reading: { try searches($0).map(form) }) { answers, searches, writer in
                try writer.list(searches) { try answers.write($1, to: &$0) }
            }
        }
    }

    static func olderGroups(
        _ form: @escaping @Sendable (Body) throws -> Body
    ) -> @Sendable (Service, Call) throws -> Answer {
        { service, call in
            try answer(service, call, asGroups: true, reading: { [try form($0)] }) { answers, searches, writer in
                writer.raw("{\"groups\":")
                try answers.writeGroups(searches[0], to: &writer)
                writer.raw("}")
            }
        }
    }

    // MARK: matrices

    @Sendable static func pairs(_ service: Service, _ call: Call) throws -> Answer {
        var writer = WireWriter()
        try matrix(service, call).writePairs(to: &writer)
        return Answer(writer)
    }

    @Sendable static func offsets(_ service: Service, _ call: Call) throws -> Answer {
        var writer = WireWriter()
        try matrix(service, call).writeOffsets(to: &writer)
        return Answer(writer)
    }

    private static func matrix(_ service: Service, _ call: Call) throws -> DistanceMatrix {
        let (body, target) = (try call.json(), try service.target(call))
        try Admission(target, timeout: call.query.timeout)?.matrix(body)
        return try DistanceMatrix(body, target)
    }

    // MARK: what they have in common

    private static let mostSearches = 1_000

    private static func searches(_ body: Body) throws -> [Body] {
        guard let searches = try body.objects("searches") else { throw Refusal.format("", "missing field `searches`") }
        guard searches.count <= mostSearches else { throw Refusal.bad("A batch may have \(mostSearches) searches") }
        return searches
    }

    /// - Parameters:
    ///   - asGroups: whether the answers are grouped.
    ///   - read: finds the queries of a body, as those that they are.
    ///   - write: carries them out and writes the answers.
    private static func answer(
        _ service: Service, _ call: Call, asGroups: Bool = false, reading read: (Body) throws -> [Body] = { [$0] },
        _ write: @escaping @Sendable (inout QueryAnswers, [Body], inout WireWriter) throws -> Void
    ) throws -> Answer {
        let start = ContinuousClock.now
        let (body, headers) = (try call.json(), try SearchHeaders(call))
        let routed = try service.routed(call)
        let searches = try read(body)
        // A shadow is asked for the server's sake: nothing is counted against its collection.
        try Admission(routed.target, timeout: call.query.timeout)?.queries(searches, headers, asGroups: asGroups)
        let carryOut: @Sendable (Target) throws -> (WireWriter, QueryAnswers) = { target in
            let planner = QueryPlanner(target: target, headers: headers, rerankers: service.rerankers) {
                try service.target($0, for: call.caller)
            }
            var answers = QueryAnswers(planner, service.audit, bytes: call.body.readableBytes)
            var writer = WireWriter(capacity: 2_048)
            try write(&answers, searches, &writer)
            return (writer, answers)
        }
        let (writer, answers) = try carryOut(routed.target)
        if let shadow = routed.shadow {
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            let name = Aliases.Target(collection: shadow.collection.name, version: shadow.version).description
            service.shadows.compare(
                alias: call.names[0], target: name, writer.bytes, asked: call.body.readableBytes, seconds: seconds
            ) { try carryOut(Target(shadow.collection, version: shadow.version)).0.bytes }
        }
        var answer = Answer(writer)
        if let recall = answers.recall { answer.headers.append(("x-recall-expected", "\(recall)")) }
        if let (read, wanted) = answers.reranked { answer.headers.append(("x-reranked", "\(read)/\(wanted)")) }
        if routed.isTried { answer.headers.append(("x-served-by", routed.target.name)) }
        return answer
    }
}

extension SearchHeaders {
    init(_ call: Call) throws(Refusal) {
        self.init()
        if let text = call.headers[.recall] {
            guard let recall = Double(text), recall > 0, recall <= 1 else {
                throw Refusal(
                    422, "Validation error in headers: [x-recall: value \(text) invalid, must be above 0 and up to 1]")
            }
            self.recall = recall
        }
        exact = try Self.flag(.exact, call)
        explains = try Self.flag(.explain, call)
    }

    private static func flag(_ name: HTTPField.Name, _ call: Call) throws(Refusal) -> Bool {
        switch call.headers[name] {
        case nil, "false"?: return false
        case "true"?: return true
        case let text?:
            throw Refusal(422, "Validation error in headers: [\(name): value \(text) invalid, must be true or false]")
        }
    }
}
