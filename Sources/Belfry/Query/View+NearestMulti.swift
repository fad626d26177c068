import Files
import Neighbors
import Shards
import Vectors

extension View {
    /// The points whose several vectors are nearest to those of a query, without approximation, by distance and then by id:
    /// see ``MaxSim``. All points of the scope are compared.
    func nearest(
        _ query: [[Float]], k: Int, scope: SearchScope, in space: Int
    ) throws(BelfryError) -> NearestPoints {
        let description = configuration.spaces[space]
        precondition(description.kind == .multi, "several vectors in a space of such")
        let check = VectorCheck(dimension: description.dimension, metric: description.metric)
        for vector in query {
            try vector.withUnsafeBufferPointer { vector throws(BelfryError) in try check.check(vector, "The query") }
        }
        let asker = MaxSim(Matrix(query), metric: description.metric)
        let k = min(k, count(in: space))
        var found = FoundBySegment(queries: 1, expected: 1)
        for live in segments(of: space) {
            guard let segment = live.segment.multi else { preconditionFailure("a space of several vectors") }
            let asked = scope.asked(of: live.segment.number, k, live.dead, 1)
            let filter = asked.filter(of: segment.rows)
            let rows = try asked.withTies { k throws(BelfryError) in
                try segment.search(asker, k: k, filter: filter)
            }
            let answer = SegmentAnswer(
                rows: rows, verdict: .scanned, work: .scan(of: asked.candidates(of: segment.rows)))
            try found.take(answer, of: 0) { row throws(BelfryError) in try live.segment.ids.id(row) }
        }
        for part in pending where part.vectors[space].liveRows > 0 {
            let vectors = part.vectors[space]
            guard case .multi(let rows) = vectors.rows else { preconditionFailure("a space of several vectors") }
            let asked = scope.asked(of: vectors.number, k, vectors.dead, 1)
            let filter = asked.filter(of: rows.count)
            let near = try asked.withTies { k in rows.search(asker, k: k, filter: filter) }
            let answer = SegmentAnswer(
                rows: near, verdict: .scanned, work: .scan(of: asked.candidates(of: rows.count)))
            found.take(answer, of: 0) { row in part.point(ofRow: row, in: space).id }
        }
        return found.nearest(k, try plan(k: max(k, 1), recall: 1, exact: true, in: space).expectation)
    }
}
