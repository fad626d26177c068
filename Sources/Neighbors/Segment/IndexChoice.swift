public import Files
import Foundation
public import Shards
public import Vectors

/// Which index a segment got because it was the fastest on the segment's own rows, and the figures that say so.
///
/// It holds times, and so is never part of a segment's files.
public struct IndexChoice: Codable, Hashable, Sendable {
    /// What one index did with rows of the data as queries.
    public struct Candidate: Codable, Hashable, Sendable {
        /// The index.
        public var kind: IndexKind
        /// Queries that one thread answered per second, one at a time: the median of the rounds.
        public var queriesPerSecond: Double
        /// Distances that a query estimated or computed, on average.
        public var evaluations: Double
        /// Seconds that building it took.
        public var buildSeconds: Double
    }

    /// The fastest.
    public var kind: IndexKind
    /// The mean recall that all had to promise.
    public var recall: Double
    /// How many rows each query asked for.
    public var k: Int
    /// All that were measured, fastest first; an index that cannot promise the recall has 0 queries per second.
    public var candidates: [Candidate]

    /// Why, in one sentence.
    public var reason: String {
        guard candidates.count > 1 else {
            return recall < 1 ? "too few rows to calibrate an index on" : "only a scan misses nothing"
        }
        let rates = candidates.map { "\($0.kind.rawValue) \(Int($0.queriesPerSecond.rounded()))" }
        return "at recall \(recall) one thread answers per second: \(rates.joined(separator: ", "))"
    }
}

extension SegmentBuilder {
    private static let rounds = 5
    private static let queries = 200

    /// Builds the segment with every kind of index, measures which of them answers fastest at a recall target, and
    /// leaves that one in `directory`. The builder's `kind` is ignored.
    ///
    /// The segment's bytes are those that the chosen kind always has; which kind it is may differ from run to run where
    /// two are equally fast.
    /// - Parameter recall: the mean recall that a search for `k` rows is to reach, from above 0 to 1.
    public func buildFastest(
        _ rows: Matrix, ids: (Int) -> PointID = { .number(UInt64($0)) }, in directory: String, recall: Double,
        k: Int = 10
    ) throws(BelfryError) -> IndexChoice {
        guard Self.calibrationRows(rows.rows) >= Self.fewestQueries, recall < 1 else {
            try building(.exact).build(rows, ids: ids, in: directory)
            return IndexChoice(kind: .exact, recall: recall, k: k, candidates: [])
        }
        var candidates: [IndexChoice.Candidate] = []
        for kind in [IndexKind.ivf, .hnsw] {
            let folder = directory + "/" + kind.rawValue
            try System.createDirectory(folder)
            let start = ContinuousClock.now
            try building(kind).build(rows, ids: ids, in: folder)
            candidates.append(
                .init(kind: kind, queriesPerSecond: 0, evaluations: 0, buildSeconds: start.secondsAgo))
        }
        candidates.append(.init(kind: .exact, queriesPerSecond: 0, evaluations: 0, buildSeconds: 0))
        try measure(&candidates, rows, in: directory, recall, k)
        candidates.sort { $0.queriesPerSecond > $1.queriesPerSecond }
        let best = candidates[0].kind
        if best == .exact { try building(.exact).build(rows, ids: ids, in: directory) }
        for kind in [IndexKind.ivf, .hnsw] {
            let folder = directory + "/" + kind.rawValue
            if kind == best {
                for name in try System.list(folder) {
                    try System.rename("\(folder)/\(name)", to: "\(directory)/\(name)")
                }
            }
            try System.remove(folder)
        }
        return IndexChoice(kind: best, recall: recall, k: k, candidates: candidates)
    }

    private func building(_ kind: IndexKind) -> SegmentBuilder {
        var builder = self
        builder.kind = kind
        return builder
    }

    /// Asks all of them the same queries in turn, so that what else the machine does hits all alike.
    private func measure(
        _ candidates: inout [IndexChoice.Candidate], _ rows: Matrix, in directory: String, _ recall: Double, _ k: Int
    ) throws(BelfryError) {
        var random = SplitMix64(seed: seed)
        let asked = givenQueries ?? rows
        let queries = random.permutation(asked.rows).prefix(Self.queries).map { Int($0) }
        var searches: [(searcher: SegmentSearcher, effort: Segment.Effort)] = []
        for candidate in candidates {
            let folder = directory + "/" + (candidate.kind == .exact ? IndexKind.ivf : candidate.kind).rawValue
            let segment = try Segment(folder, metric: metric)
            let effort = candidate.kind == .exact ? .exact : segment.effort(recall: recall, k: k)
            searches.append((segment.makeSearcher(), effort))
        }
        var seconds = candidates.map { _ in [Double]() }
        // The first round brings files into memory.
        for round in 0...Self.rounds {
            for (index, search) in searches.enumerated() {
                // An index that cannot promise the recall would be scanned all the same.
                guard search.effort != .exact || candidates[index].kind == .exact else { continue }
                // A scan takes as long for any query.
                let numbers = search.effort == .exact ? queries.prefix(20) : queries[...]
                let start = ContinuousClock.now
                for query in numbers {
                    _ = try search.searcher.search(asked.pointer + query * asked.columns, k: k, effort: search.effort)
                }
                if round > 0 { seconds[index].append(start.secondsAgo / Double(numbers.count)) }
                if round == 0 {
                    candidates[index].evaluations = Double(search.searcher.trace.evaluations) / Double(numbers.count)
                }
            }
        }
        for index in candidates.indices {
            guard !seconds[index].isEmpty else { continue }
            candidates[index].queriesPerSecond = 1 / seconds[index].sorted()[Self.rounds / 2]
        }
    }
}

extension ContinuousClock.Instant {
    fileprivate var secondsAgo: Double { (ContinuousClock.now - self) / .seconds(1) }
}
