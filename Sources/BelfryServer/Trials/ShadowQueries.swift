import Belfry
import Files
import Synchronization

/// Asks what is tried under an alias the same queries as the first, after that one has answered, and counts how the answers
/// differ. Where more come than it can do, some are passed over.
final class ShadowQueries: Sendable {
    private struct Key: Hashable {
        let alias: String
        let target: String
    }

    private struct Counts {
        var compared = 0
        /// Of these, how many had the same points in the same order.
        var same = 0
        /// The sum of the shares of points that both have.
        var overlap = 0.0
        var failed = 0
        var passedOver = 0
        var firstSeconds = 0.0
        var secondSeconds = 0.0
    }

    private let counts = Mutex<[Key: Counts]>([:])
    /// One at a time: what is tried is not to take the first one's processors.
    private static let mostBytes = 1 << 20
    private let threads = WorkThreads("shadow", count: 1, most: 64)

    /// Compares an answer with that of what is tried, later.
    /// - Parameters:
    ///   - answer: the result of the first, JSON.
    ///   - bytes: of the request: a large one, or a large answer, is not kept.
    ///   - seconds: how long that took.
    ///   - second: gives the result of what is tried.
    func compare(
        alias: String, target: String, _ answer: [UInt8], asked bytes: Int, seconds: Double,
        with second: @escaping @Sendable () throws -> [UInt8]
    ) {
        let key = Key(alias: alias, target: target)
        guard bytes + answer.count <= Self.mostBytes else {
            return counts.withLock { $0[key, default: Counts()].passedOver += 1 }
        }
        Task.detached { [self] in
            do {
                try await threads.run {
                    let clock = ContinuousClock()
                    let start = clock.now
                    let other = try second()
                    let took = (clock.now - start) / .seconds(1)
                    note(key, Self.ids(answer), Self.ids(other), seconds, took)
                }
            } catch let refusal as Refusal where refusal.status == 503 {
                counts.withLock { $0[key, default: Counts()].passedOver += 1 }
            } catch {
                counts.withLock { $0[key, default: Counts()].failed += 1 }
            }
        }
    }

    private func note(_ key: Key, _ first: [JSON], _ second: [JSON], _ firstSeconds: Double, _ secondSeconds: Double) {
        let names = first.map { $0.text() }
        let others = second.map { $0.text() }
        let longer = max(Set(names).count, Set(others).count)
        counts.withLock { counts in
            counts[key, default: Counts()].compared += 1
            counts[key]!.same += names == others ? 1 : 0
            counts[key]!.overlap +=
                longer == 0 ? 1 : Double(Set(names).intersection(others).count) / Double(longer)
            counts[key]!.firstSeconds += firstSeconds
            counts[key]!.secondSeconds += secondSeconds
        }
    }

    /// The ids of all points of a result, whatever its form.
    static func ids(_ result: [UInt8]) -> [JSON] {
        guard let json = try? result.withUnsafeBytes({ try JSON(parsing: $0, source: "an answer") }) else { return [] }
        return ids(json)
    }

    private static func ids(_ json: JSON) -> [JSON] {
        if let elements = json.array { return elements.flatMap(ids) }
        if let points = json["points"] ?? json["groups"] ?? json["hits"] { return ids(points) }
        return json["id"].map { [$0] } ?? []
    }

    /// The counts as Prometheus reads them.
    func text() -> String {
        let all = counts.withLock { $0 }.sorted { ($0.key.alias, $0.key.target) < ($1.key.alias, $1.key.target) }
        guard !all.isEmpty else { return "" }
        func series(
            _ name: String, _ help: String, _ value: (Counts) -> some CustomStringConvertible
        ) -> String {
            PrometheusText.series(
                name, .counter, help,
                all.map { key, counts in ([("alias", key.alias), ("target", key.target)], value(counts)) })
        }
        return series("belfry_shadow_compared_total", "Queries that a shadow was asked as well.") { $0.compared }
            + series("belfry_shadow_same_total", "Of these, how many had the same answers in the same order.") {
                $0.same
            }
            + series("belfry_shadow_overlap_total", "The sum of the shares of answers that both have.") { $0.overlap }
            + series("belfry_shadow_failed_total", "Queries that the shadow refused.") { $0.failed }
            + series("belfry_shadow_passed_over_total", "Queries that it was not asked: there were too many.") {
                $0.passedOver
            }
            + series("belfry_shadow_first_seconds_total", "Seconds of the first.") { $0.firstSeconds }
            + series("belfry_shadow_seconds_total", "Seconds of the shadow.") { $0.secondSeconds }
    }
}
