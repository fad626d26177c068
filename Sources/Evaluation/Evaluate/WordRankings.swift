import Belfry
import Files
import Shards
import Synchronization
import Vectors

/// Rankings of a collection that is searched by words: by words alone, and mixed with the tower's at several shares.
struct WordRankings {
    private let view: View
    private let collection: VectorCollection
    private let points: PointTable
    private let filters: [PointSet]
    private let k, threads, space: Int

    /// The shares of words that are tried.
    static let shares = (0...20).map { Double($0) / 20 }

    /// Nil for a collection that is not searched by words.
    init?(
        _ collection: VectorCollection, _ view: View, _ points: PointTable, filters: [PointSet], k: Int, threads: Int
    ) {
        guard let space = view.configuration.spaces.firstIndex(where: { $0.words != nil }) else { return nil }
        (self.collection, self.view, self.points, self.filters) = (collection, view, points, filters)
        (self.k, self.threads, self.space) = (k, threads, space)
    }

    /// For each query, its ranking at each of the shares.
    /// - Parameters:
    ///   - vectors: those of the tower, one row for each query.
    ///   - scope: which points may be answered to a query by its vector.
    func rankings(
        _ queries: [JudgedQuery], _ vectors: Matrix, scope: (JudgedQuery) -> SearchScope
    ) throws(BelfryError) -> [[[Int32]]] {
        let scopes = queries.map(scope)
        let rankings = Mutex([[[Int32]]](repeating: [], count: queries.count))
        try WorkPool(threads: threads).run(queries.count, "evaluation") { worker in
            while worker.one({ place throws(BelfryError) in
                let row = Matrix([vectors[place]])
                let own = try self.rankings(queries[place], row, scopes[place])
                rankings.withLock { $0[place] = own }
            }) {}
        }
        return rankings.withLock { $0 }
    }

    private func rankings(
        _ query: JudgedQuery, _ vector: Matrix, _ scope: SearchScope
    ) throws(BelfryError) -> [[Int32]] {
        let mix = try mix(query, vector, scope, ScoreMix.depth(k))
        return try Self.shares.map { share throws(BelfryError) in
            try points.numbers(mix.mixed(words: share).prefix(k).map { ($0.id, $0.score) }, of: view)
        }
    }

    /// What is nearest to a query by meaning and by words: so many of each.
    func mix(
        _ query: JudgedQuery, _ vector: Matrix, _ scope: SearchScope, _ depth: Int
    ) throws(BelfryError) -> ScoreMix {
        let meaning = try view.nearest(vector, k: depth, recall: nil, exact: true, scope: scope, threads: 1).points[0]
        return ScoreMix(
            meaning: meaning, view.configuration.main.metric, words: try words(query, depth), depth: depth)
    }

    /// What has the most of a query's words.
    private func words(_ query: JudgedQuery, _ depth: Int) throws(BelfryError) -> [FoundPoint] {
        // Users and sessions say no words.
        switch query.query {
        case .text, .point: break
        default: return []
        }
        let asked: SparseVector
        do throws(BelfryError) {
            asked = try collection.ask([query.query], on: view, in: space, includingSeen: true).sparse.first ?? .init()
        } catch {
            // A point that has no words.
            guard error.code == .invalidInput, query.own != nil else { throw error }
            return []
        }
        let filter = query.filter.map { filters[$0] }
        // Where the vectors of words lie that may be answered, nobody has noted: all are asked for, and some are kept.
        let isFree = filter == nil && query.candidates == nil
        let wanted = isFree ? depth + query.excluded.count + 1 : view.count
        let found = try view.nearest(asked, k: wanted, scope: SearchScope(), in: space).points[0]
        return Array(
            found.lazy.filter { found in
                guard let point = points.number(found.id) else { return false }
                return query.admits(point) && query.candidates?.contains(point) != false
                    && filter?.contains(points.places[Int(point)]) != false
            }.prefix(depth))
    }
}

/// What words are best to count for, learned from some queries and measured on others.
struct ShareFit {
    /// The figures of every query at every share: query by query, share by share, figure by figure.
    let values: [Double]
    let figures: Int
    /// The figure that is to be best.
    let wanted: Int

    private var shares: Int { WordRankings.shares.count }
    private var queries: Int { values.count / (shares * figures) }

    /// Queries are dealt into so many parts; each is measured at the share that is best for the others.
    private static let folds = 5

    private func value(_ query: Int, _ share: Int, _ figure: Int) -> Double {
        values[(query * shares + share) * figures + figure]
    }

    /// The place of the share that is best for the queries of which `isCounted` is true.
    private func best(_ isCounted: (Int) -> Bool) -> Int {
        var sums = [Double](repeating: 0, count: shares)
        for query in 0..<queries where isCounted(query) {
            for share in 0..<shares { sums[share] += value(query, share, wanted) }
        }
        return sums.indices.max { (sums[$0], -$0) < (sums[$1], -$1) } ?? 0
    }

    /// The share that is best for all queries.
    var best: Double { WordRankings.shares[best { _ in true }] }

    /// The figures of each query at the share that the queries of other parts say, query by query.
    func crossFitted(seed: UInt64) -> [[Double]] {
        var random = SplitMix64(seed: seed)
        let order = random.permutation(queries)
        var parts = [Int](repeating: 0, count: queries)
        for (place, query) in order.enumerated() { parts[Int(query)] = place % Self.folds }
        let fitted = (0..<Self.folds).map { part in best { parts[$0] != part } }
        return (0..<queries).map { query in
            (0..<figures).map { value(query, fitted[parts[query]], $0) }
        }
    }

    /// The figures of each query by words alone.
    var byWords: [[Double]] {
        (0..<queries).map { query in (0..<figures).map { value(query, shares - 1, $0) } }
    }
}
