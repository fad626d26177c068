import Files
import Neighbors
import Shards
import Synchronization
import Vectors

extension Collection {
    /// A point and its true distance.
    typealias Found = (id: PointID, distance: Float)

    /// The points nearest to each query, by distance and then by id: the search without its payload.
    ///
    /// 1. Each segment gives its nearest rows: by its index, one query at a time on several threads; or by a scan that
    ///    all queries share.
    /// 2. What an index gives has the distances that its codes estimate: those few rows are read from the shard.
    /// 3. Of what the segments gave, the nearest are kept.
    func nearest(
        _ queries: Matrix, k: Int, recall: Double?, exact: Bool, own: Place?, threads: Int
    ) throws(BelfryError) -> [[Found]] {
        precondition(k >= 0 && threads > 0)
        let check = VectorCheck(dimension: configuration.dimension, metric: configuration.metric)
        for query in 0..<queries.rows { try check.check(UnsafeBufferPointer(queries.row(query)), "The query") }
        let efforts = try plan(k: k, recall: recall, exact: exact).efforts
        let k = min(k, count)
        var nearest = [[Found]](repeating: [], count: queries.rows)
        for (segment, effort) in zip(segments, efforts) {
            let own = own?.segment == segment.number ? own?.row : nil
            let found =
                if effort == .exact {
                    try segment.scan(queries, k: k, own: own, threads: threads)
                } else {
                    try segment.walk(queries, k: k, effort, own: own, threads: threads)
                }
            for query in 0..<queries.rows {
                for neighbor in found[query] {
                    nearest[query].append((try segment.ids.id(Int(neighbor.row)), neighbor.distance))
                }
            }
        }
        return nearest.map { found in
            Array(found.sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }.prefix(k))
        }
    }
}

extension Collection.Segment {
    /// The `k` nearest rows to each query, and all others that are as near as the last of them, so that their ids can
    /// decide.
    func scan(_ queries: Matrix, k: Int, own: Int?, threads: Int) throws(BelfryError) -> [[Neighbor]] {
        let exact = ExactSearch(vectors, codes: index.codes, metric: index.metric)
        let ownRows = own.map { [Int?](repeating: $0, count: queries.rows) }
        var found = try exact.search(queries, k: k + 1, ownRows: ownRows, threads: threads)
        for query in found.indices {
            var asked = k + 1
            // The last one asked for is as near as the k-th: there may be more of them.
            while k > 0, found[query].count == asked, found[query][asked - 1].distance == found[query][k - 1].distance {
                asked *= 4
                found[query] = try exact.search(
                    Matrix([queries[query]]), k: asked, ownRows: own.map { [$0] }, threads: threads)[0]
            }
            guard k > 0, found[query].count > k else { continue }
            let last = found[query][k - 1].distance
            found[query].removeAll { $0.distance > last }
        }
        return k > 0 ? found : found.map { _ in [] }
    }

    /// The `k` nearest rows to each query that the index finds.
    func walk(
        _ queries: Matrix, k: Int, _ effort: Neighbors.Segment.Effort, own: Int?, threads: Int
    ) throws(BelfryError) -> [[Neighbor]] {
        let answers = Mutex([[Neighbor]](repeating: [], count: queries.rows))
        try Turns.take(queries.rows, threads: threads) { turns in
            // A thread keeps its searcher for as long as it has work.
            searchers.lend { tools in
                while turns.one({ query throws(BelfryError) in
                    let found = try walk(queries.pointer + query * queries.columns, k, effort, own, tools)
                    answers.withLock { $0[query] = found }
                }) {}
            }
        }
        return answers.withLock { $0 }
    }

    private func walk(
        _ query: UnsafePointer<Float>, _ k: Int, _ effort: Neighbors.Segment.Effort, _ own: Int?,
        _ tools: SearcherPool.Tools
    ) throws(BelfryError) -> [Neighbor] {
        // A point finds itself first: one more is asked for, and it is dropped.
        let wanted = min(k + (own == nil ? 0 : 1), vectors.rowCount)
        var found = try tools.searcher.search(query, k: wanted, effort: effort)
        if found.count < wanted { found = try tools.searcher.search(query, k: wanted, effort: .exact) }
        found.removeAll { Int($0.row) == own }
        return try settle(Array(found.prefix(k)), query, tools)
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
