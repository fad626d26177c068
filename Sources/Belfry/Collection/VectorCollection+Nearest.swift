package import Files
package import Neighbors
package import Shards
import Synchronization
package import Vectors

extension VectorCollection {
    /// A point and its true distance.
    package typealias Found = (id: PointID, distance: Float)

    /// What a search found, without payload.
    package struct Nearest {
        /// For each query its points, the nearest first.
        package var points: [[Found]]
        /// For each query what is known of it.
        package var verdicts: [Verdict]
    }

    /// What is known of the answer to one query.
    package struct Verdict {
        /// The share of the true nearest that such a search finds, as a mean; 1 where all rows were looked at; nil where
        /// nobody has measured it.
        package var recall: Double?
        /// Whether the query is unlike all that the recall was measured on.
        package var isUnlike = false
        /// Whether all rows were looked at.
        package var isScanned = true
    }

    /// The points nearest to each query, by distance and then by id: the search without its payload.
    ///
    /// 1. Each segment gives its nearest rows: by its index, one query at a time on several threads; or by a scan that
    ///    all queries share.
    /// 2. What an index gives has the distances that its codes estimate: those few rows are read from the shard.
    /// 3. Of what the segments gave, the nearest are kept.
    package func nearest(
        _ queries: Matrix, k: Int, recall: Double?, exact: Bool, scope: Scope = Scope(),
        styles: Set<QueryStyle>? = nil, threads: Int
    ) throws(BelfryError) -> Nearest {
        precondition(k >= 0 && threads > 0)
        precondition(scope.leavingOut.isEmpty || scope.leavingOut.count == queries.rows)
        let check = VectorCheck(dimension: configuration.dimension, metric: configuration.metric)
        for query in 0..<queries.rows { try check.check(UnsafeBufferPointer(queries.row(query)), "The query") }
        let (target, efforts) = try plan(k: k, recall: recall, exact: exact, styles: styles)
        // Nobody has measured what is found of the points that a filter lets through.
        let expected =
            scope.within == nil ? try expectation(k: k, recall: recall, exact: exact, styles: styles).recall : nil
        let k = min(k, count)
        var nearest = [[Found]](repeating: [], count: queries.rows)
        var verdicts = [Verdict](repeating: Verdict(recall: 1), count: queries.rows)
        for (segment, effort) in zip(segments, efforts) {
            let leftOut = scope.leavingOut.map { places in
                places.compactMap { $0.segment == segment.number ? $0.row : nil }
            }
            let asked = Segment.Asked(
                queries: queries, k: k, leftOut: leftOut, within: scope.within?.rows[segment.number], threads: threads)
            let found =
                if effort == .exact {
                    try segment.scan(asked).map { Segment.Answer(rows: $0, verdict: .scanned) }
                } else {
                    try segment.walk(asked, effort, target)
                }
            for (query, answer) in found.enumerated() {
                for neighbor in answer.rows {
                    nearest[query].append((try segment.ids.id(Int(neighbor.row)), neighbor.distance))
                }
                let recall = answer.verdict.isScanned ? 1 : answer.verdict == .calibrated ? expected : nil
                verdicts[query].isScanned = verdicts[query].isScanned && answer.verdict.isScanned
                verdicts[query].recall = Self.combine(verdicts[query].recall, recall, min)
                verdicts[query].isUnlike = verdicts[query].isUnlike || answer.verdict.isUnlike
            }
        }
        let points = nearest.map { found in
            Array(found.sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }.prefix(k))
        }
        return Nearest(points: points, verdicts: verdicts)
    }
}

extension VectorCollection.Segment {
    /// What is asked of one segment.
    struct Asked {
        let queries: Matrix
        let k: Int
        /// For each query the rows that it must not find; empty if there are none for any.
        let leftOut: [[Int]]
        /// The only rows that may be found.
        let within: RowSet?
        let threads: Int

        func leftOut(_ query: Int) -> [Int] { leftOut.isEmpty ? [] : leftOut[query] }
    }

    /// What one segment answers to one query.
    struct Answer {
        var rows: [Neighbor]
        var verdict: SegmentSearcher.Verdict
    }

    /// The `k` nearest rows to each query, and all others that are as near as the last of them, so that their ids can
    /// decide.
    func scan(_ asked: Asked) throws(BelfryError) -> [[Neighbor]] {
        let (k, count) = (asked.k, asked.queries.rows)
        guard k > 0 else { return [[Neighbor]](repeating: [], count: count) }
        let exact = ExactSearch(vectors, codes: index.codes, metric: index.metric)
        // A query's own rows take places: so many more are asked for.
        let most = asked.leftOut.map(\.count).max() ?? 0
        var found = try exact.search(asked.queries, k: k + 1 + most, keeping: asked.within, threads: asked.threads)
        for query in 0..<count {
            let leftOut = Set(asked.leftOut(query).map(UInt32.init))
            var wanted = k + 1 + most
            while true {
                let isAll = found[query].count < wanted
                let last = found[query].last?.distance
                found[query].removeAll { leftOut.contains($0.row) }
                // The last one asked for is as near as the k-th: there may be more of them.
                guard !isAll, found[query][k - 1].distance == last else { break }
                wanted *= 4
                found[query] = try exact.search(
                    Matrix([asked.queries[query]]), k: wanted, keeping: asked.within, threads: asked.threads)[0]
            }
            guard found[query].count > k else { continue }
            let last = found[query][k - 1].distance
            found[query].removeAll { $0.distance > last }
        }
        return found
    }

    /// The `k` nearest rows to each query that the index finds.
    func walk(
        _ asked: Asked, _ effort: Neighbors.Segment.Effort, _ target: Double
    ) throws(BelfryError) -> [Answer] {
        let answers = Mutex([Answer](repeating: Answer(rows: [], verdict: .scanned), count: asked.queries.rows))
        try Turns.take(asked.queries.rows, threads: asked.threads) { turns in
            // A thread keeps its searcher for as long as it has work.
            searchers.lend { tools in
                while turns.one({ query throws(BelfryError) in
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
        _ query: Int, of asked: Asked, _ effort: Neighbors.Segment.Effort, _ target: Double, _ tools: SearcherPool.Tools
    ) throws(BelfryError) -> Answer {
        let (vector, leftOut) = (asked.queries.pointer + query * asked.queries.columns, asked.leftOut(query))
        guard asked.within == nil, leftOut.count <= Self.fewRows else {
            let excluded = RowSet(leftOut, capacity: vectors.rowCount)
            let found = try tools.searcher.search(
                vector, k: asked.k, recall: target, keeping: asked.within, excluding: excluded)
            let verdict = tools.searcher.verdict
            return Answer(rows: try settle(found, vector, tools), verdict: verdict)
        }
        let wanted = min(asked.k + leftOut.count, vectors.rowCount)
        var found = try tools.searcher.search(vector, k: wanted, effort: effort, ignoring: leftOut)
        if found.count < wanted { found = try tools.searcher.search(vector, k: wanted, effort: .exact) }
        found.removeAll { leftOut.contains(Int($0.row)) }
        let verdict = tools.searcher.verdict
        return Answer(rows: try settle(Array(found.prefix(asked.k)), vector, tools), verdict: verdict)
    }

    /// The same rows with the distances of the stored vectors, in order.
    private func settle(
        _ found: [Neighbor], _ query: UnsafePointer<Float>, _ tools: SearcherPool.Tools
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
