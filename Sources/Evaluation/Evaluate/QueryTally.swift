import Belfry

/// Counts what the queries of an evaluation ask for.
struct QueryTally {
    private let filterSizes: [Int]
    private(set) var queries = 0
    /// Sums, until ``means`` makes means of those that are.
    var counts: EvaluationResult.Counts

    init(_ points: PointTable, _ filters: [PointSet]) {
        filterSizes = filters.map(\.count)
        counts = .init(
            points: points.count, queries: 0, queriesBeforeSampling: 0, withoutRelevant: 0, badRows: 0, unknownUsers: 0,
            relevant: 0, missingRelevant: 0, candidates: nil, missingCandidates: 0, excluded: 0, within: nil)
    }

    mutating func add(_ query: JudgedQuery) {
        queries += 1
        counts.queries += 1
        counts.relevant += query.ideal.count
        counts.missingRelevant += query.missing.count
        counts.excluded += Double(query.excluded.count)
        counts.missingCandidates += query.missingCandidates
        if let candidates = query.candidates { counts.candidates = (counts.candidates ?? 0) + Double(candidates.count) }
        if let filter = query.filter { counts.within = (counts.within ?? 0) + Double(filterSizes[filter]) }
    }

    /// The counts, those per query as means.
    var means: EvaluationResult.Counts {
        var means = counts
        let queries = Double(max(queries, 1))
        means.excluded /= queries
        means.candidates = means.candidates.map { $0 / queries }
        means.within = means.within.map { $0 / queries }
        return means
    }
}
