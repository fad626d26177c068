import CKernels
package import Files
package import Shards
package import Vectors

/// Searches lists: one query at a time, or several that share passes over the lists. One searcher per thread.
///
/// 1. The query is placed (see ``ListsFormat``) and rounded to 8 bits.
/// 2. The centroids' codes give the base of every list; the nearest lists are taken in order.
/// 3. Each list is scanned 16 rows abreast. Rows whose estimate is below that of the `rerank`-th best so far go to the
///    pool; a filter is asked about them only.
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
    private let lastWord: LastWord?
    private let one: ListsQuery
    /// What all searches so far have cost.
    package var cost = SearchCost()
    /// Ask the kernel for all lists of a query before the first of them is scanned: for files that are larger than
    /// memory, where a page that is not there costs more than the request for it.
    package var readsAhead = false {
        didSet { lists.expect(randomReads: readsAhead) }
    }

    /// A searcher over lists whose rows, in their order, are those of `codes` and of `shard`.
    package init(
        _ lists: ListsReader, codes: CodesReader, shard: ShardReader? = nil,
        instructionSet: InstructionSet = .current
    ) {
        precondition(codes.rowCount == lists.rowCount && shard?.rowCount ?? lists.rowCount == lists.rowCount)
        (self.lists, self.codes) = (lists, codes)
        lastWord = shard.map { LastWord(codes: codes, shard: $0) }
        kernels = belfry_lists_kernels_for(instructionSet.isa)!
        query = codes.makeQuery()
        one = ListsQuery(lists, kernels)
        scratch = .allocate(capacity: ListsQuery.scratch(lists.format))
    }

    deinit {
        scratch.deallocate()
    }

    /// The `k` nearest rows that were found, nearest first.
    ///
    /// - Parameters:
    ///   - query: A component for each of the lists' dimension.
    ///   - keeping: Only these rows are returned. Lists are scanned beyond the effort's until four times as many of these
    ///     rows were seen as are looked at again, or all of them.
    ///   - excluding: These rows are not returned.
    /// - Throws: `corruptData` with the place of a damaged block of the shard; `invalidInput` for a row set of another
    ///   number of rows.
    package func search(
        _ query: UnsafePointer<Float>, k: Int, effort: ListsEffort, keeping: RowSet? = nil, excluding: RowSet? = nil
    ) throws(BelfryError) -> [Neighbor] {
        precondition(k >= 0)
        let filter = try ListsFilter(keeping: keeping, excluding: excluding, lists)
        guard k > 0, lists.rowCount > 0 else { return [] }
        let plan = self.plan(k, effort, filter)
        one.start(query, keep: plan.keep, wanted: plan.ranked, scratch)
        if readsAhead { lists.readAhead(one.order, min(plan.probes, one.found)) }
        filter.withBits { bits in probe(one, from: 0, plan, filter, bits) }
        one.finish()
        return try rerank(one, query, k)
    }

    /// What an effort comes to.
    struct Plan {
        /// Candidates kept, lists scanned whatever they hold, lists that may be scanned.
        var keep, probes, ranked: Int
        /// With a filter: how many of the rows that it lets through are to be seen.
        var seen: Int
    }

    func plan(_ k: Int, _ effort: ListsEffort, _ filter: ListsFilter) -> Plan {
        let keep = min(max(effort.rerank, k), lists.rowCount)
        let probes = min(effort.probes, lists.listCount)
        guard let left = filter.admitted else { return Plan(keep: keep, probes: probes, ranked: probes, seen: 0) }
        return Plan(keep: keep, probes: probes, ranked: lists.listCount, seen: min(left, 4 * keep))
    }

    /// Scans a query's lists from the one at place `from` of its order on.
    func probe(
        _ query: ListsQuery, from: Int, _ plan: Plan, _ filter: ListsFilter,
        _ bits: UnsafePointer<belfry_row_filter>?
    ) {
        let (order, found, lists) = (query.order, query.found, lists)
        var (place, rows, blocks, seen) = (from, 0, 0, 0)
        while place < found, place < plan.probes || seen < plan.seen {
            let list = Int(order[place])
            place += 1
            query.scan(list, next: place < found ? Int(order[place]) : nil, bits)
            let (first, end) = lists.rows(of: list)
            rows += end - first
            blocks += ListsFormat.blocks(end - first)
            if plan.seen > 0 { seen += filter.count(first, end) }
        }
        charge(lists: place - from, rows: rows, blocks: blocks)
    }

    func charge(lists probed: Int, rows: Int, blocks: Int, cells: Int = 1) {
        let format = lists.format
        cost.lists += probed
        cost.rowsScanned += rows
        cost.bytes += blocks * format.rowBlockBytes
        cost.bytes += cells * ListsFormat.blocks(format.listCount) * format.cellBlockBytes
    }
}

// MARK: the candidates

extension ListsSearcher {
    /// The best `k` of a query's pool.
    func rerank(_ found: ListsQuery, _ query: UnsafePointer<Float>, _ k: Int) throws(BelfryError) -> [Neighbor] {
        let count = found.pool.pointee.count
        guard count > 0, let rows = found.pool.pointee.rows else { return [] }
        cost.rowsReranked += count
        self.query.prepare(query)
        guard codes.estimates(self.query, rows: rows, count: count, into: found.distances) else {
            throw .corrupt("The lists name a row that has no code.", at: .init(file: lists.path))
        }
        guard let lastWord else { return Neighbor.nearest(rows, found.distances, count, min(k, count)) }
        var best = Neighbor.nearest(rows, found.distances, count, min(k + LastWord.spare(k), count))
        cost.rowsSettled += try lastWord.settle(&best, self.query, query, k: k)
        return best
    }
}
