import Synchronization

/// What recommendations were made of, and what they lacked.
final class RecommendMetrics: Sendable {
    private struct Counts {
        var answers: [String: Int] = [:]
        var passedOver: [String: Int] = [:]
        var missing: [String: Int] = [:]
    }

    private let counts = Mutex(Counts())

    func note(_ outcomes: [(source: String, answers: Int, isPassedOver: Bool)], missingFields: [String]) {
        counts.withLock { counts in
            for outcome in outcomes {
                counts.answers[outcome.source, default: 0] += outcome.answers
                if outcome.isPassedOver { counts.passedOver[outcome.source, default: 0] += 1 }
            }
            for field in missingFields { counts.missing[field, default: 0] += 1 }
        }
    }

    /// The counts as Prometheus reads them.
    func text() -> String {
        let counts = counts.withLock { $0 }
        func series(_ name: String, _ help: String, _ label: String, _ values: [String: Int]) -> String {
            guard !values.isEmpty else { return "" }
            return PrometheusText.series(
                name, .counter, help, values.sorted { $0.key < $1.key }.map { ([(label, $0.key)], $0.value) })
        }
        return series(
            "belfry_recommended_points_total", "Answers of recommendations, by their source.", "source",
            counts.answers)
            + series(
                "belfry_recommend_passed_over_total", "Times that a source had no answer to give.", "source",
                counts.passedOver)
            + series(
                "belfry_recommend_missing_fields_total", "Times that a field of the query tower was not known.",
                "field", counts.missing)
    }
}
