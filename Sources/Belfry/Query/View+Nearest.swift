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
        precondition(description.kind == .dense, "dense queries of a dense space")
        let plan = try plan(k: k, recall: recall, exact: exact, styles: styles, in: space)
        // Nobody has measured what is found of the points that a filter lets through.
        let expected = scope.kept == nil ? plan.expectation.recall : nil
        let k = min(k, count(in: space))
        var found = FoundBySegment(queries: queries.rows, expected: expected)
        for (live, effort) in zip(segments(of: space), plan.efforts) {
            guard let segment = live.segment.dense else { preconditionFailure("a dense space") }
            let asked = scope.asked(of: live.segment.number, k, live.dead, threads)
            let answers =
                if effort == .exact {
                    try segment.scan(queries, asked).map { rows in
                        SegmentAnswer(
                            rows: rows, verdict: .scanned, work: .scan(of: asked.candidates(of: segment.rows)))
                    }
                } else {
                    try segment.searchIndex(queries, asked, effort, plan.target)
                }
            for (query, answer) in answers.enumerated() {
                try found.take(answer, of: query) { row throws(BelfryError) in try live.segment.ids.id(row) }
            }
        }
        for part in pending where part.vectors[space].liveRows > 0 {
            let vectors = part.vectors[space]
            guard case .dense(let rows) = vectors.rows else { preconditionFailure("a dense space") }
            let asked = scope.asked(of: vectors.number, k, vectors.dead, threads)
            let (filter, work) = (asked.filter(of: rows.count), SearchWork.scan(of: asked.candidates(of: rows.count)))
            let answers = try asked.withTies(queries) { queries, k in rows.search(queries, k: k, filter: filter) }
            for (query, rows) in answers.enumerated() {
                found.take(SegmentAnswer(rows: rows, verdict: .scanned, work: work), of: query) { row in
                    part.point(ofRow: row, in: space).id
                }
            }
        }
        return found.nearest(k, plan.expectation)
    }
}
