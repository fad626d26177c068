import Belfry
import Files
import Foundation
import Logging
import Shards

/// Recommendations by several sources, and what became of them.
enum RecommendCalls {
    @Sendable static func recommend(_ service: Service, _ call: Call) throws -> Answer {
        let body = try call.json()
        let target = try service.target(call.names[0])
        let shown = try PointView(body, of: target, payload: .none)
        let seed = UInt64.random(in: 0...UInt64(Int64.max))
        let headers = try SearchHeaders(call)
        let asked = try RecommendationReader(body, target, headers, seed: seed)
        let id = UUID().uuidString.lowercased()
        let response = try target.collection.recommend(asked.recommendation)
        service.recommendations.note(
            response.outcomes.map { ($0.source, $0.answers, $0.passedOver != nil) },
            missingFields: asked.missingFields)
        let servedBy = target.versionJSON
        do {
            try service.feedback.append([
                [
                    "event": "recommendation", "request_id": .string(id), "at": .string(Timestamp(Date()).description),
                    "collection": .string(call.names[0]), "served_by": servedBy, "headers": headers.logged,
                    "request": asked.replayed(body), "points": .array(response.answers.map(\.logged)),
                ]
            ])
        } catch {
            // An answer is worth more than its line.
            service.logger.error("\(error)")
        }

        var writer = WireWriter(capacity: 2_048)
        writer.raw("{\"points\":")
        try target.write(response.answers.map(\.hit), shown, scored: true, to: &writer) { writer, place in
            let answer = response.answers[place]
            writer.raw(",\"source\":")
            writer.text(answer.source)
            if let propensity = answer.propensity {
                writer.raw(",\"propensity\":")
                writer.json(.number(propensity))
            }
        }
        writer.raw(",\"request_id\":")
        writer.text(id)
        writer.raw(",\"sources\":")
        writer.json(.array(response.outcomes.map(\.json)))
        writer.raw(",\"served_by\":")
        writer.json(servedBy)
        writer.raw("}")
        var answer = Answer(writer)
        if let recall = response.recall { answer.headers.append(("x-recall-expected", "\(recall)")) }
        return answer
    }

    private static let mostEvents = 1_000

    @Sendable static func feedback(_ service: Service, _ call: Call) throws -> Answer {
        let body = try call.json()
        let events = try body.objects("events") ?? [body]
        guard events.count <= mostEvents else { throw Refusal.bad("There may be \(mostEvents) events") }
        try service.feedback.append(events.map(event))
        return Answer(["accepted": .integer(Int64(events.count))])
    }

    /// A line of the log: nothing of a body that this does not know gets into it.
    private static func event(_ body: Body) throws -> JSON {
        guard let request = try body.text("request_id") else {
            throw Refusal.format(body.place, "missing field `request_id`")
        }
        guard UUID(uuidString: request) != nil else {
            throw Refusal.format(body.path("request_id"), "the `request_id` of a recommendation is expected, a UUID")
        }
        guard let event = try body.text("event") else { throw Refusal.format(body.place, "missing field `event`") }
        let isName = event.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "_")
        }
        guard isName, (1...32).contains(event.utf8.count), event != "recommendation" else {
            throw Refusal.format(body.path("event"), "impression, click or another word of a to z is expected")
        }
        guard let points = try body.list("points"), !points.isEmpty, points.count <= mostEvents else {
            throw Refusal.format(body.path("points"), "1 to \(mostEvents) points are expected")
        }
        let time = try body.text("at").map { text in
            guard let time = Timestamp(text) else {
                throw Refusal.format(body.path("at"), "a time is expected, as 2026-11-30T12:00:00Z")
            }
            return time
        }
        return [
            "event": .string(event), "request_id": .string(request.lowercased()),
            "at": .string((time ?? Timestamp(Date())).description),
            "points": .array(try PointNames.names(points, body.path("points")).map { .string($0) }),
        ]
    }
}

extension Target {
    /// What answers: the collection, its version, the tower of the vectors that are searched, the last write.
    fileprivate var versionJSON: JSON {
        var members: JSON.Members = ["collection": .string(served.name)]
        if !configuration.version.isEmpty { members["version"] = .string(configuration.version) }
        members["tower"] = configuration.main.tower.map {
            ["name": .string($0.name), "fingerprint": .string($0.fingerprint)]
        }
        members["write"] = .unsigned(collection.view.lastWrite)
        return .object(members)
    }
}

extension RecommendationReader {
    /// The body as it is asked again to the same end: with the seed that was drawn.
    fileprivate func replayed(_ body: Body) -> JSON {
        guard case .object(var members) = body.json, let exploration = recommendation.exploration,
            case .object(var drawn)? = body["exploration"]
        else { return body.json }
        drawn["seed"] = .unsigned(exploration.seed)
        members["exploration"] = .object(drawn)
        return .object(members)
    }
}

extension RecommendationResponse.Answer {
    fileprivate var logged: JSON {
        var members: JSON.Members = ["id": .string(hit.name), "source": .string(source)]
        members["propensity"] = propensity.map { .number($0) }
        return .object(members)
    }
}

extension RecommendationResponse.Outcome {
    fileprivate var json: JSON {
        var members: JSON.Members = ["name": .string(source), "points": .integer(Int64(answers))]
        members["passed_over"] = passedOver.map { .string($0) }
        return .object(members)
    }
}
