import Evaluation
import Foundation

/// The results of evaluations for people: the figures, what was counted, and what the indexes cost.
struct EvaluationTables {
    private let results: [EvaluationResult]

    init(_ results: [EvaluationResult]) { self.results = results }

    var lines: [String] {
        figures + hybrid + [""] + results.flatMap(counts) + ["", "Through the index, beside the exact search:"] + costs
    }

    private var hasVariants: Bool { results.contains { $0.variant != nil } }

    private func names(_ result: EvaluationResult) -> [String] {
        [result.evaluation] + (hasVariants ? [result.variant ?? ""] : [])
    }

    private var nameColumns: [Table.Column] {
        [.init(title: "evaluation", shrinks: true)] + (hasVariants ? [.init(title: "variant", shrinks: true)] : [])
    }

    private var figures: [String] {
        var baselines: [String] = []
        for name in results.flatMap({ $0.figures.first?.baselines.map(\.name) ?? [] }) where !baselines.contains(name) {
            baselines.append(name)
        }
        let hasPublished = results.contains { $0.figures.contains { $0.published != nil } }
        let hasWords = results.contains { $0.wordsShare != nil }
        let isReranked = results.contains { $0.figures.contains { $0.reranked != nil } }
        let right =
            (hasPublished ? ["published"] : []) + ["exact", "95 % interval", "index"] + baselines
            + (hasWords ? ["words", "hybrid"] : []) + (isReranked ? ["reranked"] : [])
        var table = Table(
            nameColumns + [.init(title: "metric")] + right.map { .init(title: $0, alignment: .right) })
        for result in results {
            for figure in result.figures {
                let others = baselines.map { name in
                    figure.baselines.first { $0.name == name }.map { Self.number($0.value.mean) } ?? ""
                }
                table.add(
                    names(result) + [figure.name] + (hasPublished ? [figure.published ?? ""] : []) + [
                        Self.number(figure.exact.mean),
                        "\(Self.number(figure.exact.low))–\(Self.number(figure.exact.high))",
                        Self.number(figure.index.mean),
                    ] + others
                        + (hasWords
                            ? [figure.words?.alone, figure.words?.hybrid].map { $0.map { Self.number($0.mean) } ?? "" }
                            : [])
                        + (isReranked ? [figure.reranked.map { Self.number($0.value.mean) } ?? ""] : []))
            }
        }
        return table.lines(width: Terminal.width)
    }

    /// By how much the mix of words and tower is better than either, and what a cross-encoder makes of it, at the figure that a
    /// summary shows.
    private var hybrid: [String] {
        let lines = results.flatMap { result -> [String] in
            let headline = result.figures.first { $0.name == result.headline }
            guard let figure = headline ?? result.figures.first else { return [] }
            func shown(_ mean: EvaluationResult.Mean) -> String {
                String(format: "%+.3f (%+.3f to %+.3f)", mean.mean, mean.low, mean.high)
            }
            let name = names(result).joined(separator: ", ")
            let reranked = figure.reranked.map {
                "\(name): reranked, \(figure.name) is \(shown($0.gain)) beside the order in which answers were found"
            }
            guard let share = result.wordsShare, let words = figure.words else { return [reranked].compactMap(\.self) }
            let mixed =
                "\(name): hybrid's \(figure.name) is \(shown(words.overTower)) beside the "
                + "tower's, \(shown(words.overWords)) beside words'; over all queries a share of \(share) for words is best"
            return [mixed, reranked].compactMap(\.self)
        }
        return lines.isEmpty ? [] : [""] + lines
    }

    /// `next-film, softmax: 943 queries …`.
    private func counts(_ result: EvaluationResult) -> [String] {
        let counts = result.counts
        var parts = [Human.count(counts.queries, "query", "queries")]
        if counts.queriesBeforeSampling > counts.queries + counts.badRows {
            parts[0] += " of \(Human.count(counts.queriesBeforeSampling)), drawn by seed \(result.seed)"
        }
        if counts.withoutRelevant > 0 {
            parts.append("\(Human.count(counts.withoutRelevant)) without anything relevant left out")
        }
        if counts.badRows > 0 { parts.append(Human.count(counts.badRows, "bad row")) }
        if counts.unknownUsers > 0 { parts.append(Human.count(counts.unknownUsers, "unknown user")) }
        let missing = counts.missingRelevant
        parts.append(
            "\(Human.count(counts.relevant)) relevant"
                + (missing > 0 ? ", \(Human.count(missing)) of them not in the collection" : ""))
        switch (counts.candidates, counts.within) {
        case (let candidates?, _): parts.append("\(Self.mean(candidates)) candidates a query")
        case (nil, let within?): parts.append("\(Self.mean(within)) of \(Human.count(counts.points, "point")) ranked")
        case (nil, nil): parts.append("all \(Human.count(counts.points, "point")) ranked")
        }
        if counts.missingCandidates > 0 {
            parts.append("\(Human.count(counts.missingCandidates)) candidates not in the collection")
        }
        if counts.excluded > 0 { parts.append("\(Self.mean(counts.excluded)) a query left out of the answers") }
        return ["\(names(result).joined(separator: ", ")): \(parts.joined(separator: "; "))"]
    }

    private var costs: [String] {
        let right = ["k", "asked", "recall", "distances", "of a scan", "µs", "µs exact", "times as fast"]
        var table = Table(
            nameColumns + [.init(title: "index"), .init(title: "effort", shrinks: true)]
                + right.map { .init(title: $0, alignment: .right) })
        for result in results {
            let cost = result.index
            table.add(
                names(result) + [
                    cost.kind, cost.effort, "\(cost.k)", Human.share(cost.target), String(format: "%.4f", cost.recall),
                    Human.count(cost.evaluations),
                    Human.percent(cost.evaluations / max(cost.scanEvaluations, 1)), Self.mean(cost.microseconds),
                    Self.mean(cost.exactMicroseconds),
                    // Both are the same scan, and what differs is noise.
                    cost.kind == "exact"
                        ? ""
                        : String(
                            format: "%.2f (%.2f–%.2f)", cost.speedup.median, cost.speedup.least, cost.speedup.greatest),
                ])
        }
        return table.lines(width: Terminal.width)
    }

    private static func number(_ value: Double) -> String { String(format: "%.4f", value) }

    private static func mean(_ value: Double) -> String {
        value >= 100 || value == value.rounded() ? Human.count(value) : String(format: "%.1f", value)
    }
}
