import Belfry
import Files
import Shards
import Vectors

/// Rankings of a collection with a cross-encoder of its own: what it reads, and the order in which it puts that.
struct RerankedRankings {
    private let view: View
    private let reranking: Reranking
    private let points: PointTable
    private let words: WordRankings?
    private let k, threads: Int
    private let texts: TextSearch

    /// A query's ranking before and after.
    struct Pair {
        var before, after: [Int32]
    }

    /// Nil for a collection without one, and for queries that are no texts: it reads with texts alone.
    init?(
        _ collection: VectorCollection, _ view: View, _ points: PointTable, _ queries: [JudgedQuery],
        words: WordRankings?, k: Int, threads: Int
    ) throws(BelfryError) {
        let areTexts = queries.allSatisfy { if case .text = $0.query { true } else { false } }
        guard areTexts, var reranking = try collection.reranking(with: "each query's") else { return nil }
        // What is measured is what it says, not how much of it there is time for.
        reranking.budget = nil
        (self.reranking, self.view, self.points, self.words) = (reranking, view, points, words)
        (self.k, self.threads, texts) = (k, threads, view.configuration.texts)
    }

    /// For each query, its rankings.
    /// - Parameters:
    ///   - vectors: those of the tower, one row for each query.
    ///   - scope: which points may be answered to a query by its vector.
    func rankings(
        _ queries: [JudgedQuery], _ vectors: Matrix, scope: (JudgedQuery) -> SearchScope
    ) throws(BelfryError) -> [Pair] {
        var pairs: [Pair] = []
        for (place, query) in queries.enumerated() {
            guard case .text(let text) = query.query else { preconditionFailure("queries that are texts") }
            var reranking = reranking
            reranking.text = text
            let before = try best(query, Matrix([vectors[place]]), scope(query), max(k, reranking.top))
            let read = Array(before.prefix(reranking.top))
            let payloads = try view.payloads(of: read.map { points.ids[Int($0)] })
            let scores = try reranking.scores(of: payloads, threads: threads)
            let order = read.indices.sorted { (scores[$1], read[$0]) < (scores[$0], read[$1]) }
            let after = order.map { read[$0] } + before.dropFirst(read.count)
            pairs.append(Pair(before: Array(before.prefix(k)), after: Array(after.prefix(k))))
        }
        return pairs
    }

    /// The best points by exact search, in the way that is usual in the collection.
    private func best(
        _ query: JudgedQuery, _ vector: Matrix, _ scope: SearchScope, _ count: Int
    ) throws(BelfryError) -> [Int32] {
        let share: Double? =
            switch texts {
            case .byMeaning: nil
            case .byWords: 1
            case .hybrid(let words): words
            }
        guard let share, let words else {
            let found = try view.nearest(vector, k: count, recall: nil, exact: true, scope: scope, threads: threads)
            return try points.numbers(found.points[0], of: view)
        }
        let mixed = try words.mix(query, vector, scope, ScoreMix.depth(count)).mixed(words: share)
        return try points.numbers(mixed.prefix(count).map { ($0.id, $0.score) }, of: view)
    }
}
