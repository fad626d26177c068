import Files
import Neighbors
import Shards
import Synchronization
import Vectors

extension CollectionSegment {
    /// The `k` nearest rows to each query that the index finds.
    func walk(
        _ asked: SegmentQuery, _ effort: Neighbors.Segment.Effort, _ target: Double
    ) throws(BelfryError) -> [SegmentAnswer] {
        let answers = Mutex(
            [SegmentAnswer](
                repeating: SegmentAnswer(rows: [], verdict: .scanned, work: SearchWork()), count: asked.queries.rows))
        try WorkPool(threads: asked.threads).run(asked.queries.rows, "search") { worker in
            // A thread keeps its searcher for as long as it has work.
            searchers.lend { tools in
                while worker.one({ query throws(BelfryError) in
                    let found = try walk(query, of: asked, effort, target, tools)
                    answers.withLock { $0[query] = found }
                }) {}
            }
        }
        return answers.withLock { $0 }
    }

    /// More rows to leave out than this are a filter's work; fewer are asked for beside the others, and dropped.
    private static let fewRows = 16

    private func walk(
        _ query: Int, of asked: SegmentQuery, _ effort: Neighbors.Segment.Effort, _ target: Double,
        _ tools: SearchTools
    ) throws(BelfryError) -> SegmentAnswer {
        let (vector, leftOut) = (asked.queries.pointer + query * asked.queries.columns, asked.leftOut(query))
        let before = tools.work
        func answer(_ found: [Neighbor]) throws(BelfryError) -> SegmentAnswer {
            let verdict = tools.searcher.verdict
            var work = tools.work.since(before)
            if verdict.isScanned { work.settled = nil }
            return SegmentAnswer(rows: try settle(found, vector, tools), verdict: verdict, work: work)
        }
        guard asked.within == nil, leftOut.count <= Self.fewRows else {
            let excluded = RowSet(leftOut, capacity: vectors.rowCount)
            let found = try tools.searcher.search(
                vector, k: asked.k, recall: target, keeping: asked.within, excluding: excluded)
            return try answer(found)
        }
        let wanted = min(asked.k + leftOut.count, vectors.rowCount)
        var found = try tools.searcher.search(vector, k: wanted, effort: effort, ignoring: leftOut)
        if found.count < wanted { found = try tools.searcher.search(vector, k: wanted, effort: .exact) }
        found.removeAll { leftOut.contains(Int($0.row)) }
        return try answer(Array(found.prefix(asked.k)))
    }

    /// The same rows with the distances of the stored vectors, in order.
    private func settle(
        _ found: [Neighbor], _ query: UnsafePointer<Float>, _ tools: SearchTools
    ) throws(BelfryError) -> [Neighbor] {
        let kernel = DistanceKernel(metric: index.metric)
        let prepared = kernel.prepare(query, dimension: vectors.dimension)
        var settled = found
        for index in settled.indices {
            guard Int(settled[index].row) < vectors.rowCount else {
                throw .corrupt(
                    "The index leads to row \(settled[index].row) of \(vectors.rowCount).",
                    at: .init(file: System.parent(of: vectors.path)))
            }
            try vectors.copyRow(Int(settled[index].row), into: tools.row.row(0), tools.scratch)
            settled[index].distance = kernel.distance(to: prepared, row: tools.row.pointer)
        }
        return settled.sorted()
    }
}
