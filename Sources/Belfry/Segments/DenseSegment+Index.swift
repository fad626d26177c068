import Files
import Neighbors
import Shards
import Synchronization
import Vectors

extension DenseSegment {
    /// The `k` nearest rows to each query that the index finds, with the distances of the stored vectors.
    func searchIndex(
        _ queries: Matrix, _ asked: SegmentQuery, _ effort: SegmentIndex.Effort, _ target: Double
    ) throws(BelfryError) -> [SegmentAnswer] {
        let answers = Mutex(
            [SegmentAnswer](
                repeating: SegmentAnswer(rows: [], verdict: .scanned, work: SearchWork()), count: queries.rows))
        let filter = asked.filter(of: vectors.rowCount)
        try WorkPool(threads: asked.threads).run(queries.rows, "search") { worker in
            // A thread keeps its searcher for as long as it has work.
            searchers.lend { searcher in
                while worker.one({ query throws(BelfryError) in
                    let found = try searchIndex(query, of: queries, asked, filter, effort, target, searcher)
                    answers.withLock { $0[query] = found }
                }) {}
            }
        }
        return answers.withLock { $0 }
    }

    /// More rows to leave out than this are a filter's work; fewer are asked for beside the others, and dropped.
    private static let fewRows = 16

    private func searchIndex(
        _ query: Int, of queries: Matrix, _ asked: SegmentQuery, _ filter: RowFilter?,
        _ effort: SegmentIndex.Effort, _ target: Double, _ searcher: SegmentSearcher
    ) throws(BelfryError) -> SegmentAnswer {
        let (vector, excluded) = (queries.pointer + query * queries.columns, asked.excludedRows(query))
        let before = SearchWork(of: searcher)
        var found: [Neighbor]
        if filter == nil, excluded.count <= Self.fewRows {
            let wanted = min(asked.k + excluded.count, vectors.rowCount)
            found = try searcher.search(vector, k: wanted, effort: effort, own: excluded)
            if found.count < wanted { found = try searcher.search(vector, k: wanted, effort: .exact) }
            found.removeAll { excluded.contains(Int($0.row)) }
        } else {
            let kept = excluded.isEmpty ? filter : asked.filter(of: vectors.rowCount, except: excluded)
            found = try searcher.search(
                vector, k: asked.k, recall: target, filter: kept, own: Array(excluded.prefix(Self.fewRows)))
        }
        // Of those that were to be dropped some may not have been found. Then there are more than k, in the order of their
        // estimates: which of them are the nearest, the stored vectors say.
        let rows = Array(try searcher.score(found, vector).prefix(asked.k))
        var work = SearchWork(of: searcher).since(before)
        if searcher.verdict.isScanned { work.exactlyReranked = nil }
        // Nobody knows how near to a query those are that somebody chose. Dead rows were rows like all others: as many more
        // of all are asked for, at what was measured for so many.
        let isOfLife = asked.kept == nil && !asked.leavesOut && excluded.count <= Self.fewRows
        let verdict = searcher.verdict == .unmeasured && isOfLife ? .calibrated : searcher.verdict
        return SegmentAnswer(rows: rows, verdict: verdict, work: work)
    }
}
