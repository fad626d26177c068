import Belfry
import Vectors

@testable import Belfry

/// Searches as most tests ask for them.
extension VectorCollection {
    func hits(
        _ query: SearchQuery, k: Int, recall: Double? = nil, exact: Bool = false
    ) throws -> [SearchResponse.Hit] {
        var request = SearchRequest(query, k: k)
        (request.recall, request.exact) = (recall, exact)
        return try search(request).hits
    }

    /// Of many vectors at once, whatever they are like.
    func hits(
        _ vectors: Matrix, k: Int, recall: Double? = nil, exact: Bool = false, threads: Int = 1
    ) throws -> [[SearchResponse.Hit]] {
        let view = view
        return try view.nearest(vectors, k: k, recall: recall, exact: exact, threads: threads).points.map { found in
            try view.hits(found.map { ($0.id, view.configuration.spaces[0].score($0.distance)) }) ?? []
        }
    }
}
