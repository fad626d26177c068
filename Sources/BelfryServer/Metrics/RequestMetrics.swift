import Foundation
import Synchronization

/// How many requests were answered with what, and how long that took.
final class RequestMetrics: Sendable {
    /// Requests that were answered alike.
    struct Key: Hashable {
        /// Empty where there is no such route.
        var method: String
        var route: String
        var status: Int

        var order: (String, String, Int) { (route, method, status) }
    }

    struct Times {
        /// Requests that took at most as long as each of the bounds; the last ones took longer.
        var counts = [Int](repeating: 0, count: RequestMetrics.bounds.count + 1)
        var seconds = 0.0
        /// When the last one was answered.
        var last = Date.distantPast
        var count: Int { counts.reduce(0, +) }

        fileprivate mutating func add(_ place: Int, _ seconds: Double, at time: Date) {
            counts[place] += 1
            self.seconds += seconds
            last = time
        }

        fileprivate static func += (sum: inout Times, other: Times) {
            for (place, count) in other.counts.enumerated() { sum.counts[place] += count }
            sum.seconds += other.seconds
            sum.last = max(sum.last, other.last)
        }
    }

    private struct State {
        var times: [Key: Times] = [:]
        /// How many of them were about each collection.
        var collections: [String: [Key: Int]] = [:]
    }

    /// Seconds.
    static let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private let state = Mutex(State())

    /// - Parameter collection: the one that it was about, which must be there: names that callers make up are without number.
    func note(
        _ method: String, _ route: String, _ status: Int, _ duration: Duration, collection: String? = nil
    ) {
        let (seconds, now) = (duration / .seconds(1), Date())
        let place = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        let key = Key(method: method, route: route, status: status)
        state.withLock { state in
            state.times[key, default: Times()].add(place, seconds, at: now)
            if let collection { state.collections[collection, default: [:]][key, default: 0] += 1 }
        }
    }

    /// Drops the counts of a collection that is gone.
    func forget(_ collection: String) { state.withLock { _ = $0.collections.removeValue(forKey: collection) } }

    /// Of the routes that there are, in order.
    var ofRoutes: [(key: Key, times: Times)] {
        state.withLock { $0.times }.filter { !$0.key.method.isEmpty }.sorted { $0.key.order < $1.key.order }
            .map { ($0.key, $0.value) }
    }

    /// The counts as Prometheus reads them.
    func text() -> String {
        var text = """
            # HELP belfry_http_request_seconds How long requests took.
            # TYPE belfry_http_request_seconds histogram

            """
        var all: [Key: Times] = [:]
        for (key, times) in state.withLock({ $0.times }) {
            all[Key(method: "", route: key.route, status: key.status), default: Times()] += times
        }
        for (key, times) in all.sorted(by: { $0.key.order < $1.key.order }) {
            let labels = "route=\"\(key.route)\",status=\"\(key.status)\""
            var sum = 0
            for (bound, count) in zip(Self.bounds.map { "\($0)" } + ["+Inf"], times.counts) {
                sum += count
                text += "belfry_http_request_seconds_bucket{\(labels),le=\"\(bound)\"} \(sum)\n"
            }
            text += "belfry_http_request_seconds_sum{\(labels)} \(times.seconds)\n"
            text += "belfry_http_request_seconds_count{\(labels)} \(sum)\n"
        }
        return text
    }

    /// The counts by the names that dashboards of the interface know.
    /// - Parameter byCollection: whether requests about collections are counted for each of them.
    func responses(byCollection: Bool) -> String {
        let collections = byCollection ? state.withLock { $0.collections }.sorted { $0.key < $1.key } : []
        var values: [(labels: PrometheusText.Labels, value: Int)] = []
        for (key, times) in ofRoutes {
            let labels = [
                ("method", key.method), ("endpoint", EndpointName.of(key.route)), ("status", "\(key.status)"),
            ]
            var rest = times.count
            for (name, counts) in collections {
                guard let count = counts[key] else { continue }
                rest -= count
                values.append((labels + [("collection", name)], count))
            }
            if rest > 0 { values.append((labels, rest)) }
        }
        return PrometheusText.series("rest_responses_total", .counter, "total number of responses", values)
    }
}
