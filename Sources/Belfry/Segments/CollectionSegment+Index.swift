import Files
import Neighbors
import Shards
import Synchronization
import Vectors

extension CollectionSegment {
    /// The `k` nearest rows to each query that the index finds, with the distances of the stored vectors.
    func searchIndex(
        _ asked: SegmentQuery, _ effort: SegmentIndex.Effort, _ target: Double
    ) throws(BelfryError) -> [SegmentAnswer] {
        let answers = Mutex(
            [SegmentAnswer](
                repeating: SegmentAnswer(rows: [], verdict: .scanned, work: SearchWork()), count: asked.queries.rows))
        try WorkPool(threads: asked.threads).run(asked.queries.rows, "search") { worker in
            // A thread keeps its searcher for as long as it has work.
            searchers.lend { searcher in
                while worker.one({ query throws(BelfryError) in
                    let found = try searchIndex(query, of: asked, effort, target, searcher)
                    answers.withLock { $0[query] = found }
                }) {}
            }
        }
        return answers.withLock { $0 }
    }

    /// More rows of a query's own than this are a filter's work; fewer are asked for beside the others, and dropped.
    private static let fewRows = 16

    private func searchIndex(
        _ query: Int, of asked: SegmentQuery, _ effort: SegmentIndex.Effort, _ target: Double,
        _ searcher: SegmentSearcher
    ) throws(BelfryError) -> SegmentAnswer {
        let (vector, own) = (asked.queries.pointer + query * asked.queries.columns, asked.ownRows(query))
        let before = SearchWork(of: searcher)
        var found: [Neighbor]
        if asked.kept == nil, own.count <= Self.fewRows {
            let wanted = min(asked.k + own.count, vectors.rowCount)
            found = try searcher.search(vector, k: wanted, effort: effort, ignoring: own)
            if found.count < wanted { found = try searcher.search(vector, k: wanted, effort: .exact) }
            found.removeAll { own.contains(Int($0.row)) }
            found = Array(found.prefix(asked.k))
        } else {
            let filter = RowFilter(
                of: vectors.rowCount, keeping: asked.kept, except: RowSet(own, capacity: vectors.rowCount))
            found = try searcher.search(vector, k: asked.k, recall: target, filter: filter)
        }
        var work = SearchWork(of: searcher).since(before)
        if searcher.verdict.isScanned { work.exactlyReranked = nil }
        return SegmentAnswer(rows: try searcher.score(found, vector), verdict: searcher.verdict, work: work)
    }
}
