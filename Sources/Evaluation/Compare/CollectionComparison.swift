package import Belfry
package import Files
import Recipes
import Shards

/// Two collections, or two versions of one, asked the same queries: how many answers they share, which queries have others
/// now, and, where somebody has judged what is relevant, which of the two is better.
package struct CollectionComparison: Sendable {
    /// A query, and what is relevant to it by its ids, where that is known.
    package struct Query: Sendable {
        /// What is asked.
        package var query: SearchQuery
        /// The query as people read it.
        package var title: String
        /// The ids, or keys, of what is relevant.
        package var relevant: [String]

        /// A query.
        package init(_ query: SearchQuery, title: String, relevant: [String] = []) {
            (self.query, self.title, self.relevant) = (query, title, relevant)
        }
    }

    /// What both answer to a query, the best first.
    package struct Answers: Sendable {
        /// The place of the query.
        package var query: Int
        /// The ids or keys of the answers.
        package var first, second: [String]
        /// The share of the answers that both have.
        package var overlap: Double
        /// The gain of each where something relevant is known: nDCG at k.
        package var gains: (first: Double, second: Double)?
    }

    /// A mean over queries, and how far that of other queries could be from it.
    package struct Figure: Sendable {
        package var mean: Double
        /// The 95 % interval.
        package var interval: ClosedRange<Double>
    }

    /// The queries with their answers, those that share fewest first.
    package private(set) var answers: [Answers] = []
    /// The share of answers that both have.
    package private(set) var overlap: Figure
    /// Of the queries with something relevant: the nDCG of each, and what the second has more than the first.
    package private(set) var judged: (queries: Int, first: Figure, second: Figure, difference: Figure)?
    /// How many answers were compared.
    package let k: Int

    /// Asks both.
    /// - Parameters:
    ///   - recall: the recall of both searches; nil for what each collection says.
    ///   - seed: what the intervals are drawn by.
    ///   - progress: hears how many queries were asked.
    /// - Throws: what a search throws; `invalidInput` without a query.
    package init(
        _ first: VectorCollection, _ second: VectorCollection, _ queries: [Query], k: Int, recall: Double? = nil,
        exact: Bool = false, seed: UInt64 = 1, threads: Int, progress: (Int) -> Void = { _ in }
    ) throws(BelfryError) {
        guard !queries.isEmpty else { throw BelfryError(.invalidInput, "There is no query to compare by.") }
        self.k = k
        for (place, query) in queries.enumerated() {
            var request = SearchRequest(query.query, k: k)
            (request.recall, request.exact, request.threads) = (recall, exact, threads)
            let found = (try first.search(request).hits.map(\.name), try second.search(request).hits.map(\.name))
            answers.append(Answers(place, found.0, found.1, query.relevant, k: k))
            progress(place + 1)
        }
        let draws = Bootstrap(seed: seed)
        func figure(_ values: [Double]) -> Figure {
            Figure(
                mean: values.reduce(0, +) / Double(values.count),
                interval: draws.intervals(values, columns: 1, threads: threads)[0])
        }
        overlap = figure(answers.map(\.overlap))
        let gains = answers.compactMap(\.gains)
        if !gains.isEmpty {
            // Of pairs: on the same queries the difference varies less than either.
            judged = (
                gains.count, figure(gains.map(\.first)), figure(gains.map(\.second)),
                figure(gains.map { $0.second - $0.first })
            )
        }
        answers.sort { ($0.overlap, $0.query) < ($1.overlap, $1.query) }
    }
}

extension CollectionComparison.Answers {
    init(_ query: Int, _ first: [String], _ second: [String], _ relevant: [String], k: Int) {
        (self.query, self.first, self.second) = (query, first, second)
        let most = max(first.count, second.count)
        overlap = most == 0 ? 1 : Double(Set(first).intersection(second).count) / Double(most)
        guard !relevant.isEmpty else { return }
        // An id may be written in several ways.
        let ids = Set(relevant.map { PointName($0).id })
        let ideal = [Double](repeating: 1, count: ids.count)
        func gain(_ names: [String]) -> Double {
            let grades = names.map { ids.contains(PointName($0).id) ? 1.0 : 0 }
            return RankingMetric.ndcg.value(JudgedRanking(grades: grades, ideal: ideal), k: k)
        }
        gains = (gain(first), gain(second))
    }
}
