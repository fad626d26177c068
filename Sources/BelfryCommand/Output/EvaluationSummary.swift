import Evaluation
import Foundation

/// The headline figures of evaluations, one line each: what was published, what exact search finds, what the index finds
/// and what that costs, and what the plain baselines find.
struct EvaluationSummary {
    private let results: [EvaluationResult]

    init(_ results: [EvaluationResult]) { self.results = results }

    var lines: [String] {
        let right = ["published", "exact", "95 % interval", "index", "recall", "of a scan", "times as fast"]
        // No column gives way: a variant whose name is cut could be another one.
        var table = Table(
            ["recipe", "variant", "evaluation", "metric"].map { .init(title: $0) }
                + right.map { .init(title: $0, alignment: .right) } + [.init(title: "baselines")])
        for result in results {
            for figure in result.figures where figure.isHeadline {
                table.add(
                    [result.recipe, result.variant ?? "", result.evaluation, figure.name] + cells(figure, result))
            }
        }
        guard !table.rows.isEmpty else { return ["None of these evaluations has a headline figure."] }
        return table.lines(width: Terminal.width) + ["", Self.legend]
    }

    private func cells(_ figure: EvaluationResult.Figure, _ result: EvaluationResult) -> [String] {
        let cost = result.index
        return [
            figure.published ?? "", number(figure.exact.mean),
            "\(number(figure.exact.low))–\(number(figure.exact.high))", number(figure.index.mean),
        ]
            + (cost.kind == "exact"
                ? ["", "", ""]
                : [
                    String(format: "%.3f", cost.recall), Human.percent(cost.evaluations / max(cost.scanEvaluations, 1)),
                    String(format: "%.1f", cost.speedup.median),
                ]) + [figure.baselines.map { "\($0.name) \(number($0.value.mean))" }.joined(separator: ", ")]
    }

    private func number(_ value: Double) -> String { String(format: "%.3f", value) }

    private static let legend = """
        recall: of the exact search's nearest, found through the index at the recipe's recall; of a scan: the share of a
        scan's distances that this takes; times as fast: the exact search's time over the index's, in batches. All three
        for as many answers as the evaluation's greatest k. Nothing stands where the collection has no index but the scan.
        """
}
