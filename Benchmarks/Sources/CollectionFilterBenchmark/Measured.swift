import Belfry
import Foundation

/// What is written as JSON: the same members that `Benchmarks/filters/run.py` writes for other systems.
struct Measured: Encodable {
    let system: String
    let params: String
    let target: Double
    /// Nil where the collection was there already.
    let buildSeconds: Double?
    let bytes: Int
    var cells: [CellTimes]
}

/// A search, and what it took.
struct TimedSearch {
    let response: SearchResponse
    let milliseconds: Double
    /// Milliseconds of processor.
    let processor: Double
}

/// The answers and times of the queries of one cell. Times are in milliseconds.
struct CellTimes: Encodable {
    let name: String
    /// The ids that were found when the filter was asked the first time.
    private(set) var answers: [[UInt64]] = []
    /// Of filters that nobody has asked before, with the payload of the answers; nil for one that came before.
    private(set) var first: [Double?] = []
    /// Of the same the time of processor.
    private(set) var firstCpu: [Double?] = []
    /// The same filter once more, with the payload.
    private(set) var again: [Double] = []
    /// The same two and a scan of what passes, without fetching payloads.
    private(set) var firstSearch: [Double?] = []
    private(set) var againSearch: [Double] = []
    private(set) var scanSearch: [Double] = []
    /// Of the index alone, without a filter; nil where that is a scan.
    private(set) var walk: [Double?] = []
    /// Distances that the search has looked at, and whether it was a scan of what passes.
    private(set) var evaluations: [Int] = []
    private(set) var scanned: [Bool] = []
    private(set) var recalls: [Double] = []
    private(set) var passing: [Int] = []
    /// Queries whose answer changed from the first time to the second.
    private(set) var changed = 0

    init(name: String) { self.name = name }

    mutating func take(
        _ first: TimedSearch, again: TimedSearch, scan: TimedSearch, walk: Double?, isFirst: Bool
    ) {
        let ids = first.response.hits.map(Self.number)
        answers.append(ids)
        if ids != again.response.hits.map(Self.number) { changed += 1 }
        self.first.append(isFirst ? first.milliseconds : nil)
        firstCpu.append(isFirst ? first.processor : nil)
        firstSearch.append(isFirst ? first.response.trace.searchMilliseconds : nil)
        self.again.append(again.milliseconds)
        againSearch.append(again.response.trace.searchMilliseconds)
        scanSearch.append(scan.response.trace.searchMilliseconds)
        self.walk.append(walk)
        evaluations.append(again.response.trace.evaluations)
        scanned.append(again.response.trace.isScanned)
        passing.append(scan.response.trace.evaluations)
        scores.append(first.response.hits.map { Double($0.score) })
    }

    /// Of the answers, for recall; not written.
    private var scores: [[Double]] = []

    private enum CodingKeys: String, CodingKey {
        case name, answers, first, firstCpu, again, firstSearch, againSearch, scanSearch, walk
        case evaluations, scanned, recalls, passing, changed
    }

    private static func number(_ hit: SearchResponse.Hit) -> UInt64 {
        if case .number(let number) = hit.id { number } else { .max }
    }

    /// Finds out what recall the answers have: the share of rows that are as near as the true last one.
    mutating func judge(_ truth: [FilterData.Truth]) {
        for (scores, truth) in zip(scores, truth) where !truth.ids.isEmpty {
            let last = truth.scores.last ?? 0
            // Scores are of f32; those of the truth are of f64.
            recalls.append(min(1, Double(scores.count { $0 >= last - 2e-6 }) / Double(truth.ids.count)))
        }
    }

    static let head =
        "filter                         passing    recall  low  under    first  again  eval.   scan   walk  again/best"

    func line(target: Double, of count: Int, _ truth: [FilterData.Truth]) -> String {
        let mean = recalls.isEmpty ? 1 : recalls.reduce(0, +) / Double(recalls.count)
        let under = Double(recalls.count { $0 < target }) / Double(max(recalls.count, 1))
        let share = Double(truth.map(\.passing).reduce(0, +)) / Double(truth.count * count)
        let evaluation = zip(firstSearch, againSearch).compactMap { first, again in first.map { $0 - again } }
        let best = zip(scanSearch, walk).map { scan, walk in min(scan, walk ?? .infinity) }
        let ratios = zip(againSearch, best).map { $0 / $1 }
        let figures = [
            median(first.compactMap { $0 }), median(again), median(evaluation), median(scanSearch),
            median(walk.compactMap { $0 }),
        ].map { $0.map { String(format: "%6.3f", $0) } ?? "     –" }
        return name.padding(toLength: 28, withPad: " ", startingAt: 0)
            + String(format: "%8.3f %%  %.4f  %.2f  %3.0f %%  ", share * 100, mean, recalls.min() ?? 1, under * 100)
            + figures.joined(separator: " ") + String(format: "  %.2f", median(ratios) ?? 1)
            + (changed > 0 ? "  \(changed) changed" : "")
    }
}

func median(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.sorted()[values.count / 2] }
