package import Files

extension SearchRequest {
    /// Whether an index finds what it asks for, so that something may be missed: it ranks by a vector, and not by groups, quotas
    /// or how answers differ.
    package var hasRecall: Bool { query.isEmbedded && groups == nil && diversity == nil && quotas.isEmpty }
}

extension VectorCollection {
    /// The share of the exact answers of a search that it finds: both are asked on the collection as it is now. An answer that is
    /// as good as the last of the exact ones counts.
    /// - Returns: Nil for a search without ``SearchRequest/hasRecall`` or for more than 10,000 answers, where nothing is found, and
    ///   where a write has meanwhile changed what was found.
    /// - Throws: as a search.
    package func recall(of request: SearchRequest) throws(BelfryError) -> Double? {
        let (k, isBeyond) = request.k.addingReportingOverflow(request.offset)
        guard request.hasRecall, !isBeyond, k <= Self.mostAskedAgain else { return nil }
        var indexed = request
        (indexed.offset, indexed.k) = (0, k)
        indexed.withPayload = false
        var exact = indexed
        (exact.exact, exact.recall) = (true, nil)
        let collections = [self] + request.others
        let views = collections.map(\.view)
        do throws(BelfryError) {
            var (search, truth) = (
                try GroupSearch(collections, views, indexed), try GroupSearch(collections, views, exact)
            )
            guard let found = try search.run()?.hits, let best = try truth.run()?.hits, let last = best.last else {
                return nil
            }
            let isDistance = views[0].configuration.spaces[search.spaces[0]].scoreIsDistance
            let good = found.count { isDistance ? $0.score <= last.score : $0.score >= last.score }
            return Double(good) / Double(best.count)
        } catch {
            guard error.isOvertaken else { throw error }
            return nil
        }
    }

    /// Whoever asks for more asks for everything.
    private static var mostAskedAgain: Int { 10_000 }
}
