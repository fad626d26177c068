public import Files

extension VectorCollection {
    /// Searches this collection, and others that the request names.
    ///
    /// The answers come nearest first, with the scores of the stored vectors; points at the same distance in the order of
    /// their ids. An exact search keeps that order at the k-th place as well: of several points at that distance, those
    /// with the smaller ids are answered. An index answers with any of them.
    /// - Throws: `invalidInput` for a query that the tower does not take, a vector of another dimension, one that is not
    ///   finite or zero under cosine, or an impossible recall; `notFound` for a point or a user that is not there, or a
    ///   condition that no point meets; `wrongTower` where a tower or another collection is of another space;
    ///   `corruptData` with the place.
    public func search(_ request: SearchRequest) throws(BelfryError) -> SearchResponse {
        let collections = [self] + request.others
        while true {
            let views = collections.map(\.view)
            var search = try GroupSearch(collections, views, request)
            do throws(BelfryError) {
                if let response = try search.run() { return response }
            } catch {
                guard error.isOvertaken else { throw error }
            }
            // A write has overtaken it: the answer would be of two moments, and is asked for again.
            var isNewer = false
            for (collection, view) in zip(collections, views) where try collection.hasNewer(than: view) {
                isNewer = true
            }
            guard isNewer else {
                throw .corrupt("A point that was found has a vector but no row.", at: .init(file: base.catalogue.path))
            }
        }
    }

    /// Whether `id` is one of the collection's users.
    func knows(user id: String) throws(BelfryError) -> Bool { try base.catalogue.read { try $0.user(id) } != nil }
}

extension View {
    /// These points with their payload, in their order; nil where a later write has changed one of them since.
    /// - Parameter withPayload: whether the payload is parsed, too.
    func hits(_ found: [(id: PointID, score: Float)], withPayload: Bool = true) throws(BelfryError) -> [SearchResponse
        .Hit]?
    {
        guard let points = try storedPoints(found.map(\.id)) else { return nil }
        var hits: [SearchResponse.Hit] = []
        for (point, found) in zip(points, found) {
            hits.append(
                SearchResponse.Hit(
                    id: found.id, key: point.key, score: found.score,
                    payload: withPayload ? try point.payload() : [:], text: point.json, version: point.version,
                    collection: configuration.name))
        }
        return hits
    }
}
