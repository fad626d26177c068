import CKernels
import Files
import Shards
import Vectors

/// Searches a graph: one thread's, with all that it needs, used again from query to query.
///
/// 1. The query is placed, and quantised for the routing codes.
/// 2. The few rows of the highest level are all estimated; level by level, a short walk finds where to enter the next.
/// 3. On the lowest level the walk goes on until its window is expanded: ``GraphWalk``.
/// 4. What the pool holds is estimated again on the codes of all components.
/// 5. Where the k-th and the next are nearer to each other than the codes can tell, those rows are read from the shard.
final class GraphSearcher {
    private let view: GraphView
    private let codes: CodesReader
    private let lastWord: LastWord?
    private let kernels: belfry_routing_kernels
    private let query: RoutingCoder.Query
    private let codesQuery: CodesReader.Query
    private var walk: GraphWalk
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

    /// A searcher of a mapped graph. Without a shard the codes have the last word.
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
        lastWord = shard.map { LastWord(codes: codes, shard: $0, remembering: remembering) }
        self.owner = owner
        kernels = belfry_routing_kernels_for(InstructionSet.current.isa)!.pointee
        query = RoutingCoder.Query(view.coder)
        codesQuery = codes.makeQuery()
        walk = GraphWalk(rows: view.rows, limit: Self.limit)
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

    /// The `k` nearest rows that it finds, nearest first.
    ///
    /// - Parameter query: as many finite components as the rows have.
    /// - Throws: `corruptData` for a link to a row that does not exist, or a damaged block of the shard.
    func search(_ query: UnsafePointer<Float>, k: Int, effort: GraphEffort) throws(BelfryError) -> [Neighbor] {
        guard view.rows > 0, k > 0 else { return [] }
        try walk(query, k, effort)
        for index in 0..<walk.count { candidates[index] = GraphWalk.row(walk.pool[index]) }
        return try rerank(query, k, walk.count)
    }

    /// What a search would find, and cost, for each of `ks` at each of some growing windows, window by window.
    ///
    /// A walk always expands the nearest row that it has not expanded; the window only says when it ends. So a walk through
    /// a larger window goes on where one through a smaller window stopped.
    func search(
        _ query: UnsafePointer<Float>, ks: [Int], windows: ArraySlice<Int>
    ) throws(BelfryError) -> [(rows: [Neighbor], cost: SearchCost)] {
        guard view.rows > 0, let most = ks.max(), let widest = windows.last else {
            return windows.flatMap { _ in ks.map { _ in ([], SearchCost()) } }
        }
        cost = SearchCost()
        place(query)
        codesQuery.prepare(query)
        let capacity = min(GraphEffort(window: widest, k: most).rerank, Self.limit)
        var answers: [(rows: [Neighbor], cost: SearchCost)] = []
        for window in windows {
            try window == windows.first ? descend(window: window, capacity: capacity) : goOn(window, capacity)
            let walked = cost
            // Beyond the window the pool only remembers: what is in a smaller one are the first of a larger one.
            let all = min(walk.count, GraphEffort(window: window, k: most).rerank)
            for index in 0..<all { candidates[index] = GraphWalk.row(walk.pool[index]) }
            try estimate(all)
            for k in ks {
                cost = walked
                let count = min(walk.count, GraphEffort(window: window, k: k).rerank)
                answers.append((try settle(query, k, count), cost))
            }
            cost = walked
        }
        return answers
    }

    /// The `k` nearest rows that it finds and that are not left out; nil if there are fewer than `k` of these among the
    /// `wanted` nearest of all.
    func search(
        _ query: UnsafePointer<Float>, k: Int, among wanted: Int, effort: GraphEffort, leftOut: RowSet
    ) throws(BelfryError) -> [Neighbor]? {
        guard view.rows > 0, k > 0 else { return [] }
        precondition(leftOut.capacity >= view.rows)
        guard wanted <= Self.limit else { return nil }
        try walk(query, k, effort)
        var (admitted, early) = (0, 0)
        leftOut.words.withUnsafeBufferPointer { words in
            for index in 0..<walk.count {
                let row = GraphWalk.row(walk.pool[index])
                candidates[admitted] = row
                admitted += words[Int(row >> 6)] >> UInt64(row & 63) & 1 == 0 ? 1 : 0
                if index + 1 == min(wanted, walk.count) { early = admitted }
            }
        }
        return early < k ? nil : try rerank(query, k, admitted)
    }

    /// Fills the walk's pool with rows near the query.
    private func walk(_ query: UnsafePointer<Float>, _ k: Int, _ effort: GraphEffort) throws(BelfryError) {
        place(query)
        let capacity = min(max(effort.rerank, effort.window, k), Self.limit)
        try descend(window: min(effort.window, capacity), capacity: capacity)
    }

    private func place(_ query: UnsafePointer<Float>) {
        view.space.place(query: query, into: placed.pointer)
        view.coder.prepare(placed.pointer, into: self.query)
    }

    /// Walks from the highest level to the lowest.
    private func descend(window: Int, capacity: Int) throws(BelfryError) {
        let top = view.sizes.count - 1
        var entered = min(view.sizes[top], view.rows, Self.entryLimit)
        for index in 0..<entered { entries[index] = UInt32(index) }
        for level in view.sizes.indices.reversed() {
            let lowest = level == 0
            var routing = routing(level)
            walk.begin()
            walk.enter(entries, count: entered, &routing, kernels, capacity: lowest ? capacity : 4)
            try walk(level, &routing, window: lowest ? window : 1, capacity: lowest ? capacity : 4)
            guard !lowest else { break }
            entered = min(walk.count, 2)
            for index in 0..<entered { entries[index] = GraphWalk.row(walk.pool[index]) }
        }
    }

    /// Goes on with the walk on the lowest level.
    private func goOn(_ window: Int, _ capacity: Int) throws(BelfryError) {
        var routing = routing(0)
        try walk(0, &routing, window: window, capacity: capacity)
    }

    private func routing(_ level: Int) -> belfry_routing {
        belfry_routing(
            records: view.records, rows: UInt64(min(view.sizes[level], view.rows)),
            lines: UInt32(view.coder.shape.lines), bits: UInt32(view.coder.shape.bits), query: query.planes,
            slope: query.slope, offset: query.offset, constant: query.constant)
    }

    private func walk(
        _ level: Int, _ routing: inout belfry_routing, window: Int, capacity: Int
    ) throws(BelfryError) {
        let damaged = walk.walk(
            &routing, kernels, links: view.links[level], degree: view.degree, window: window, capacity: capacity)
        cost.rowsScanned += walk.evaluations
        cost.bytes += walk.evaluations * view.coder.shape.recordBytes + walk.expansions * view.storedDegree * 4
        (walk.evaluations, walk.expansions) = (0, 0)
        if let damaged { throw damage(level, damaged) }
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
        return try settle(query, k, count)
    }

    /// Estimates the distances of the first `count` candidates from the prepared query on the codes.
    private func estimate(_ count: Int) throws(BelfryError) {
        guard codes.estimates(codesQuery, rows: candidates, count: count, into: distances) else {
            throw BelfryError(.corruptData, "The graph has more rows than the codes.", at: .init(file: codes.path))
        }
    }

    /// The best `k` of the first `count` candidates, which were estimated.
    private func settle(_ query: UnsafePointer<Float>, _ k: Int, _ count: Int) throws(BelfryError) -> [Neighbor] {
        cost.rowsReranked += count
        cost.bytes += count * Int(codes.bytesPerVector)
        guard let lastWord else { return Neighbor.nearest(candidates, distances, count, min(count, k)) }
        var best = Neighbor.nearest(candidates, distances, count, min(count, k + LastWord.spare(k)))
        cost.rowsSettled += try lastWord.settle(&best, codesQuery, query, k: k)
        return best
    }
}
