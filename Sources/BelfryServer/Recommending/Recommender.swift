import Belfry
import Files
import Foundation
import Logging
import Shards

/// Answers recommendations, counts what they are made of, and notes them in the log of feedback.
struct Recommender: Sendable {
    let metrics = RecommendMetrics()
    let feedback: FeedbackLog
    let logger: Logger

    /// Answers a body, and notes that in the log.
    /// - Parameter name: what the request calls the collection.
    func answer(
        _ body: Body, _ target: Target, named name: String, _ headers: SearchHeaders
    ) throws -> (json: [UInt8], recall: Double?) {
        let shown = try PointView(body, of: target, payload: .none)
        let seed = UInt64.random(in: 0...UInt64(Int64.max))
        let asked = try RecommendationReader(body, target, headers, seed: seed)
        let id = UUID().uuidString.lowercased()
        let response = try target.collection.recommend(asked.recommendation)
        metrics.note(
            response.outcomes.map { ($0.source, $0.answers, $0.passedOver != nil) },
            missingFields: asked.missingFields)
        let servedBy = target.servedBy(space: asked.recommendation.space)
        do {
            try feedback.append([
                [
                    "event": "recommendation", "request_id": .string(id), "at": .string(Timestamp(Date()).description),
                    "collection": .string(name), "served_by": servedBy, "headers": headers.logged,
                    "request": asked.replayed(body), "points": .array(response.answers.map(\.logged)),
                ]
            ])
        } catch {
            // An answer is worth more than its line.
            logger.error("\(error)")
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
        return (writer.bytes, response.recall)
    }
}

extension RecommendationReader {
    /// What of a body says what is asked for, with the seed that was drawn: nothing else gets into the log. Null where it is too long
    /// to be kept.
    fileprivate func replayed(_ body: Body) -> JSON {
        var members = JSON.Members()
        for name in Self.names + Self.others { members[name] = body[name] }
        if let exploration = recommendation.exploration, case .object(var drawn)? = body["exploration"] {
            drawn["seed"] = .unsigned(exploration.seed)
            members["exploration"] = .object(drawn)
        }
        let request = JSON.object(members)
        return request.text().utf8.count <= Self.mostLogged ? request : .null
    }

    private static let mostLogged = 1 << 16
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
