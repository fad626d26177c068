import CKernels
import Files
import Foundation
import Shards
import Vectors

/// Searches a graph, with all that it needs, used again from query to query. Not thread-safe: use one per thread.
///
/// 1. The query is placed, and quantized for the routing codes.
/// 2. The few rows of the highest level are all estimated; level by level, a short walk finds where to enter the next.
/// 3. A query that was made of rows of the graph enters at those as well: what is near them it finds even where no way leads
///    there from elsewhere.
/// 4. On the lowest level the walk goes on until its window is expanded, or until what is left is too far beyond what
///    was found: ``GraphWalk``.
/// 5. What the pool holds is estimated again on the codes of all components.
/// 6. Where the k-th and the next are nearer to each other than the codes can tell, those rows are read from the shard.
final class GraphSearcher {
    private let view: GraphView
    private let codes: CodesReader
    let reranker: ExactReranker?
    private let kernels: belfry_routing_kernels
    private let query: RoutingCoder.Query
    private let codesQuery: CodesReader.Query
    private var walk: GraphWalk
    /// Finds more places to enter from, for queries that the first one serves badly.
    private var scout: GraphWalk
    private var isScouted = false
    private let placed: Matrix
    private let entries: UnsafeMutablePointer<UInt32>
    private let candidates: UnsafeMutablePointer<UInt32>
    private let distances: UnsafeMutablePointer<Float>
    /// The most rows that a walk can remember.
    static let limit = 16_384
    private static let entryLimit = 4_096
    /// What keeps the mapping alive.
    private let owner: GraphReader?

    /// What searches have cost since this was last set to zero.
    var cost = SearchCost()
    /// The distance of the nearest row that the last search with a filter has met, whether the filter keeps it or not.
    private(set) var nearestOfAll = Float.infinity
    /// How many of the first rows of that search the filter keeps.
    private(set) var keptOfFirst = 0
    /// When so many rows were estimated, a scan would have cost as much.
    private let budget: Int
    /// Rows that were estimated for the query at hand.
    private var spent = 0

    /// A searcher of a mapped graph. Without a shard nothing is reranked exactly.
    convenience init(_ graph: GraphReader, codes: CodesReader, shard: ShardReader?) {
        self.init(graph.view, codes: codes, shard: shard, owner: graph)
    }

    /// A searcher of a graph that its owner keeps alive.
    init(
        _ view: GraphView, codes: CodesReader, shard: ShardReader?, owner: GraphReader? = nil,
        remembering: TrueDistances? = nil
    ) {
        precondition(codes.rowCount >= view.rows && codes.dimension == view.space.dimension)
        self.view = view
        self.codes = codes
        reranker = shard.map { ExactReranker(codes: codes, shard: $0, remembering: remembering) }
        self.owner = owner
        let scanned = Self.scannedAsFast(rows: view.rows, dimension: codes.dimension)
        budget = max(Self.smallestBudget, view.rows / scanned)
        kernels = belfry_routing_kernels_for(InstructionSet.current.isa)!.pointee
        query = RoutingCoder.Query(view.coder)
        codesQuery = codes.makeQuery()
        walk = GraphWalk(rows: view.rows, limit: Self.limit)
        scout = GraphWalk(rows: view.sizes.count > 1 ? view.sizes[1] : 0, limit: Self.scouted)
        placed = Matrix(rows: 1, columns: view.space.placedDimension)
        entries = .allocate(capacity: Self.entryLimit)
        candidates = .allocate(capacity: Self.limit)
        distances = .allocate(capacity: Self.limit)
    }

    deinit {
        entries.deallocate()
        candidates.deallocate()
        distances.deallocate()
    }

    /// The `k` nearest rows that it finds, nearest first; nil where the walk went on for so long that to look at all rows
    /// costs less.
    ///
    /// - Parameters:
    ///   - query: as many finite components as the rows have.
    ///   - own: rows that it was made of, a few.
    /// - Throws: `corruptData` for a link to a row that does not exist, or a damaged block of the shard.
    func search(
        _ query: UnsafePointer<Float>, k: Int, effort: GraphEffort, from own: [Int] = []
    ) throws(BelfryError) -> [Neighbor]? {
        guard view.rows > 0, k > 0 else { return [] }
        guard try fillPool(query, effort, own) else { return nil }
        let count = reranked(effort)
        for index in 0..<count { candidates[index] = GraphWalk.row(walk.pool[index]) }
        return try rerank(query, k, count)
    }

    /// What a calibration sees of one search.
    typealias Observed = (rows: [Neighbor], cost: SearchCost)

    /// What searches with each of some growing slack ratios would find, and cost, for each of `ks`, ratio by ratio; nil
    /// where the walk went on for so long that to look at all rows costs less.
    ///
    /// A walk always expands the nearest row that it has not expanded; the slack only says when it ends. So a walk with
    /// more slack goes on where one with less stopped.
    /// - Parameter ks: whose slack has the same rank.
    func search(
        _ query: UnsafePointer<Float>, ks: [Int], ratios: [Float]
    ) throws(BelfryError) -> [Observed?] {
        guard view.rows > 0, let most = ks.max() else {
            return ratios.flatMap { _ in ks.map { _ in ([], SearchCost()) } }
        }
        cost = SearchCost()
        place(query)
        codesQuery.prepare(query)
        var answers: [Observed?] = []
        for (index, ratio) in ratios.enumerated() {
            var effort = GraphEffort(slack: Slack(ratio: ratio, k: most), k: most)
            effort.keptRatio = ratios[ratios.count - 1]
            let before = (cost.rowsScanned, walk.cursor)
            let isDone = index == 0 ? try descend(effort) : try goOn(effort)
            guard isDone else {
                answers += [Observed?](repeating: nil, count: (ratios.count - index) * ks.count)
                return answers
            }
            guard index == 0 || (cost.rowsScanned, walk.cursor) != before else {
                // Nothing more was seen, and so nothing more is found.
                answers += answers.suffix(ks.count)
                continue
            }
            let walked = cost
            let all = reranked(effort)
            for place in 0..<all { candidates[place] = GraphWalk.row(walk.pool[place]) }
            try estimate(all)
            for k in ks {
                cost = walked
                let count = reranked(GraphEffort(slack: Slack(ratio: ratio, k: k), k: k))
                answers.append((try nearest(query, k, count), cost))
            }
            cost = walked
        }
        return answers
    }

    /// The `k` nearest rows that it finds and that the filter keeps, of the `wanted` nearest of all; nil if there are fewer
    /// than `k` of these among the first `within`.
    func search(
        _ query: UnsafePointer<Float>, k: Int, among wanted: Int, within: Int, effort: GraphEffort, filter: RowFilter,
        from own: [Int] = []
    ) throws(BelfryError) -> [Neighbor]? {
        guard view.rows > 0, k > 0 else { return [] }
        precondition(filter.rows.capacity >= view.rows)
        (nearestOfAll, keptOfFirst) = (.infinity, 0)
        guard wanted <= Self.limit, try fillPool(query, effort, own) else { return nil }
        var kept = 0
        let count = reranked(effort)
        let first = min(count, Self.nearestCount)
        for index in 0..<first { candidates[index] = GraphWalk.row(walk.pool[index]) }
        codesQuery.prepare(query)
        try estimate(first)
        for index in 0..<first { nearestOfAll = min(nearestOfAll, distances[index]) }
        filter.rows.words.withUnsafeBufferPointer { words in
            for index in 0..<count {
                let row = GraphWalk.row(walk.pool[index])
                candidates[kept] = row
                kept += Int(words[Int(row >> 6)] >> UInt64(row & 63) & 1)
                if index + 1 == min(within, count) { keptOfFirst = kept }
            }
        }
        guard keptOfFirst >= k else { return nil }
        try estimate(kept)
        return try nearest(query, k, kept)
    }

    /// The nearest row is one of so many with the best routing estimates.
    private static let nearestCount = 8

    /// Fills the walk's pool with rows near the query; false where that went over the budget.
    private func fillPool(
        _ query: UnsafePointer<Float>, _ effort: GraphEffort, _ own: [Int]
    ) throws(BelfryError) -> Bool {
        place(query)
        return try descend(effort, own)
    }

    private func place(_ query: UnsafePointer<Float>) {
        view.space.place(query: query, into: placed.pointer)
        view.space.lengthen(query: placed.pointer)
        view.coder.prepare(placed.pointer, into: self.query)
        (spent, isScouted) = (0, false)
    }

    /// How many of the pool's rows are looked at again.
    private func reranked(_ effort: GraphEffort) -> Int {
        let expanded = effort.slack == nil ? effort.window : walk.cursor
        return min(walk.count, max(effort.rerank, expanded), Self.limit)
    }

    /// When a walk of this effort ends, on the lowest level.
    private func end(_ effort: GraphEffort) -> GraphWalk.End {
        guard let slack = effort.slack else {
            let capacity = min(max(effort.rerank, effort.window), Self.limit)
            return .init(window: min(effort.window, capacity), capacity: capacity)
        }
        return .init(
            window: Self.limit, capacity: Self.limit, ratio: slack.ratio, rank: slack.rank,
            keptRatio: effort.keptRatio, kept: max(effort.rerank, slack.rank),
            budget: min(budget, slack.limit))
    }

    /// So many rows are scanned in the time in which a walk estimates one. What a walk reads lies anywhere, so that it pays more
    /// where there is more of it; a scan pays for the components. Measured with one thread: 2.3 at 100,000 × 384, 4.3 at 105,542
    /// × 256, 7.4 at 1,000,000 × 384.
    static func scannedAsFast(rows: Int, dimension: Int) -> Int {
        let decades = max(0, log10(Double(max(rows, 1)) / 100_000))
        return min(32, max(2, Int((1_100 + 1_750 * decades) / Double(max(dimension, 1)))))
    }

    /// Below this, a walk is never too long.
    private static let smallestBudget = 1_024

    /// Walks from the highest level to the lowest; false where that went over the budget.
    private func descend(_ effort: GraphEffort, _ own: [Int] = []) throws(BelfryError) -> Bool {
        var entered = enterTop()
        for level in view.sizes.indices.dropFirst().reversed() {
            try walkLevel(level, entered, until: .init(window: 1, capacity: 4), &walk)
            entered = min(walk.count, 2)
            for index in 0..<entered { entries[index] = GraphWalk.row(walk.pool[index]) }
        }
        var routing = routing(0)
        let end = end(effort)
        walk.begin()
        walk.enter(entries, count: entered, &routing, kernels, capacity: end.capacity)
        for row in own where row < min(view.sizes[0], view.rows) {
            entries[0] = UInt32(row)
            // Unless the way down, or the same row before, has led there.
            let fresh = walk.unseen(entries, count: 1)
            walk.enter(entries, count: fresh, &routing, kernels, capacity: end.capacity)
        }
        return try goOn(effort)
    }

    /// The rows of the highest level: a search looks at all of them.
    private func enterTop() -> Int {
        let entered = min(view.sizes[view.sizes.count - 1], view.rows, Self.entryLimit)
        for index in 0..<entered { entries[index] = UInt32(index) }
        return entered
    }

    /// Goes on with the walk on the lowest level; false where that went over the budget, unless the effort limits it.
    ///
    /// A query whose walk is long is far from the rows, and its nearest ones may be far from each other: then rows of the
    /// level above, from all over the data, are entered as well.
    private func goOn(_ effort: GraphEffort) throws(BelfryError) -> Bool {
        let (end, isLimited) = (end(effort), effort.slack?.limit ?? .max < .max)
        if effort.slack != nil, !isScouted, view.sizes.count > 1 {
            var short = end
            short.budget = min(end.budget, max(Self.scoutsAfter, Self.scoutsAfterPerRank * end.rank))
            if try walkOn(short) { return true }
            isScouted = true
            try enterMore(end)
        }
        return try walkOn(end) || isLimited
    }

    /// So many rows are estimated before more entries are looked for.
    private static let scoutsAfter = 1_000
    /// The same for each row up to that of the slack's rank: a walk for many rows is long without being lost.
    private static let scoutsAfterPerRank = 30
    /// So many rows of the level above are entered.
    private static let scouted = 64

    /// Enters rows that are near to the query on the level above the lowest.
    private func enterMore(_ end: GraphWalk.End) throws(BelfryError) {
        var entered = enterTop()
        for level in view.sizes.indices.dropFirst().reversed() {
            let isLast = level == 1
            try walkLevel(
                level, entered, until: .init(window: isLast ? Self.scouted : 1, capacity: isLast ? Self.scouted : 4),
                &scout)
            entered = isLast ? scout.count : min(scout.count, 2)
            for index in 0..<entered { entries[index] = GraphWalk.row(scout.pool[index]) }
        }
        var routing = routing(0)
        walk.enter(entries, count: walk.unseen(entries, count: entered), &routing, kernels, capacity: end.capacity)
    }

    /// Walks through a level above the lowest from some entries.
    private func walkLevel(
        _ level: Int, _ entered: Int, until end: GraphWalk.End, _ walk: inout GraphWalk
    ) throws(BelfryError) {
        var routing = routing(level)
        walk.begin()
        walk.enter(entries, count: entered, &routing, kernels, capacity: end.capacity)
        let outcome = walk.walk(&routing, kernels, links: view.links[level], degree: view.degree, until: end)
        charge(&walk)
        if case .damaged(let row) = outcome { throw damage(level, row) }
    }

    /// Goes on with the walk on the lowest level; false where it went over the budget.
    private func walkOn(_ end: GraphWalk.End) throws(BelfryError) -> Bool {
        var (routing, end) = (routing(0), end)
        if end.budget < .max { end.budget -= spent }
        let outcome = walk.walk(&routing, kernels, links: view.links[0], degree: view.degree, until: end)
        charge(&walk)
        switch outcome {
        case .done: return true
        case .overBudget: return false
        case .damaged(let row): throw damage(0, row)
        }
    }

    private func charge(_ walk: inout GraphWalk) {
        spent += walk.evaluations
        cost.rowsScanned += walk.evaluations
        cost.bytes += walk.evaluations * view.coder.shape.recordBytes + walk.expansions * view.storedDegree * 4
        (walk.evaluations, walk.expansions) = (0, 0)
    }

    private func routing(_ level: Int) -> belfry_routing {
        belfry_routing(
            records: view.records, rows: UInt64(min(view.sizes[level], view.rows)),
            lines: UInt32(view.coder.shape.lines), bits: UInt32(view.coder.shape.bits), query: query.planes,
            slope: query.slope, offset: query.offset, constant: query.constant)
    }

    private func damage(_ level: Int, _ row: Int) -> BelfryError {
        let message = "A link of row \(row) in level \(level) leads to a row that does not exist."
        guard let file = owner?.file, let links = try? file.range(of: "links") else {
            return BelfryError(.corruptData, message)
        }
        let before = view.sizes[..<level].reduce(0, +) + row
        return .corrupt(message, at: .byte(links.lowerBound + before * view.degree * 4, of: file.path))
    }

    /// The best `k` of the first `count` candidates.
    private func rerank(_ query: UnsafePointer<Float>, _ k: Int, _ count: Int) throws(BelfryError) -> [Neighbor] {
        codesQuery.prepare(query)
        try estimate(count)
        return try nearest(query, k, count)
    }

    /// Estimates the distances of the first `count` candidates from the prepared query on the codes.
    private func estimate(_ count: Int) throws(BelfryError) {
        guard codes.estimates(codesQuery, rows: candidates, count: count, into: distances) else {
            throw BelfryError(.corruptData, "The graph has more rows than the codes.", at: .init(file: codes.path))
        }
    }

    /// The best `k` of the first `count` candidates, which were estimated.
    private func nearest(_ query: UnsafePointer<Float>, _ k: Int, _ count: Int) throws(BelfryError) -> [Neighbor] {
        cost.rowsReranked += count
        cost.bytes += count * Int(codes.bytesPerVector)
        guard let reranker else { return Neighbor.nearest(candidates, distances, count, min(count, k)) }
        var best = Neighbor.nearest(candidates, distances, count, min(count, k + ExactReranker.spare(k)))
        cost.rowsRerankedExactly += try reranker.rerank(&best, codesQuery, query, k: k)
        return best
    }
}
