package import Files
import Neighbors
import Shards
package import Vectors

extension View {
    /// The points whose sparse vectors have the largest dot products with a query, without approximation: of those that share
    /// a term with it, by distance and then by id.
    package func nearest(
        _ query: SparseVector, k: Int, scope: SearchScope, in space: Int
    ) throws(BelfryError) -> NearestPoints {
        precondition(configuration.spaces[space].kind == .sparse, "sparse queries of a sparse space")
        let query = configuration.spaces[space].weighsRareTerms ? try weighed(query, in: space) : query
        let k = min(k, count(in: space))
        var found = FoundBySegment(queries: 1, expected: 1)
        for live in segments(of: space) {
            guard case .sparse(let segment) = live.segment.content else { preconditionFailure("a sparse space") }
            let asked = scope.asked(of: live.segment.number, k, live.dead, 1)
            let filter = asked.filter(of: segment.rows)
            let rows = try segment.searchers.lend { searcher throws(BelfryError) in
                try asked.withTies { k throws(BelfryError) in try searcher.search(query, k: k, filter: filter) }
            }
            let answer = SegmentAnswer(
                rows: rows, verdict: .scanned, work: .scan(of: asked.candidates(of: segment.rows)))
            try found.take(answer, of: 0) { row throws(BelfryError) in try live.segment.ids.id(row) }
        }
        for part in pending where part.vectors[space].liveRows > 0 {
            let vectors = part.vectors[space]
            guard case .sparse(let rows) = vectors.rows else { preconditionFailure("a sparse space") }
            let asked = scope.asked(of: vectors.number, k, vectors.dead, 1)
            let filter = asked.filter(of: rows.count)
            let near = try asked.withTies { k in rows.search(query, k: k, filter: filter) }
            let answer = SegmentAnswer(
                rows: near, verdict: .scanned, work: .scan(of: asked.candidates(of: rows.count)))
            found.take(answer, of: 0) { row in part.point(ofRow: row, in: space).id }
        }
        return found.nearest(k, try plan(k: max(k, 1), recall: 1, exact: true, in: space).expectation)
    }

    /// A query whose weights are multiplied by how rare their terms are. Rows of points that are gone count until their
    /// segment is written anew.
    private func weighed(_ query: SparseVector, in space: Int) throws(BelfryError) -> SparseVector {
        var (rows, frequencies) = (0, [Int](repeating: 0, count: query.count))
        func add(_ count: Int, _ found: [Int]) {
            rows += count
            for (term, frequency) in found.enumerated() { frequencies[term] += frequency }
        }
        for live in segments(of: space) {
            guard case .sparse(let segment) = live.segment.content else { continue }
            add(segment.rows, segment.postings.documentFrequencies(of: query.indices))
        }
        for part in pending {
            guard case .sparse(let view) = part.vectors[space].rows else { continue }
            add(view.count, view.documentFrequencies(of: query.indices))
        }
        return SparseVector(
            sorted: query.indices,
            values: zip(query.values, frequencies).map { $0 * SparseVector.idf(documents: rows, frequency: $1) })
    }
}
