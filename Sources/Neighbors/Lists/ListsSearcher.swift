import CKernels
package import Files
package import Shards
package import Vectors

/// The plane of codes that candidates are looked at again on.
package typealias ListsCodes = PlainCodes

/// Searches lists: one query at a time, one searcher per thread.
///
/// 1. The query is placed, and rounded to 8 bits with one step for all components.
/// 2. The centroids' codes give the base of every list; the nearest lists are taken in order.
/// 3. Each list is scanned 16 rows abreast. Rows whose estimate is below that of the `rerank`-th best so far go to the
///    pool; a filter is asked about them only.
/// 4. What is left in the pool gets its distance from the shared codes, and the best `k` are the answer; with a shard, a
///    few more than `k` get their exact distance from there first.
///
/// It allocates when an effort is larger than any before, and for the answer.
package final class ListsSearcher {
    private let lists: ListsReader
    private let codes: ListsCodes
    private let shard: ShardReader?
    private let kernels: UnsafePointer<belfry_lists_kernels>
    private let exact: DistanceKernel
    private let scratch = ShardReader.Scratch()
    /// What all searches so far have cost.
    package private(set) var cost = SearchCost()

    private let placed: UnsafeMutablePointer<Float>
    private let components: UnsafeMutablePointer<Int8>
    private let bases: UnsafeMutablePointer<Float>
    private let order: UnsafeMutablePointer<UInt32>
    private let words: UnsafeMutablePointer<UInt32>
    private let row: UnsafeMutableBufferPointer<Float>
    private var pool = belfry_pool()
    private var distances = UnsafeMutablePointer<Float>.allocate(capacity: 0)

    /// A searcher over lists whose rows, in their order, are those of `codes` and of `shard`.
    package init(
        _ lists: ListsReader, codes: ListsCodes, shard: ShardReader? = nil,
        instructionSet: InstructionSet = .current
    ) {
        (self.lists, self.codes, self.shard) = (lists, codes, shard)
        kernels = belfry_lists_kernels_for(instructionSet.isa)!
        exact = DistanceKernel(metric: lists.metric, instructionSet: instructionSet)
        let format = lists.format
        placed = .allocate(capacity: format.dimension)
        components = .allocate(capacity: format.rowLines * 8)
        let room = (ListsFormat.blocks(format.listCount) + 1) * ListsFormat.blockRows
        bases = .allocate(capacity: room)
        order = .allocate(capacity: room)
        words = .allocate(capacity: 2 * room)
        row = .allocate(capacity: shard == nil ? 0 : format.dimension)
    }

    deinit {
        placed.deallocate()
        components.deallocate()
        bases.deallocate()
        order.deallocate()
        words.deallocate()
        row.deallocate()
        distances.deallocate()
        pool.estimates?.deallocate()
        pool.rows?.deallocate()
    }

    /// The `k` nearest rows that were found, nearest first.
    ///
    /// - Parameters:
    ///   - query: A component for each of the lists' dimension.
    ///   - keeping: Only these rows are returned. Lists are scanned on until enough of them were seen.
    ///   - excluding: These rows are not returned.
    /// - Throws: `corruptData` with the place of a damaged block of the shard; `invalidInput` for a row set of another
    ///   number of rows.
    package func search(
        _ query: UnsafePointer<Float>, k: Int, effort: ListsEffort, keeping: RowSet? = nil, excluding: RowSet? = nil
    ) throws(BelfryError) -> [Neighbor] {
        precondition(k >= 0)
        try check(keeping)
        try check(excluding)
        guard k > 0, lists.rowCount > 0 else { return [] }
        let keep = min(max(effort.rerank, k), lists.rowCount)
        reserve(keep)
        pool.count = 0
        pool.keep = keep
        pool.limit = .infinity
        let (ofCells, ofRows) = prepare(query)
        withBits(keeping, excluding) { filter in
            scan(ofCells, ofRows, effort, keeping, filter)
        }
        belfry_pool_cut(kernels, &pool)
        return try rerank(query, k)
    }

    private func check(_ set: RowSet?) throws(BelfryError) {
        guard let set, set.capacity != lists.rowCount else { return }
        throw BelfryError(
            .invalidInput, "The row set is of \(set.capacity) rows; the lists have \(lists.rowCount).",
            at: .init(file: lists.path), remedy: "Make the set for this segment.")
    }

    private func reserve(_ keep: Int) {
        let capacity = 3 * keep + 256
        guard capacity > pool.capacity else { return }
        pool.estimates?.deallocate()
        pool.rows?.deallocate()
        distances.deallocate()
        pool.estimates = .allocate(capacity: capacity)
        pool.rows = .allocate(capacity: capacity)
        distances = .allocate(capacity: capacity)
        pool.capacity = capacity
    }
}

// MARK: the scan

extension ListsSearcher {
    /// Places and rounds the query, for the blocks of centroids and for those of rows.
    private func prepare(_ query: UnsafePointer<Float>) -> (cells: belfry_block_query, rows: belfry_block_query) {
        let format = lists.format
        let d = format.dimension
        lists.mean.withUnsafeBufferPointer { mean in
            format.metric.place(query: query, mean: mean.baseAddress!, dimension: d, into: placed)
        }
        var largest: Float = 0
        for i in 0..<d { largest = max(largest, abs(placed[i])) }
        let step = largest / 127
        let factor = step > 0 && step.isFinite ? 1 / step : 0
        var sum: Int32 = 0
        for i in 0..<d {
            let whole = max(-127, min(127, (placed[i] * factor).rounded()))
            components[i] = whole == whole ? Int8(whole) : 0
            sum += Int32(components[i])
        }
        for i in d..<format.rowLines * 8 { components[i] = 0 }
        let cells = belfry_block_query(
            components: components, lines: format.cellLines, start: -(255 * sum / 2), scale: -2 * step)
        let rows = belfry_block_query(
            components: components, lines: format.rowLines, start: -(15 * sum / 2),
            scale: -2 * step * format.scaleUnit / format.biasUnit)
        return (cells, rows)
    }

    /// Fills the pool.
    private func scan(
        _ ofCells: belfry_block_query, _ ofRows: belfry_block_query, _ effort: ListsEffort, _ keeping: RowSet?,
        _ filter: UnsafePointer<belfry_row_filter>?
    ) {
        var (ofCells, ofRows) = (ofCells, ofRows)
        let format = lists.format
        let (kernels, blocks, bases, order) = (kernels.pointee, lists.blocks, bases, order)
        kernels.estimates8(&ofCells, lists.cells, format.listCount, bases)
        let planned = min(effort.probes, format.listCount)
        let wanted = keeping == nil ? planned : format.listCount
        let found = belfry_least_first(self.kernels, bases, format.listCount, wanted, order, words)
        let unit = 1 / format.biasUnit
        let bytes = format.rowBlockBytes
        var (probed, rows, scannedBlocks) = (0, 0, 0)
        lists.starts.withUnsafeBufferPointer { starts in
            lists.blockStarts.withUnsafeBufferPointer { blockStarts in
                while probed < found {
                    let list = Int(order[probed])
                    let first = starts[list]
                    let count = starts[list + 1] - first
                    probed += 1
                    let ahead = probed < found ? blocks + blockStarts[Int(order[probed])] * bytes : nil
                    kernels.scan4(
                        &ofRows, blocks + blockStarts[list] * bytes, count, UInt32(first), bases[list] * unit, filter,
                        ahead, &pool)
                    rows += count
                    scannedBlocks += blockStarts[list + 1] - blockStarts[list]
                    if probed == planned, keeping == nil { break }
                }
            }
        }
        cost.lists += probed
        cost.rowsScanned += rows
        cost.bytes += scannedBlocks * bytes + ListsFormat.blocks(format.listCount) * format.cellBlockBytes
    }

    /// Gives the bits of the row sets, if there are any, to `body`.
    private func withBits(
        _ keeping: RowSet?, _ excluding: RowSet?, _ body: (UnsafePointer<belfry_row_filter>?) -> Void
    ) {
        if keeping == nil && excluding == nil { return body(nil) }
        (keeping?.words ?? []).withUnsafeBufferPointer { keep in
            (excluding?.words ?? []).withUnsafeBufferPointer { drop in
                var filter = belfry_row_filter(
                    keep: keeping == nil ? nil : keep.baseAddress, drop: excluding == nil ? nil : drop.baseAddress)
                body(&filter)
            }
        }
    }
}

// MARK: the candidates

extension ListsSearcher {
    /// The best `k` of the pool.
    private func rerank(_ query: UnsafePointer<Float>, _ k: Int) throws(BelfryError) -> [Neighbor] {
        let count = pool.count
        guard count > 0, let rows = pool.rows else { return [] }
        cost.rowsReranked += count
        codes.estimates(codes.prepare(query), rows: rows, count: count, into: distances)
        let wanted = shard == nil ? k : k + k / 4 + 8
        var best = nearest(rows, count, min(wanted, count))
        if let shard {
            let prepared = exact.prepare(query, dimension: lists.dimension)
            for index in best.indices {
                try shard.copyRow(Int(best[index].row), into: row, scratch)
                best[index].distance = exact.distance(to: prepared, row: row.baseAddress!)
            }
            best.removeAll { $0.distance.isNaN }
            best.sort()
            if best.count > k { best.removeLast(best.count - k) }
        }
        return best
    }

    /// The `wanted` nearest of the candidates, whose distances are known.
    private func nearest(_ rows: UnsafePointer<UInt32>, _ count: Int, _ wanted: Int) -> [Neighbor] {
        let distances = distances
        return [Neighbor](unsafeUninitializedCapacity: wanted) { best, found in
            // An insertion sort: nearly all candidates fail at the first comparison.
            for index in 0..<count where !distances[index].isNaN {
                let new = Neighbor(row: rows[index], distance: distances[index])
                if found == wanted {
                    guard new < best[found - 1] else { continue }
                    found -= 1
                }
                var hole = found
                while hole > 0, new < best[hole - 1] {
                    best[hole] = best[hole - 1]
                    hole -= 1
                }
                best[hole] = new
                found += 1
            }
        }
    }
}
