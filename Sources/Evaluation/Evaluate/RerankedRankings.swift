import Belfry
import Files
import Shards
import Vectors

/// Rankings of a collection with a cross-encoder of its own: what it reads, and the order in which it puts that.
struct RerankedRankings {
    private let view: View
    private let collection: VectorCollection
    private let points: PointTable
    private let words: WordRankings?
    private let k, threads: Int
    private let texts: TextSearch

    /// A query's ranking before and after; the same where it is no text.
    struct Pair {
        var before, after: [Int32]
    }

    /// Nil for a collection without one.
    init?(
        _ collection: VectorCollection, _ view: View, _ points: PointTable, words: WordRankings?, k: Int, threads: Int
    ) {
        guard view.configuration.reranker != nil else { return nil }
        (self.collection, self.view, self.points, self.words) = (collection, view, points, words)
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
            guard case .text(let text) = query.query, var reranking = try collection.reranking(with: text) else {
                let before = try best(query, Matrix([vectors[place]]), scope(query), k)
                pairs.append(Pair(before: before, after: before))
                continue
            }
            // What is measured is what it says, not how much of it there is time for.
            reranking.budget = nil
            let before = try best(query, Matrix([vectors[place]]), scope(query), max(k, reranking.top))
            let read = Array(before.prefix(reranking.top))
            guard let stored = try view.storedPoints(read.map { points.ids[Int($0)] }) else {
                throw BelfryError(.conflict, "The collection was written to.", at: .init(file: collection.path))
            }
            var payloads: [JSON] = []
            for point in stored { payloads.append(try point.payload()) }
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
