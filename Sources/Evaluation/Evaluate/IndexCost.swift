import Belfry

/// What an index costs beside the exact search, over all queries of an evaluation.
package struct IndexCost: Codable, Sendable {
    /// What finds near points: `hnsw`, `ivf` or `exact`.
    package var kind = ""
    /// The mean recall that is asked for.
    package var target = 1.0
    /// How hard the index works for that, for as many answers as the greatest `k`.
    package var effort = ""
    /// The greatest `k`.
    package var k = 0
    /// The share of the exact search's answers that are found, as a mean over queries. An answer counts if it is as near
    /// as the last of the exact search.
    package var recall = 0.0
    /// Distances that a query estimates or computes, as a mean over some of the queries.
    package var evaluations = 0.0
    /// Those of a scan.
    package var scanEvaluations = 0.0
    /// Microseconds per query, of batches on `threads` threads; the exact search reads the rows once for all of a batch.
    package var microseconds = 0.0
    /// Those of the exact search.
    package var exactMicroseconds = 0.0
    /// The exact search's time over the index's: the median of batches, the least and the greatest.
    package var speedup = Speedup(median: 1, least: 1, greatest: 1)
    /// Threads that searched.
    package var threads = 1

    /// How many times as fast the index is.
    package struct Speedup: Codable, Sendable {
        /// Half of the batches are above.
        package var median: Double
        /// In the slowest batch.
        package var least: Double
        /// In the fastest batch.
        package var greatest: Double
    }

    private var sums = Sums()

    /// What the means are made of.
    private struct Sums {
        var (queries, recall) = (0, 0.0)
        var (exactSeconds, indexSeconds) = (0.0, 0.0)
        var ratios: [Double] = []
        var (counted, evaluations, scan) = (0, 0, 0)
    }

    private enum CodingKeys: CodingKey {
        case kind, target, effort, k, recall, evaluations, scanEvaluations, microseconds, exactMicroseconds, speedup,
            threads
    }

    init() {}

    mutating func add(_ exact: [[FoundPoint]], _ index: [[FoundPoint]]) {
        for (exact, index) in zip(exact, index) {
            sums.queries += 1
            guard let last = exact.last?.distance else {
                sums.recall += 1
                continue
            }
            sums.recall += Double(index.count { $0.distance <= last }) / Double(exact.count)
        }
    }

    /// The times of one batch.
    mutating func add(_ seconds: PairedSearch.Seconds) {
        sums.exactSeconds += seconds.exact
        sums.indexSeconds += seconds.index
        sums.ratios.append(seconds.exact / max(seconds.index, 1e-9))
    }

    mutating func count(queries: Int, evaluations: Int, ofScan scan: Int) {
        sums.counted += queries
        sums.evaluations += evaluations
        sums.scan += scan
    }

    /// The means of all that was added.
    mutating func finish() {
        let (queries, counted) = (Double(max(sums.queries, 1)), Double(max(sums.counted, 1)))
        recall = sums.recall / queries
        (evaluations, scanEvaluations) = (Double(sums.evaluations) / counted, Double(sums.scan) / counted)
        (microseconds, exactMicroseconds) = (1e6 * sums.indexSeconds / queries, 1e6 * sums.exactSeconds / queries)
        let ratios = sums.ratios.sorted()
        if let least = ratios.first, let greatest = ratios.last {
            let median = (ratios[(ratios.count - 1) / 2] + ratios[ratios.count / 2]) / 2
            speedup = Speedup(median: median, least: least, greatest: greatest)
        }
    }
}
