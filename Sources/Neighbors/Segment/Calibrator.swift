import Files
import Shards
import Synchronization
import Vectors

/// Measures what the efforts of an index are worth, against exact search.
///
/// It climbs the ladder of efforts until every query finds nearly everything, and no further: efforts that cost more
/// than that are not in the calibration.
struct Calibrator {
    let shard: ShardReader
    let codes: CodesReader
    let metric: Metric
    let threads: Int
    let progress: @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void

    /// What one query found at one effort for one `k`, and what that cost.
    typealias Answer = (rows: [Neighbor], cost: SearchCost)
    /// One thread's search at one level, for several `k` at once: the walk or the scan is the same for all of them.
    typealias Search = (_ query: UnsafePointer<Float>, _ ks: [Int], _ level: Int) throws(BelfryError) -> [Answer]

    /// Where nothing is left to be learned: one in two thousand is missed.
    private static let enough = 0.9995

    /// A graph from which the last `held` rows are missing: they are the queries.
    func calibrate(_ builder: GraphBuilder, held: Int) throws(BelfryError) -> RecallCalibration {
        let first = shard.rowCount - held
        let queries = try shard.rows(first..<shard.rowCount)
        let absent = RowSet(first..<shard.rowCount, capacity: shard.rowCount)
        nonisolated(unsafe) let view = builder.view
        let (codes, shard) = (codes, shard)
        return try observe(queries, excluding: absent, ownRows: nil, sizes: GraphEffort.windows) {
            let searcher = GraphSearcher(view, codes: codes, shard: shard)
            return { query, ks, level throws(BelfryError) in
                try searcher.search(query, ks: ks, window: GraphEffort.windows[level])
            }
        }
    }

    /// Lists of all rows: some of these are the queries, and do not count as found.
    func calibrate(_ lists: ListsReader, queries: Int, seed: UInt64) throws(BelfryError) -> RecallCalibration {
        var random = SplitMix64(seed: seed)
        let chosen = random.permutation(shard.rowCount).prefix(queries).map { Int($0) }
        let rows = Matrix(rows: chosen.count, columns: shard.dimension)
        let scratch = ShardReader.Scratch()
        for (index, row) in chosen.enumerated() { try shard.copyRow(row, into: rows.row(index), scratch) }
        let probes = ListsEffort.probes(lists: lists.listCount)
        let (codes, shard) = (codes, shard)
        return try observe(rows, excluding: nil, ownRows: chosen, sizes: probes) {
            let searcher = ListsSearcher(lists, codes: codes, shard: shard)
            return { query, ks, level throws(BelfryError) in
                try searcher.search(query, ks: ks, probes: probes[level])
            }
        }
    }

    /// Outcomes of all queries at all levels, for every k.
    private func observe(
        _ queries: Matrix, excluding absent: RowSet?, ownRows own: [Int]?, sizes: [Int],
        _ makeSearch: @escaping @Sendable () -> Search
    ) throws(BelfryError) -> RecallCalibration {
        let buckets = RecallCalibration.usualBuckets
        progress("calibrating", 0, sizes.count)
        let truth = try ExactSearch(shard, codes: codes, metric: metric).search(
            queries, k: buckets.last!, excluding: absent, ownRows: own.map { $0.map { Optional($0) } },
            threads: threads)
        let right = truth.map { found in buckets.map { Set(found.prefix($0).map(\.row)) } }
        var levels: [[RecallObservations.Outcome]] = []
        for level in sizes.indices {
            levels.append(try outcomes(queries, right, own, level, makeSearch))
            progress("calibrating", level + 1, sizes.count)
            let found = buckets.indices.map { bucket in
                (0..<queries.rows).reduce(0) { $0 + Int(levels[level][$1 * buckets.count + bucket].found) }
            }
            let isEnough = zip(found, buckets).allSatisfy {
                Double($0) >= Self.enough * Double($1 * queries.rows)
            }
            if isEnough { break }
        }
        let observations = buckets.enumerated().map { bucket, k in
            var observations = RecallObservations(k: k, levels: levels.count, queries: queries.rows)
            for query in 0..<queries.rows {
                for level in levels.indices {
                    observations[level, query] = levels[level][query * buckets.count + bucket]
                }
            }
            return observations
        }
        return RecallCalibration(
            levels: sizes.prefix(levels.count).map { EffortLevel([UInt32($0)]) }, observations, queries: .ownRows)
    }

    /// What every query did at one level: one outcome for each k, query by query.
    private func outcomes(
        _ queries: Matrix, _ right: [[Set<UInt32>]], _ own: [Int]?, _ level: Int,
        _ makeSearch: @escaping @Sendable () -> Search
    ) throws(BelfryError) -> [RecallObservations.Outcome] {
        let buckets = RecallCalibration.usualBuckets
        let (count, share) = (queries.rows, 16)
        var outcomes = [RecallObservations.Outcome](
            repeating: .init(found: 0, evaluations: 0, bytes: 0), count: count * buckets.count)
        let failure: BelfryError? = outcomes.withUnsafeMutableBufferPointer { outcomes in
            // Each query writes outcomes of its own.
            nonisolated(unsafe) let table = outcomes.baseAddress!
            do throws(BelfryError) {
                try Turns.take((count + share - 1) / share, threads: threads) { turns in
                    let search = makeSearch()
                    let ks = buckets.map { own == nil ? $0 : $0 + 1 }
                    while turns.one({ piece throws(BelfryError) in
                        for query in piece * share..<min((piece + 1) * share, count) {
                            let answers = try search(queries.pointer + query * queries.columns, ks, level)
                            for (bucket, answer) in answers.enumerated() {
                                let (k, right) = (buckets[bucket], right[query][bucket])
                                let found = answer.rows.filter { own == nil || Int($0.row) != own![query] }
                                table[query * buckets.count + bucket] = .init(
                                    found: found.prefix(k).count { right.contains($0.row) } + k - right.count,
                                    evaluations: answer.cost.rowsScanned + answer.cost.rowsReranked,
                                    bytes: answer.cost.bytes)
                            }
                        }
                    }) {}
                }
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
        return outcomes
    }
}
