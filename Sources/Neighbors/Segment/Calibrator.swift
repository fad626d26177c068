import Files
import Shards
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
    /// One thread's searches at some levels, for several `k` at once: an answer for each level and k, level by level.
    typealias Search = (_ query: UnsafePointer<Float>, _ ks: [Int], _ levels: Range<Int>) throws(BelfryError) ->
        [Answer]

    /// Where next to nothing is left to be learned: one in five hundred is missed. Who asks for more gets a scan.
    private static let enough = 0.998
    /// So many levels are climbed before it looks whether that is reached.
    private static let stride = 12

    /// A whole graph, and queries; or a graph from which the last `held` rows are missing: they are the queries.
    func calibrate(
        _ builder: GraphBuilder, _ given: Matrix?, held: Int
    ) throws(BelfryError) -> RecallCalibration {
        let missing = shard.rowCount - (given == nil ? held : 0)..<shard.rowCount
        let queries = if let given { given } else { try shard.rows(missing) }
        let absent = given == nil ? RowSet(missing, capacity: shard.rowCount) : nil
        nonisolated(unsafe) let view = builder.view
        let (codes, shard) = (codes, shard)
        return try observe(
            queries, given == nil ? .ownRows : .given, excluding: absent, ownRows: nil, sizes: GraphEffort.windows
        ) {
            let searcher = GraphSearcher(view, codes: codes, shard: shard, remembering: $0)
            return { query, ks, levels throws(BelfryError) in
                try searcher.search(query, ks: ks, windows: GraphEffort.windows[levels])
            }
        }
    }

    /// Lists of all rows, and queries; or lists alone: some of the rows are the queries, and do not count as found.
    func calibrate(
        _ lists: ListsReader, _ given: Matrix?, queries: Int, seed: UInt64
    ) throws(BelfryError) -> RecallCalibration {
        var chosen: [Int]?
        let asked: Matrix
        if let given {
            asked = given
        } else {
            var random = SplitMix64(seed: seed)
            let rows = random.permutation(shard.rowCount).prefix(queries).map { Int($0) }
            asked = Matrix(rows: rows.count, columns: shard.dimension)
            let scratch = ShardReader.Scratch()
            for (index, row) in rows.enumerated() { try shard.copyRow(row, into: asked.row(index), scratch) }
            chosen = rows
        }
        let spare = given == nil ? 1 : 0
        let probes = ListsEffort.probes(lists: lists.listCount)
        let (codes, shard) = (codes, shard)
        return try observe(
            asked, given == nil ? .ownRows : .given, excluding: nil, ownRows: chosen, sizes: probes
        ) {
            let searcher = ListsSearcher(lists, codes: codes, shard: shard, remembering: $0)
            return { query, ks, levels throws(BelfryError) in
                var answers: [Answer] = []
                for level in levels {
                    answers += try searcher.search(query, ks: ks, spare: spare, probes: probes[level])
                }
                return answers
            }
        }
    }

    /// Outcomes of all queries at all levels, for every k.
    private func observe(
        _ queries: Matrix, _ source: RecallCalibration.QuerySource, excluding absent: RowSet?, ownRows own: [Int]?,
        sizes: [Int], _ makeSearch: @escaping @Sendable (TrueDistances) -> Search
    ) throws(BelfryError) -> RecallCalibration {
        let buckets = RecallCalibration.usualBuckets
        progress("calibrating", 0, sizes.count)
        let truth = try ExactSearch(shard, codes: codes, metric: metric).search(
            queries, k: buckets.last!, excluding: absent, ownRows: own.map { $0.map { Optional($0) } },
            threads: threads)
        var observations = buckets.map { RecallObservations(k: $0, levels: sizes.count, queries: queries.rows) }
        var climbed = 0
        while climbed < sizes.count {
            let levels = climbed..<min(climbed + Self.stride, sizes.count)
            let outcomes = try outcomes(queries, truth, own, levels, makeSearch)
            var next = outcomes.makeIterator()
            for query in 0..<queries.rows {
                for level in levels {
                    for bucket in buckets.indices { observations[bucket][level, query] = next.next()! }
                }
            }
            climbed = levels.upperBound
            progress("calibrating", climbed, sizes.count)
            let isEnough = observations.allSatisfy { observations in
                let found = (0..<queries.rows).reduce(0) { $0 + Int(observations[climbed - 1, $1].found) }
                return Double(found) >= Self.enough * Double(observations.k * queries.rows)
            }
            if isEnough { break }
        }
        return RecallCalibration(
            levels: sizes.prefix(climbed).map { EffortLevel([UInt32($0)]) },
            observations.map { $0.prefix(levels: climbed) }, queries: source)
    }

    /// What every query did at some levels: one outcome for each k, level by level, query by query.
    private func outcomes(
        _ queries: Matrix, _ truth: [[Neighbor]], _ own: [Int]?, _ levels: Range<Int>,
        _ makeSearch: @escaping @Sendable (TrueDistances) -> Search
    ) throws(BelfryError) -> [RecallObservations.Outcome] {
        let buckets = RecallCalibration.usualBuckets
        let (count, share, slots) = (queries.rows, 16, buckets.count * levels.count)
        var outcomes = [RecallObservations.Outcome](
            repeating: .init(found: 0, evaluations: 0, bytes: 0), count: count * slots)
        let failure: BelfryError? = outcomes.withUnsafeMutableBufferPointer { outcomes in
            // Each query writes outcomes of its own.
            nonisolated(unsafe) let table = outcomes.baseAddress!
            do throws(BelfryError) {
                try Turns.take((count + share - 1) / share, threads: threads) { turns in
                    let distances = TrueDistances(shard: shard, metric: metric)
                    let (search, judge) = (makeSearch(distances), RecallJudge(distances))
                    while turns.one({ piece throws(BelfryError) in
                        for query in piece * share..<min((piece + 1) * share, count) {
                            let vector = queries.pointer + query * queries.columns
                            judge.begin(vector, truth: truth[query])
                            let answers = try search(vector, buckets, levels)
                            for (slot, answer) in answers.enumerated() {
                                let bucket = slot % buckets.count
                                let k = buckets[bucket]
                                let found = answer.rows.filter { own == nil || Int($0.row) != own![query] }
                                table[query * slots + slot] = .init(
                                    found: try judge.right(found.prefix(k), k: k),
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
