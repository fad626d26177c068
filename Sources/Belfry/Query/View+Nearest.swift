package import Files
package import Neighbors
import Shards
package import Vectors

extension View {
    /// The points nearest to each query, by distance and then by id: the search without its payload.
    ///
    /// 1. Each segment gives its nearest rows: by its index, one query at a time on several threads; or by a scan that
    ///    all queries share.
    /// 2. What an index gives has the distances that its codes estimate: those few rows are read from the shard.
    /// 3. What is in no segment yet is scanned.
    /// 4. Of what all of them gave, the nearest are kept.
    package func nearest(
        _ queries: Matrix, k: Int, recall: Double?, exact: Bool, scope: SearchScope = SearchScope(),
        styles: Set<QueryStyle>? = nil, threads: Int, in space: Int = 0
    ) throws(BelfryError) -> NearestPoints {
        precondition(k >= 0 && threads > 0)
        precondition(scope.excluding.isEmpty || scope.excluding.count == queries.rows)
        let description = configuration.spaces[space]
        let check = VectorCheck(dimension: description.dimension, metric: description.metric)
        for query in 0..<queries.rows { try check.check(UnsafeBufferPointer(queries.row(query)), "The query") }
        let plan = try plan(k: k, recall: recall, exact: exact, styles: styles, in: space)
        // Nobody has measured what is found of the points that a filter lets through.
        let expected = scope.kept == nil ? plan.expectation.recall : nil
        let k = min(k, count(in: space))
        var nearest = [[FoundPoint]](repeating: [], count: queries.rows)
        var work = SearchWork()
        var verdicts = [SearchVerdict](repeating: SearchVerdict(recall: 1), count: queries.rows)
        func asked(_ number: Int, _ dead: RowSet?) -> SegmentQuery {
            let excluded = scope.excluding.map { places in
                places.compactMap { $0.segment == number ? $0.row : nil }
            }
            return SegmentQuery(
                queries: queries, k: k, excludedRows: excluded,
                kept: scope.kept.map { $0.rows[number] ?? RowSet(capacity: 0) },
                dead: dead, threads: threads)
        }
        func take(_ answer: SegmentAnswer, of query: Int, _ id: (Int) throws(BelfryError) -> PointID)
            throws(BelfryError)
        {
            for neighbor in answer.rows { nearest[query].append((try id(Int(neighbor.row)), neighbor.distance)) }
            verdicts[query].add(
                SearchVerdict(
                    recall: answer.verdict.isScanned ? 1 : answer.verdict == .calibrated ? expected : nil,
                    isUnlike: answer.verdict.isUnlike, isScanned: answer.verdict.isScanned))
            work.add(answer.work)
        }
        for (live, effort) in zip(segments(of: space), plan.efforts) {
            let (segment, asked) = (live.segment, asked(live.segment.number, live.dead))
            let found =
                if effort == .exact {
                    try segment.scan(asked).map { rows in
                        SegmentAnswer(
                            rows: rows, verdict: .scanned, work: .scan(of: asked.candidates(of: segment.rows)))
                    }
                } else {
                    try segment.searchIndex(asked, effort, plan.target)
                }
            for (query, answer) in found.enumerated() {
                try take(answer, of: query) { row throws(BelfryError) in try segment.ids.id(row) }
            }
        }
        for part in pending where part.vectors[space].liveRows > 0 {
            let vectors = part.vectors[space]
            let asked = asked(vectors.number, vectors.dead.count > 0 ? vectors.dead : nil)
            let work = SearchWork.scan(of: asked.candidates(of: vectors.rows.count))
            for (query, rows) in try vectors.nearest(asked).enumerated() {
                let answer = SegmentAnswer(rows: rows, verdict: .scanned, work: work)
                try take(answer, of: query) { row in part.point(ofRow: row, in: space).id }
            }
        }
        let points = nearest.map { found in
            Array(found.sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }.prefix(k))
        }
        return NearestPoints(points: points, verdicts: verdicts, expectation: plan.expectation, work: work)
    }
}

extension PendingVectors {
    /// The `k` nearest rows to each query, and all others that are as near as the last of them.
    fileprivate func nearest(_ asked: SegmentQuery) throws(BelfryError) -> [[Neighbor]] {
        let filter = asked.filter(of: rows.count)
        return try asked.withTies { queries, k in rows.search(queries, k: k, filter: filter) }
    }
}
