import Files
import Shards
import Synchronization
import Vectors

/// Measures what the efforts of an index are worth, against exact search.
struct Calibrator {
    let shard: ShardReader
    let codes: CodesReader
    let metric: Metric
    let threads: Int

    /// A search by one thread at one effort: what it found, and what that cost.
    typealias Search = (_ query: UnsafePointer<Float>, _ k: Int, _ level: Int) throws(BelfryError) -> (
        rows: [Neighbor], cost: SearchCost
    )

    /// A graph from which the last `held` rows are missing: they are the queries.
    func calibrate(
        _ builder: GraphBuilder, held: Int, progress: @escaping @Sendable (String, Int, Int) -> Void
    ) throws(BelfryError) -> RecallCalibration {
        let first = shard.rowCount - held
        let queries = try shard.rows(first..<shard.rowCount)
        let absent = RowSet(first..<shard.rowCount, capacity: shard.rowCount)
        let levels = GraphEffort.windows.map { EffortLevel([UInt32($0)]) }
        nonisolated(unsafe) let view = builder.view
        let (codes, shard) = (codes, shard)
        return try observe(queries, excluding: absent, ownRows: nil, levels, .ownRows, progress) {
            let searcher = GraphSearcher(view, codes: codes, shard: shard)
            return { query, k, level throws(BelfryError) in
                searcher.cost = SearchCost()
                let window = GraphEffort.windows[level]
                return (try searcher.search(query, k: k, effort: GraphEffort(window: window, k: k)), searcher.cost)
            }
        }
    }

    /// Outcomes of all queries at all levels, for every k.
    private func observe(
        _ queries: Matrix, excluding absent: RowSet?, ownRows: [Int]?, _ levels: [EffortLevel],
        _ source: RecallCalibration.QuerySource, _ progress: @escaping @Sendable (String, Int, Int) -> Void,
        _ makeSearch: @escaping @Sendable () -> Search
    ) throws(BelfryError) -> RecallCalibration {
        let buckets = RecallCalibration.usualBuckets
        let truth = try ExactSearch(shard, codes: codes, metric: metric).search(
            queries, k: buckets.last!, excluding: absent, ownRows: ownRows.map { $0.map { Optional($0) } },
            threads: threads)
        let count = queries.rows
        let slots = buckets.count * levels.count
        let outcomes = UnsafeMutablePointer<RecallObservations.Outcome>.allocate(capacity: count * slots)
        outcomes.initialize(repeating: .init(found: 0, evaluations: 0, bytes: 0), count: count * slots)
        defer { outcomes.deallocate() }
        nonisolated(unsafe) let table = outcomes
        let own = ownRows
        let done = Atomic<Int>(0)
        try Turns.take((count + 15) / 16, threads: threads) { turns in
            let search = makeSearch()
            while turns.one({ piece throws(BelfryError) in
                for query in piece * 16..<min(piece * 16 + 16, count) {
                    let pointer = queries.pointer + query * queries.columns
                    for (bucket, k) in buckets.enumerated() {
                        let right = Set(truth[query].prefix(k).map(\.row))
                        for level in levels.indices {
                            var (rows, cost) = try search(pointer, own == nil ? k : k + 1, level)
                            if let own { rows.removeAll { Int($0.row) == own[query] } }
                            table[query * slots + bucket * levels.count + level] = .init(
                                found: rows.prefix(k).count { right.contains($0.row) }
                                    + (k - right.count),
                                evaluations: cost.rowsScanned + cost.rowsReranked, bytes: cost.bytes)
                        }
                    }
                }
                progress("calibrating", min(done.add(16, ordering: .relaxed).newValue, count), count)
            }) {}
        }
        let observations = buckets.enumerated().map { bucket, k in
            var observations = RecallObservations(k: k, levels: levels.count, queries: count)
            for query in 0..<count {
                for level in levels.indices {
                    observations[level, query] = outcomes[query * slots + bucket * levels.count + level]
                }
            }
            return observations
        }
        return RecallCalibration(levels: levels, observations, queries: source)
    }

    /// Lists of all rows: some of these are the queries, and do not count as found.
    func calibrate(
        _ lists: ListsReader, queries: Int, seed: UInt64, progress: @escaping @Sendable (String, Int, Int) -> Void
    ) throws(BelfryError) -> RecallCalibration {
        var random = SplitMix64(seed: seed)
        let chosen = random.permutation(shard.rowCount).prefix(queries).map { Int($0) }
        let rows = Matrix(rows: chosen.count, columns: shard.dimension)
        let scratch = ShardReader.Scratch()
        for (index, row) in chosen.enumerated() { try shard.copyRow(row, into: rows.row(index), scratch) }
        let probes = ListsEffort.probes(lists: lists.listCount)
        let levels = probes.map { EffortLevel([UInt32($0)]) }
        let (codes, shard) = (codes, shard)
        return try observe(rows, excluding: nil, ownRows: chosen, levels, .ownRows, progress) {
            let searcher = ListsSearcher(lists, codes: codes, shard: shard)
            return { query, k, level throws(BelfryError) in
                searcher.cost = SearchCost()
                let effort = ListsEffort(probes: probes[level], lists: lists.listCount, k: k)
                return (
                    try searcher.search(query, k: k, effort: effort), searcher.cost
                )
            }
        }
    }
}
