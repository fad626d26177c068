import Files
import Shards
import Vectors

/// Measures what the efforts of an index are worth, against exact search, for every kind of query.
///
/// 1. For each kind, exact search finds the true nearest rows of its queries. They also say how far from its nearest row a
///    query of the kind may be.
/// 2. The ladder of slack ratios is climbed until every query finds nearly everything, and no further: efforts that cost
///    more than that are not in the calibration.
/// 3. What each query found at each rung, for each `k`, becomes the kind's curves.
struct Calibrator {
    let shard: ShardReader
    let codes: CodesReader
    let metric: Metric
    let threads: Int
    let progress: @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void

    /// Queries of a kind. Rows of the data name their own rows, which they must not find.
    struct QuerySet {
        var kind: QueryStyle
        var queries: Matrix
        var ownRows: [Int]?
    }

    /// What one query found at one effort for one `k`, and what that cost; nil where a scan costs less.
    typealias Answer = (rows: [Neighbor], cost: SearchCost)
    /// Searches of one thread for all of `ks` with some slack ratios: an answer for each ratio and k, ratio by ratio.
    /// A query that is a row of the index needs one more answer than it asks for, `spare`: its own row will not count. No
    /// other query may be given one, since an exact rerank for k + 1 rows leaves the order of the first k open.
    typealias Search = (
        _ query: UnsafePointer<Float>, _ ks: [Int], _ ratios: [Float], _ spare: Int
    ) throws(BelfryError) -> [Answer?]

    /// Where next to nothing is left to be learned: one in five hundred is missed. Who asks for more gets a scan.
    private static let enough = 0.998
    /// So many rungs are climbed before it looks whether that is reached.
    private static let stride = 12

    /// A graph from which the rows `held` are missing: these are queries, and so is what is given.
    func calibrate(
        _ builder: GraphBuilder, held: Range<Int>, given: [QuerySample]
    ) throws(BelfryError) -> RecallCalibration {
        let present = RowFilter(of: shard.rowCount, keeping: nil, except: RowSet(held, capacity: shard.rowCount))
        nonisolated(unsafe) let view = builder.view
        let (codes, shard) = (codes, shard)
        let asked =
            [QuerySet(kind: .rows, queries: try shard.rows(held))]
            + given.map { QuerySet(kind: $0.kind, queries: $0.queries) }
        return try observe(asked, filter: present) {
            let searcher = GraphSearcher(view, codes: codes, shard: shard, remembering: $0)
            return { query, ks, ratios, _ throws(BelfryError) in try searcher.search(query, ks: ks, ratios: ratios) }
        }
    }

    /// Lists whose centroids have not seen the rows `held`: these are queries that must not find themselves, and what is
    /// given are queries, too.
    func calibrate(
        _ lists: ListsReader, held: [Int], given: [QuerySample]
    ) throws(BelfryError) -> RecallCalibration {
        let own = Matrix(rows: held.count, columns: shard.dimension)
        let scratch = ShardReader.Scratch()
        for (index, row) in held.enumerated() { try shard.copyRow(row, into: own.row(index), scratch) }
        let (codes, shard) = (codes, shard)
        let asked =
            [QuerySet(kind: .rows, queries: own, ownRows: held)]
            + given.map { QuerySet(kind: $0.kind, queries: $0.queries) }
        return try observe(asked, filter: nil) {
            let searcher = ListsSearcher(lists, codes: codes, shard: shard, remembering: $0)
            return { query, ks, ratios, spare throws(BelfryError) in
                try searcher.search(query, ks: ks, spare: spare, ratios: ratios)
            }
        }
    }

    /// Outcomes of all queries at all rungs, for every k.
    private func observe(
        _ asked: [QuerySet], filter: RowFilter?, _ makeSearch: @escaping @Sendable (TrueDistances) -> Search
    ) throws(BelfryError) -> RecallCalibration {
        let buckets = RecallCalibration.defaultBuckets
        let rungs = Slack.ladder.count
        let total = asked.count
        progress("comparing", 0, total)
        var kinds: [(asked: QuerySet, truth: [[Neighbor]], observations: [RecallObservations])] = []
        for asked in asked {
            let truth = try ExactSearch(shard, codes: codes, metric: metric).search(
                asked.queries, k: buckets.last!, filter: filter,
                ownRows: asked.ownRows.map { $0.map(Optional.some) },
                threads: threads)
            kinds.append(
                (asked, truth, buckets.map { RecallObservations(k: $0, levels: rungs, queries: asked.queries.rows) }))
            progress("comparing", kinds.count, total)
        }
        progress("calibrating", 0, rungs)
        var climbed = 0
        while climbed < rungs {
            let levels = climbed..<min(climbed + Self.stride, rungs)
            for kind in kinds.indices {
                try climb(levels, kinds[kind].asked, kinds[kind].truth, &kinds[kind].observations, makeSearch)
            }
            climbed = levels.upperBound
            progress("calibrating", climbed, rungs)
            if kinds.allSatisfy({ $0.observations.allSatisfy { Self.isEnough($0, level: climbed - 1) } }) { break }
        }
        progress("calibrating", rungs, rungs)
        return RecallCalibration(
            levels: Slack.ladder.prefix(climbed).map { EffortLevel([$0]) },
            kinds.map { kind in
                .init(
                    kind.asked.kind, kind.observations.map { $0.prefix(levels: climbed) },
                    reach: reach(kind.asked.queries, kind.truth))
            })
    }

    private static func isEnough(_ observations: RecallObservations, level: Int) -> Bool {
        let found = (0..<observations.queries).reduce(0) { $0 + Int(observations[level, $1].found) }
        return Double(found) >= enough * Double(observations.k * observations.queries)
    }

    /// How far the queries of a kind are from their nearest rows.
    private func reach(_ queries: Matrix, _ truth: [[Neighbor]]) -> RecallCalibration.Reach {
        var farness: [Float] = []
        for (query, nearest) in truth.enumerated() {
            guard let distance = nearest.first?.distance else { continue }
            farness.append(
                metric.farness(distance, of: queries.pointer + query * queries.columns, dimension: queries.columns))
        }
        return RecallCalibration.Reach(of: farness)
    }

    /// Notes what every query of a kind did at some rungs.
    private func climb(
        _ levels: Range<Int>, _ asked: QuerySet, _ truth: [[Neighbor]], _ observations: inout [RecallObservations],
        _ makeSearch: @escaping @Sendable (TrueDistances) -> Search
    ) throws(BelfryError) {
        let queries = asked.queries
        let outcomes = try outcomes(levels, asked, truth, observations, makeSearch)
        var next = outcomes.makeIterator()
        for query in 0..<queries.rows {
            for bucket in observations.indices {
                for level in levels { observations[bucket][level, query] = next.next()! }
            }
        }
    }

    /// Buckets of k whose searches are one walk, since the slack has one rank for them.
    private static let groups: [[Int]] = {
        var groups: [[Int]] = []
        for k in RecallCalibration.defaultBuckets {
            if let last = groups.last, Slack(ratio: 1, k: last[0]).rank == Slack(ratio: 1, k: k).rank {
                groups[groups.count - 1].append(k)
            } else {
                groups.append([k])
            }
        }
        return groups
    }()

    /// What a query did at the rung before for some k, where a scan costs less: with more slack it does all the more.
    private func last(
        _ groups: [Int], _ level: Int, _ query: Int, _ observations: [RecallObservations]
    ) -> [RecallObservations.Outcome]? {
        guard level > 0 else { return nil }
        let outcomes = groups.map { observations[$0][level - 1, query] }
        return outcomes.allSatisfy(isScan) ? outcomes : nil
    }

    /// What every query did at some rungs: query by query, k by k, rung by rung.
    /// - Parameter before: what they did at the rungs below.
    private func outcomes(
        _ levels: Range<Int>, _ asked: QuerySet, _ truth: [[Neighbor]], _ before: [RecallObservations],
        _ makeSearch: @escaping @Sendable (TrueDistances) -> Search
    ) throws(BelfryError) -> [RecallObservations.Outcome] {
        let (queries, own) = (asked.queries, asked.ownRows)
        let (count, share) = (queries.rows, 16)
        let slots = RecallCalibration.defaultBuckets.count * levels.count
        let ratios = Slack.ladder[levels].map { Float($0) / 1_000 }
        var outcomes = [RecallObservations.Outcome](
            repeating: .init(found: 0, hasNearest: false, evaluations: 0, bytes: 0), count: count * slots)
        let failure: BelfryError? = outcomes.withUnsafeMutableBufferPointer { outcomes in
            // Each query writes outcomes of its own.
            nonisolated(unsafe) let table = outcomes.baseAddress!
            do throws(BelfryError) {
                try WorkPool(threads: threads).run((count + share - 1) / share, "calibration") { worker in
                    let distances = TrueDistances(shard: shard, metric: metric)
                    let (search, judge) = (makeSearch(distances), RecallJudge(distances))
                    while worker.one({ piece throws(BelfryError) in
                        for query in piece * share..<min((piece + 1) * share, count) {
                            let vector = queries.pointer + query * queries.columns
                            judge.begin(vector, truth: truth[query])
                            var (slot, bucket) = (query * slots, 0)
                            for ks in Self.groups {
                                defer { bucket += ks.count }
                                if let last = last(
                                    Array(bucket..<bucket + ks.count), levels.lowerBound, query, before)
                                {
                                    for outcome in last {
                                        for _ in ratios {
                                            table[slot] = outcome
                                            slot += 1
                                        }
                                    }
                                    continue
                                }
                                let answers = try search(vector, ks, ratios, own == nil ? 0 : 1)
                                for (place, k) in ks.enumerated() {
                                    for level in ratios.indices {
                                        let answer = answers[level * ks.count + place]
                                        table[slot] = try outcome(of: answer, k: k, own: own?[query], judge)
                                        slot += 1
                                    }
                                }
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

    /// Whether an outcome is that of a scan: no index reads as many bytes for as many rows.
    private func isScan(_ outcome: RecallObservations.Outcome) -> Bool {
        let rows = shard.rowCount
        let scan = RecallObservations.Outcome(
            found: Int(outcome.found), hasNearest: true, evaluations: rows, bytes: rows * Int(codes.bytesPerVector))
        return outcome == scan
    }

    /// What an answer is worth. A scan in its place finds everything.
    private func outcome(
        of answer: Answer?, k: Int, own: Int?, _ judge: RecallJudge
    ) throws(BelfryError) -> RecallObservations.Outcome {
        guard let answer else {
            let rows = shard.rowCount
            return .init(found: k, hasNearest: true, evaluations: rows, bytes: rows * Int(codes.bytesPerVector))
        }
        let found = (own == nil ? answer.rows : answer.rows.filter { Int($0.row) != own }).prefix(k)
        return .init(
            found: try judge.right(found, k: k), hasNearest: try judge.hasNearest(found),
            evaluations: answer.cost.rowsScanned + answer.cost.rowsReranked, bytes: answer.cost.bytes)
    }
}
