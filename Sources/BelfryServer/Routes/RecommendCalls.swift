import Belfry
import Files
import Foundation
import Shards

/// Recommendations by several sources, and what became of them.
enum RecommendCalls {
    @Sendable static func recommend(_ service: Service, _ call: Call) throws -> Answer {
        // The log says which version has answered. A shadow would be counted and logged as an answer.
        let routed = try service.routed(call)
        let (body, headers) = (try call.json(), try SearchHeaders(call))
        try Admission(routed.target, timeout: call.query.timeout)?.recommendation(body, headers)
        let recommended = try service.recommender.answer(body, routed.target, named: call.names[0], headers)
        var answer = Answer(.result(recommended.json))
        if let recall = recommended.recall { answer.headers.append(("x-recall-expected", "\(recall)")) }
        if routed.isTried { answer.headers.append(("x-served-by", routed.target.name)) }
        return answer
    }

    private static let mostEvents = 1_000

    @Sendable static func feedback(_ service: Service, _ call: Call) throws -> Answer {
        let body = try call.json()
        let events = try body.objects("events") ?? [body]
        guard events.count <= mostEvents else { throw Refusal.bad("There may be \(mostEvents) events") }
        try service.recommender.feedback.append(events.map(event))
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
