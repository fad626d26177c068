public import Files
import Foundation
public import Shards
public import Vectors

extension SegmentBuilder {
    private static let rounds = 5
    private static let queriesPerKind = 100
    /// A scan is not taken to be faster than an index that reads less than one of so many bytes of it, whatever the clock
    /// says: then something else kept the machine busy.
    private static let plausible = 8.0

    /// Builds the segment with every kind of index, measures which of them answers fastest at a recall, and leaves that
    /// one in `directory`. The builder's `kind` is ignored.
    ///
    /// Queries of all kinds count alike. What is measured is the thread's own processor time, in rounds in which all
    /// take turns, so that other work on the machine does not decide. The segment's bytes are those that the chosen kind
    /// always has; which kind it is may differ from run to run where two are equally fast.
    /// - Parameter recall: what a search for `k` rows is to reach, from above 0 to 1; nil for the best that is to be had in
    ///   about a millisecond: see ``DefaultRecall``.
    public func buildFastest(
        _ rows: any VectorSource, ids: (Int) -> PointID = { .number(UInt64($0)) }, in directory: String,
        recall: Double?,
        k: Int = 10
    ) throws(BelfryError) -> IndexChoice {
        if let reason = try reasonToScan(rows, recall) {
            try building(.exact).build(rows, ids: ids, in: directory)
            return IndexChoice(kind: .exact, recall: recall ?? 1, recallReason: reason, k: k, candidates: [])
        }
        var candidates: [IndexChoice.Candidate] = []
        for kind in [IndexKind.ivf, .hnsw] {
            let folder = directory + "/" + kind.rawValue
            try System.createDirectory(folder)
            let start = ContinuousClock.now
            try building(kind).build(rows, ids: ids, in: folder)
            candidates.append(
                .init(
                    kind: kind, microseconds: nil, evaluations: 0, bytes: 0,
                    buildSeconds: (ContinuousClock.now - start) / .seconds(1), queries: []))
        }
        candidates.append(
            .init(kind: .exact, microseconds: nil, evaluations: 0, bytes: 0, buildSeconds: 0, queries: []))
        let (target, reason) = try target(recall, in: directory, k)
        try measure(&candidates, rows, in: directory, target, k)
        rank(&candidates)
        try keep(candidates[0].kind, rows, ids, in: directory)
        return IndexChoice(
            kind: candidates[0].kind, recall: target, recallReason: reason, k: k, candidates: candidates)
    }

    /// Why no index is built; nil where one is.
    private func reasonToScan(_ rows: any VectorSource, _ recall: Double?) throws(BelfryError) -> String? {
        if recall == 1 { return "only a scan misses nothing" }
        if recall == nil, DefaultRecall.scans(rows: rows.rowCount, bytesPerRow: rows.dimension) {
            return DefaultRecall.scanReason(rows.rowCount)
        }
        let held = try HeldRows.choose(rows, seed: seed, threads: threads).count
        return held < Self.minQueries ? "too few different rows to calibrate an index on" : nil
    }

    /// The recall that is asked for, or the best that either index has in about a millisecond.
    private func target(_ recall: Double?, in directory: String, _ k: Int) throws(BelfryError) -> (Double, String) {
        if let recall { return (recall, "as the recipe says") }
        var best = (recall: 0.0, reason: "")
        for kind in [IndexKind.ivf, .hnsw] {
            let found = DefaultRecall.recall(
                of: try SegmentIndex("\(directory)/\(kind.rawValue)", metric: metric), k: k)
            if found.recall > best.recall { best = found }
        }
        return best
    }

    private func building(_ kind: IndexKind) -> SegmentBuilder {
        var builder = self
        builder.kind = kind
        return builder
    }

    /// Asks all of them the same queries in turn.
    private func measure(
        _ candidates: inout [IndexChoice.Candidate], _ rows: any VectorSource, in directory: String, _ recall: Double,
        _ k: Int
    ) throws(BelfryError) {
        var searches: [(segment: SegmentIndex, searcher: SegmentSearcher)] = []
        for candidate in candidates {
            let folder = directory + "/" + (candidate.kind == .exact ? IndexKind.ivf : candidate.kind).rawValue
            let segment = try SegmentIndex(folder, metric: metric)
            searches.append((segment, segment.makeSearcher()))
        }
        func drawn(_ rows: any VectorSource) throws(BelfryError) -> Matrix {
            var random = SplitMix64(seed: seed)
            return try rows.matrix(Array(random.permutation(rows.rowCount).prefix(Self.queriesPerKind)))
        }
        var kinds = [QuerySample(.rows, try drawn(rows))]
        for given in givenQueries { kinds.append(QuerySample(given.kind, try drawn(given.queries))) }
        for kind in kinds {
            let numbers = Array(0..<kind.queries.rows)
            var seconds = candidates.map { _ in [Double]() }
            let efforts = candidates.indices.map { index in
                candidates[index].kind == .exact
                    ? .exact : searches[index].segment.effort(recall: recall, k: k, for: [kind.kind])
            }
            // The first round brings files into memory.
            for round in 0...Self.rounds {
                for (index, search) in searches.enumerated() {
                    // An index that cannot promise the recall would be scanned all the same.
                    guard efforts[index] != .exact || candidates[index].kind == .exact else { continue }
                    // A scan takes as long for any query.
                    let numbers = efforts[index] == .exact ? numbers.prefix(10) : numbers[...]
                    let (before, start) = (search.searcher.trace, Self.processorTime())
                    for query in numbers {
                        _ = try search.searcher.search(
                            kind.queries.pointer + query * kind.queries.columns, k: k, effort: efforts[index])
                    }
                    let (time, after) = (Self.processorTime() - start, search.searcher.trace)
                    let share = 1 / Double(numbers.count)
                    if round > 0 { seconds[index].append(time * share) }
                    if round == 0 {
                        let weight = share / Double(kinds.count)
                        candidates[index].evaluations += Double(after.evaluations - before.evaluations) * weight
                        candidates[index].bytes += Double(after.bytes - before.bytes) * weight
                    }
                }
            }
            for index in candidates.indices where !seconds[index].isEmpty {
                candidates[index].queries.append(
                    .init(kind: kind.kind, microseconds: 1e6 * seconds[index].sorted()[Self.rounds / 2]))
            }
        }
        // An index that would be scanned for one kind of query is none for all.
        for index in candidates.indices where candidates[index].queries.count == kinds.count {
            let times = candidates[index].queries.map(\.microseconds)
            candidates[index].microseconds = times.reduce(0, +) / Double(times.count)
        }
    }

    /// The fastest first.
    private func rank(_ candidates: inout [IndexChoice.Candidate]) {
        candidates.sort { ($0.microseconds ?? .infinity) < ($1.microseconds ?? .infinity) }
        guard candidates[0].kind == .exact,
            let index = candidates.firstIndex(where: {
                $0.microseconds != nil && $0.bytes * Self.plausible < candidates[0].bytes
            })
        else { return }
        candidates.swapAt(0, index)
    }

    /// Leaves one of the indexes in the directory, and removes the others.
    private func keep(
        _ best: IndexKind, _ rows: any VectorSource, _ ids: (Int) -> PointID, in directory: String
    ) throws(BelfryError) {
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
    }

    /// Seconds that this thread has computed for.
    private static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
