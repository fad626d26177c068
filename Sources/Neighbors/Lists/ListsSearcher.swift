import CKernels
package import Files
package import Shards
package import Vectors

/// Searches lists: one query at a time, or several that share passes over the lists. One searcher per thread.
///
/// 1. The query is placed (see ``ListsFormat``) and rounded to 8 bits.
/// 2. The centroids' codes give the base of every list; the nearest lists are taken in order.
/// 3. Each list is scanned 16 rows abreast. Rows whose estimate is below that of the `rerank`-th best so far go to the
///    pool.
/// 4. What is left in the pool gets its distance from the shared codes, and the best `k` are the answer; with a shard, a
///    few more than `k` get their exact distance from there first.
///
/// It allocates when an effort is larger than any before, and for the answer. It does not look at the query's
/// components (`VectorCheck` does).
package final class ListsSearcher {
    let lists: ListsReader
    let kernels: UnsafePointer<belfry_lists_kernels>
    let scratch: UnsafeMutablePointer<UInt32>
    private let codes: CodesReader
    private let query: CodesReader.Query
    let reranker: ExactReranker?
    let one: ListsQuery
    /// What all searches so far have cost.
    package var cost = SearchCost()
    /// The distance of the nearest row that the last search with a filter has met, whether the filter keeps it or not.
    private(set) var nearestOfAll = Float.infinity
    /// How many of the first rows of that search the filter keeps.
    private(set) var keptOfFirst = 0
    /// Ask the kernel for all lists of a query before the first of them is scanned, and for the codes of all candidates
    /// before the first is looked at again: for files that are larger than memory, where a page that is not there costs
    /// more than the request for it.
    package var readsAhead = false {
        didSet {
            // Not so codes and shard: a scan goes through them in order.
            lists.expect(randomReads: readsAhead)
            reranker?.readsAhead = readsAhead
        }
    }

    /// A searcher over lists whose rows, in their order, are those of `codes` and of `shard`.
    package convenience init(
        _ lists: ListsReader, codes: CodesReader, shard: ShardReader? = nil,
        instructionSet: InstructionSet = .current
    ) {
        self.init(lists, codes: codes, shard: shard, remembering: nil, instructionSet: instructionSet)
    }

    /// The same for a calibration.
    init(
        _ lists: ListsReader, codes: CodesReader, shard: ShardReader?, remembering: TrueDistances?,
        instructionSet: InstructionSet = .current
    ) {
        precondition(codes.rowCount == lists.rowCount && shard?.rowCount ?? lists.rowCount == lists.rowCount)
        (self.lists, self.codes) = (lists, codes)
        reranker = shard.map { ExactReranker(codes: codes, shard: $0, remembering: remembering) }
        kernels = belfry_lists_kernels_for(instructionSet.isa)!
        query = codes.makeQuery()
        one = ListsQuery(lists, kernels)
        scratch = .allocate(capacity: ListsQuery.scratch(lists.format))
    }

    deinit {
        scratch.deallocate()
    }

    /// The `k` nearest rows that were found, nearest first.
    /// - Parameter query: A component for each of the lists' dimension.
    /// - Throws: `corruptData` with the place of a damaged block of the shard.
    package func search(
        _ query: UnsafePointer<Float>, k: Int, effort: ListsEffort
    ) throws(BelfryError) -> [Neighbor] {
        precondition(k >= 0)
        guard k > 0, lists.rowCount > 0 else { return [] }
        let probed = probe(query, effort, keep: k)
        if effort.slack != nil { one.cut(to: min(rerank(probed, k), lists.rowCount)) }
        return try rerank(one, one.pool.pointee.rows, one.pool.pointee.count, query, k)
    }

    /// How many candidates are looked at again after so many lists.
    func rerank(_ probes: Int, _ k: Int) -> Int {
        max(ListsEffort(probes: probes, lists: lists.listCount, k: k).rerank, k)
    }

    /// The `k` nearest rows that were found and that the filter keeps, of the `wanted` nearest of all; nil if there are fewer
    /// than `k` of these among the first `within`.
    func search(
        _ query: UnsafePointer<Float>, k: Int, among wanted: Int, within: Int, effort: ListsEffort, filter: RowFilter
    ) throws(BelfryError) -> [Neighbor]? {
        guard k > 0, lists.rowCount > 0 else { return [] }
        precondition(filter.rows.capacity == lists.rowCount)
        probe(query, effort, keep: wanted)
        nearestOfAll = try nearest(one, query)
        let kept = one.compactKept(by: filter)
        one.cut(to: within)
        // What is left of the pool tells how near those are that were kept.
        keptOfFirst = one.countKept(by: filter)
        return keptOfFirst < k ? nil : try rerank(one, one.kept, kept, query, k)
    }

    /// The distance of the row with the best estimate in a query's pool.
    private func nearest(_ found: ListsQuery, _ query: UnsafePointer<Float>) throws(BelfryError) -> Float {
        guard var best = found.bestRow else { return .infinity }
        self.query.prepare(query)
        var distance = Float.infinity
        guard codes.estimates(self.query, rows: &best, count: 1, into: &distance) else {
            throw .corrupt("The lists name a row that has no code.", at: .init(file: lists.path))
        }
        return distance
    }

    /// Fills the pool with the best of the nearest lists, at least `keep` of them if there are as many. Returns how many
    /// lists were scanned.
    @discardableResult
    private func probe(_ query: UnsafePointer<Float>, _ effort: ListsEffort, keep: Int) -> Int {
        let keep = min(max(effort.rerank, keep), lists.rowCount)
        let probes = min(effort.slack == nil ? effort.probes : Self.ranked, lists.listCount)
        one.start(query, keep: keep, wanted: probes, scratch)
        guard let slack = effort.slack else {
            if readsAhead { lists.readAhead(one.order, min(probes, one.found)) }
            probe(one, 0..<min(one.found, probes))
            one.finish()
            return probes
        }
        let probed = follow(one, slack)
        one.finish()
        return probed
    }

    /// So many lists are put into order at first where nobody knows how many will be scanned.
    static let ranked = 64
    /// So many are scanned before it looks how near the rows are.
    static let first = 2

    /// Scans lists, nearest first, until the next one is too far beyond the nearest rows that were found, or the limit
    /// is reached. Looks again when twice as many lists are scanned.
    private func follow(_ query: ListsQuery, _ slack: Slack) -> Int {
        var (done, wanted) = (0, min(Self.first, query.found))
        let before = cost.rowsScanned
        while true {
            if readsAhead { lists.readAhead(query.order + done, wanted - done) }
            probe(query, done..<wanted)
            done = wanted
            guard done < lists.listCount, done > 0, cost.rowsScanned - before < slack.limit else { break }
            let within = query.listsWithin(slack, beyond: done, scratch)
            guard within > done else { break }
            wanted = min(within, 2 * done)
        }
        return done
    }

    /// Scans lists by their places in a query's order.
    func probe(_ query: ListsQuery, _ places: Range<Int>) {
        let (order, lists) = (query.order, lists)
        var (rows, blocks) = (0, 0)
        for place in places {
            let list = Int(order[place])
            query.scan(list, next: place + 1 < places.upperBound ? Int(order[place + 1]) : nil)
            let (first, end) = lists.rows(of: list)
            rows += end - first
            blocks += ListsFormat.blocks(end - first)
        }
        charge(lists: places.count, rows: rows, blocks: blocks, cells: places.lowerBound == 0 ? 1 : 0)
    }

    func charge(lists probed: Int, rows: Int, blocks: Int, cells: Int = 1) {
        let format = lists.format
        cost.lists += probed
        cost.rowsScanned += rows + cells * format.listCount
        cost.bytes += blocks * format.rowBlockBytes
        cost.bytes += cells * ListsFormat.blocks(format.listCount) * format.cellBlockBytes
    }
}

// MARK: the candidates

extension ListsSearcher {
    /// The best `k` of some rows of a query's pool.
    func rerank(
        _ found: ListsQuery, _ rows: UnsafePointer<UInt32>?, _ count: Int, _ query: UnsafePointer<Float>, _ k: Int
    ) throws(BelfryError) -> [Neighbor] {
        guard count > 0, let rows else { return [] }
        cost.rowsReranked += count
        cost.bytes += count * Int(codes.bytesPerVector)
        if readsAhead { codes.readAhead(rows, count) }
        self.query.prepare(query)
        guard codes.estimates(self.query, rows: rows, count: count, into: found.distances) else {
            throw .corrupt("The lists name a row that has no code.", at: .init(file: lists.path))
        }
        guard let reranker else { return Neighbor.nearest(rows, found.distances, count, min(k, count)) }
        var best = Neighbor.nearest(rows, found.distances, count, min(k + ExactReranker.spare(k), count))
        cost.rowsRerankedExactly += try reranker.rerank(&best, self.query, query, k: k)
        return best
    }
}
