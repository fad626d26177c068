import Belfry
import Files
import Foundation

/// What users have seen: noted, forgotten, listed. A query with `seen_by` leaves it out.
enum SeenCalls {
    @Sendable static func note(_ service: Service, _ call: Call) async throws -> Answer {
        let body = try call.json()
        guard let ids = try body.list("ids") else { throw Refusal.format("", "missing field `ids`") }
        let names = try PointNames.names(ids, "ids")
        return try await write(
            .markSeen(names, by: user(body), at: time(body, "at") ?? Date()), of: names.count, service, call)
    }

    @Sendable static func forget(_ service: Service, _ call: Call) async throws -> Answer {
        let body = try call.json()
        let (ids, before, all) = (try body.list("ids"), try time(body, "before"), try body.flag("all") ?? false)
        guard [ids != nil, before != nil, all].count(where: { $0 }) == 1 else {
            throw Refusal.bad("Give one of `ids`, `before` and `all`.")
        }
        guard let ids else {
            return try await write(
                .forgetAllSeen(by: user(body), before: before ?? .distantFuture), of: 1, service, call)
        }
        return try await write(
            .forgetSeen(PointNames.names(ids, "ids"), by: user(body)), of: ids.count, service, call)
    }

    @Sendable static func list(_ service: Service, _ call: Call) throws -> Answer {
        let target = try service.target(call)
        try Admission(target, timeout: call.query.timeout)?.read(1)
        let points = try target.collection.seen(by: call.names[1], limit: limit(call)).map { point -> JSON in
            let time = point.time.map { Timestamp($0) }
            return [
                "id": UInt64(point.id).map { .unsigned($0) } ?? .string(point.id),
                "at": time.map { .string($0.description) } ?? .null,
            ]
        }
        return Answer(["points": .array(points)])
    }

    private static func limit(_ call: Call) throws(Refusal) -> Int {
        guard let text = call.query["limit"] else { return 1_000 }
        guard let limit = Int(text), (1...10_000).contains(limit) else {
            throw Refusal(
                422, "Validation error in query parameters: [limit: value \(text) invalid, must be from 1 to 10000]")
        }
        return limit
    }

    /// - Parameter count: how many points it is about.
    private static func write(
        _ operation: WriteOperation, of count: Int, _ service: Service, _ call: Call
    ) async throws -> Answer {
        let waits = try call.query.waits
        let target = try service.target(call)
        try Admission(target, timeout: call.query.timeout)?.write(count)
        let number = try await target.collection.version("").write([operation]).lsn
        return Answer(WriteAnswer.json(number, waits: waits))
    }

    private static func user(_ body: Body) throws -> String {
        guard let user = try body.user("user") else { throw Refusal.format("", "missing field `user`") }
        return user
    }

    private static func time(_ body: Body, _ name: String) throws(Refusal) -> Date? {
        guard let text = try body.text(name) else { return nil }
        guard let time = Timestamp(text) else {
            throw Refusal.format(body.path(name), "a time is expected, as 2026-11-30T12:00:00Z")
        }
        return time.date
    }
}
