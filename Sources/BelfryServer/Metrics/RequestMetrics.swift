import Synchronization

/// How many requests were answered with what, and how long that took.
final class RequestMetrics: Sendable {
    private struct Key: Hashable {
        var route: String
        var status: Int
    }

    private struct Times {
        /// Requests that took at most as long as each of the bounds; the last ones took longer.
        var counts = [Int](repeating: 0, count: RequestMetrics.bounds.count + 1)
        var seconds = 0.0

        mutating func add(_ place: Int, _ seconds: Double) {
            counts[place] += 1
            self.seconds += seconds
        }
    }

    /// Seconds.
    static let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private let times = Mutex<[Key: Times]>([:])

    func note(_ route: String, _ status: Int, _ duration: Duration) {
        let seconds = duration / .seconds(1)
        let place = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        times.withLock { times in
            times[Key(route: route, status: status), default: Times()].add(place, seconds)
        }
    }

    /// The counts as Prometheus reads them.
    func text() -> String {
        var text = """
            # HELP belfry_http_request_seconds How long requests took.
            # TYPE belfry_http_request_seconds histogram

            """
        let all = times.withLock { $0 }.sorted { ($0.key.route, $0.key.status) < ($1.key.route, $1.key.status) }
        for (key, times) in all {
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
}
