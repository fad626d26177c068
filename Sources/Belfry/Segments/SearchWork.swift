import Neighbors

/// What searches have looked at.
struct SearchWork: Sendable {
    /// Distances estimated or computed.
    var evaluations = 0
    /// Rows of these that were estimated again on the codes of all components.
    var reranked = 0
    /// Rows read from the shard because the codes left it in doubt who is among the nearest; nil where all rows were
    /// scanned, which does not count them.
    var exactlyReranked: Int? = 0
    /// Rows read from the shard for the distances of the answers.
    var scored = 0

    /// A scan of so many rows.
    static func scan(of rows: Int) -> SearchWork { SearchWork(evaluations: rows, exactlyReranked: nil) }

    /// What was looked at between two readings of one searcher's counters.
    func since(_ before: SearchWork) -> SearchWork {
        SearchWork(
            evaluations: evaluations - before.evaluations, reranked: reranked - before.reranked,
            exactlyReranked: exactlyReranked.flatMap { now in before.exactlyReranked.map { now - $0 } },
            scored: scored - before.scored)
    }

    /// Adds what another search has looked at.
    mutating func add(_ other: SearchWork) {
        evaluations += other.evaluations
        reranked += other.reranked
        scored += other.scored
        exactlyReranked = exactlyReranked.flatMap { own in other.exactlyReranked.map { own + $0 } }
    }
}

extension SearchWork {
    /// What a searcher has looked at since it was made.
    init(of searcher: SegmentSearcher) {
        let trace = searcher.trace
        self.init(
            evaluations: trace.evaluations, reranked: trace.reranked, exactlyReranked: searcher.exactlyRerankedRows,
            scored: searcher.scoredRows)
    }
}
