package import Vectors

/// The rows that a memtable had at one moment, and the nearest of them, without approximation.
///
/// 1. What the filter keeps is counted within the view.
/// 2. Where there are many rows for few answers, one pass over the codes leaves the few rows of each query that bounds
///    cannot tell apart, and those are compared in f32: `MemtableView+Codes.swift`.
/// 3. Otherwise, or where the bounds leave too many, the rows themselves are compared: `MemtableView+Rows.swift`.
/// 4. Where a filter leaves few rows, only those are looked at, in either way.
///
/// All ways give the same answer, as `ExactSearch` does: within one instruction set the distances are, to the bit, those
/// of `DistanceKernel`, and of two rows at the same distance the smaller one comes first. A row with a NaN has no
/// distance and is never returned. Any number of threads may use one view, or several of the same table.
package struct MemtableView: Sendable {
    /// Whose rows they are.
    package let memtable: Memtable
    /// How many there are: rows `0..<count`.
    package let count: Int

    /// The first `count` rows, which must have been published.
    init(_ memtable: Memtable, _ count: Int) {
        self.memtable = memtable
        self.count = count
    }

    /// The components of one row, as they were appended.
    package func row(_ index: Int) -> [Float] {
        precondition(index >= 0 && index < count, "row \(index) of \(count)")
        let chunk = memtable.layout.chunk(of: index)
        return withExtendedLifetime(memtable.chunk(chunk)) {
            let place = index - memtable.layout.first(chunk)
            let start = $0.rows + place * memtable.dimension
            return Array(UnsafeBufferPointer(start: start, count: memtable.dimension))
        }
    }

    /// The number that the owner has given a row.
    package func tag(_ index: Int) -> UInt32 {
        precondition(index >= 0 && index < count, "row \(index) of \(count)")
        let chunk = memtable.layout.chunk(of: index)
        return withExtendedLifetime(memtable.chunk(chunk)) { $0.tags[index - memtable.layout.first(chunk)] }
    }

    /// The `k` nearest rows to each query, nearest first, fewer if there are fewer. All queries share one pass, on this
    /// thread.
    ///
    /// - Parameters:
    ///   - queries: A query per row, of the table's dimension.
    ///   - filter: Which rows may be returned; nil for all. It may be of fewer rows than the view has, and then keeps
    ///     none of the others, or of more.
    package func search(_ queries: Matrix, k: Int, filter: RowFilter? = nil) -> [[Neighbor]] {
        precondition(k >= 0)
        guard queries.rows > 0 else { return [] }
        precondition(queries.columns == memtable.dimension, "queries of the table's dimension")
        let filter = filter.flatMap { RowFilter(of: count, keeping: $0.rows) }
        let left = filter?.count ?? count
        let wanted = min(k, left)
        guard wanted > 0 else { return [[Neighbor]](repeating: [], count: queries.rows) }
        return nearest(queries, wanted, filter, left).map(\.sorted)
    }

    /// The search for one query.
    package func search(_ query: [Float], k: Int, filter: RowFilter? = nil) -> [Neighbor] {
        search(Matrix([query]), k: k, filter: filter)[0]
    }

    /// Chooses the way. `filter` keeps `left` rows, all of this view.
    private func nearest(_ queries: Matrix, _ k: Int, _ filter: RowFilter?, _ left: Int) -> [TopK] {
        let pieces = pieces
        // A row by itself costs about twice its share of all rows, and a listed code four times its share.
        let listed = left <= count / 4 ? filter?.listed : nil
        guard let code = memtable.code, left >= Self.fewestByCodes, k <= left / 16 else {
            if let listed { return compare(queries, k, listed, in: pieces) }
            return compare(queries, k, pieces, filter)
        }
        // With that many left, comparing all of them costs no more.
        let prepared = (0..<queries.rows).map { index in
            let query = ByteCode.Query(
                dimension: code.dimension, metric: code.metric, instructionSet: code.instructionSet)
            query.prepare(queries.pointer + index * queries.columns)
            return query
        }
        let empty = Candidates(k, most: max(16 * k, left / 4))
        var scan = CodesScan(code, prepared, listed == nil ? filter : nil, empty)
        for piece in pieces {
            if let listed {
                scan.look(at: piece, listed: listed)
            } else {
                scan.look(at: piece)
            }
        }
        return scan.candidates.enumerated().map { index, candidates in
            let query = queries.prefix(index + 1).suffix(1)
            guard let survivors = candidates.survivors else {
                if let listed { return compare(query, k, listed, in: pieces)[0] }
                return compare(query, k, pieces, filter)[0]
            }
            let prepared = memtable.kernel.prepare(query.pointer, dimension: query.columns)
            return TopK(k, nearestOf: survivors) { distance(to: prepared, Int($0), in: pieces) }
        }
    }

    /// Below this many rows, preparing a query for the codes costs more than they save.
    private static let fewestByCodes = 512
}
