import Belfry
import Files
import Vectors

/// Asks the same queries of the exact search and of the index, and keeps what the index costs and misses.
///
/// 1. Queries that are confined to the same points, and leave out about as many, are searched together. Queries with
///    candidates are searched one by one.
/// 2. Both searches are timed in turn, each of them first every other time.
/// 3. What the index found is right if it is as near as the last of the exact search.
/// 4. Some of the queries are searched once more on one thread, to count the distances.
struct PairedSearch {
    private let view: View
    private let points: PointTable
    private let filters: [PointSet]
    private let k: Int
    private let threads: Int
    private(set) var cost = IndexCost()
    private var startsWithIndex = false
    private var searched = 0

    init(
        _ view: View, _ points: PointTable, filters: [PointSet], k: Int, threads: Int
    ) {
        (self.view, self.points, self.filters, self.k, self.threads) = (view, points, filters, k, threads)
    }

    /// How long both searches took for a batch.
    struct Seconds {
        var (exact, index) = (0.0, 0.0)

        mutating func add(_ seconds: Double, isExact: Bool) {
            if isExact { exact += seconds } else { index += seconds }
        }
    }

    /// What both searches answer to each query, nearest first.
    struct Answers {
        var exact: [[Int32]]
        var index: [[Int32]]
    }

    /// Searches for all queries, whose vectors are the rows of `vectors`.
    mutating func search(_ queries: [JudgedQuery], _ vectors: Matrix) throws(BelfryError) -> Answers {
        var answers = Answers(
            exact: [[Int32]](repeating: [], count: queries.count), index: [[Int32]](repeating: [], count: queries.count)
        )
        var seconds = Seconds()
        for group in groups(queries) {
            let chosen = Matrix(rows: group.count, columns: vectors.columns)
            for (row, query) in group.enumerated() {
                _ = chosen.row(row).update(fromContentsOf: vectors.row(query))
            }
            let (exact, index) = try search(chosen, scope(of: group.map { queries[$0] }), &seconds)
            for (row, query) in group.enumerated() {
                answers.exact[query] = try points.numbers(exact[row], of: view)
                answers.index[query] = try points.numbers(index[row], of: view)
            }
        }
        cost.add(seconds)
        return answers
    }

    /// Places of queries that are searched together.
    private func groups(_ queries: [JudgedQuery]) -> [[Int]] {
        struct Kind: Hashable {
            var filter: Int?
            var single: Int?
            /// Of how many points are left out, the number of binary digits.
            var size: Int
        }
        var order: [Kind] = []
        var groups: [Kind: [Int]] = [:]
        for (place, query) in queries.enumerated() {
            let kind = Kind(
                filter: query.filter, single: query.candidates == nil ? nil : place,
                size: Int.bitWidth - query.excluded.count.leadingZeroBitCount)
            if groups[kind] == nil { order.append(kind) }
            groups[kind, default: []].append(place)
        }
        return order.compactMap { groups[$0] }
    }

    func scope(of queries: [JudgedQuery]) -> SearchScope {
        let excluded = queries.map { query in
            (query.excluded.union(query.own.map { [$0] } ?? [])).map { points.places[Int($0)] }
        }
        var kept = queries[0].filter.map { filters[$0] }
        if let candidates = queries[0].candidates {
            let admitted = candidates.filter { kept?.contains(points.places[Int($0)]) != false }
            kept = points.set(admitted, of: view)
        }
        return SearchScope(excluding: excluded, kept: kept)
    }

    private mutating func search(
        _ vectors: Matrix, _ scope: SearchScope, _ seconds: inout Seconds
    ) throws(BelfryError) -> (exact: [[FoundPoint]], index: [[FoundPoint]]) {
        var found: [Bool: [[FoundPoint]]] = [:]
        for isExact in startsWithIndex ? [false, true] : [true, false] {
            let start = ContinuousClock.now
            found[isExact] = try view.nearest(
                vectors, k: k, recall: nil, exact: isExact, scope: scope, threads: threads
            ).points
            seconds.add((ContinuousClock.now - start) / .seconds(1), isExact: isExact)
        }
        startsWithIndex.toggle()
        let (exact, index) = (found[true]!, found[false]!)
        cost.add(exact, index)
        try count(vectors, scope)
        return (exact, index)
    }

    /// One query of so many has its distances counted.
    private static let countedEvery = 16

    private mutating func count(_ vectors: Matrix, _ scope: SearchScope) throws(BelfryError) {
        let places = [searched, searched + vectors.rows].map { ($0 + Self.countedEvery - 1) / Self.countedEvery }
        let counted = places[1] - places[0]
        searched += vectors.rows
        guard counted > 0 else { return }
        let some = Matrix(rows: counted, columns: vectors.columns)
        some.pointer.update(from: vectors.pointer, count: counted * vectors.columns)
        let scope = SearchScope(excluding: Array(scope.excluding.prefix(counted)), kept: scope.kept)
        let all = scope.kept?.count ?? view.count
        let evaluations = try view.countEvaluations(some, k: k, scope: scope)
        cost.count(queries: counted, evaluations: evaluations, ofScan: counted * all)
    }
}
