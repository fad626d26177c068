import CKernels
import Foundation
import Vectors

/// One query on its way through the lists, with memory that the next one uses again.
///
/// `start` places and rounds it and puts the lists into order, `scan` offers the rows of a list to the pool, `finish`
/// leaves the best candidates in it. All memory is reached through pointers that are taken once.
final class ListsQuery {
    private typealias Scan =
        @convention(c) (
            UnsafePointer<belfry_block_query>?, UnsafePointer<UInt8>?, Int, UInt32, Float,
            UnsafePointer<UInt8>?, UnsafeMutablePointer<belfry_pool>?
        ) -> Void

    /// How many lists are in `order`.
    private(set) var found = 0
    /// The nearest lists, nearest first.
    let order: UnsafeMutablePointer<UInt32>
    /// The candidates.
    let pool = UnsafeMutablePointer<belfry_pool>.allocate(capacity: 1)
    /// What ``show()`` has copied of them.
    let shown = UnsafeMutablePointer<belfry_pool>.allocate(capacity: 1)
    private var shownRoom = 0
    /// Room for a distance for each candidate.
    private(set) var distances = UnsafeMutablePointer<Float>.allocate(capacity: 0)
    /// Candidates that a filter lets through.
    private(set) var kept = UnsafeMutablePointer<UInt32>.allocate(capacity: 0)
    /// For how many candidates there is memory.
    private var room = 0
    /// The squared length of the placed query, less the mean: what the estimates of distances lack.
    private var square: Float = 0
    /// Where candidates are put into order.
    private var best = UnsafeMutablePointer<UInt32>.allocate(capacity: 0)
    private var bestScratch = UnsafeMutablePointer<UInt32>.allocate(capacity: 0)

    private let lists: ListsReader
    private let kernels: UnsafePointer<belfry_lists_kernels>
    private let placed: UnsafeMutablePointer<Float>
    private let components: UnsafeMutablePointer<Int8>
    private let rounding = belfry_rounding_kernels_for(InstructionSet.current.isa)!.pointee
    private let bases: UnsafeMutablePointer<Float>
    private let ofRows = UnsafeMutablePointer<belfry_block_query>.allocate(capacity: 1)
    private let scanRows: Scan
    private let lines: ListLines

    init(_ lists: ListsReader, _ kernels: UnsafePointer<belfry_lists_kernels>) {
        (self.lists, self.kernels) = (lists, kernels)
        let format = lists.format
        placed = .allocate(capacity: format.dimension + 1)
        components = .allocate(capacity: format.rowLines * 8)
        let room = Self.room(format)
        bases = .allocate(capacity: room)
        order = .allocate(capacity: room)
        pool.initialize(to: belfry_pool())
        shown.initialize(to: belfry_pool())
        ofRows.initialize(to: belfry_block_query())
        scanRows = kernels.pointee.scan4
        lines = ListLines(lists)
    }

    deinit {
        placed.deallocate()
        components.deallocate()
        bases.deallocate()
        order.deallocate()
        distances.deallocate()
        kept.deallocate()
        best.deallocate()
        bestScratch.deallocate()
        pool.pointee.estimates?.deallocate()
        pool.pointee.rows?.deallocate()
        pool.deallocate()
        shown.pointee.estimates?.deallocate()
        shown.pointee.rows?.deallocate()
        shown.deallocate()
        ofRows.deallocate()
    }

    private static func room(_ format: ListsFormat) -> Int { (ListsFormat.blocks(format.listCount) + 1) * 16 }

    /// 4-byte words of scratch that `start` needs.
    static func scratch(_ format: ListsFormat) -> Int { 2 * room(format) }

    /// Takes a query, of which `keep` candidates are wanted, and ranks the `wanted` nearest lists.
    func start(_ query: UnsafePointer<Float>, keep: Int, wanted: Int, _ scratch: UnsafeMutablePointer<UInt32>) {
        reserve(keep)
        (pool.pointee.count, pool.pointee.keep, pool.pointee.limit) = (0, keep, .infinity)
        let format = lists.format
        var ofCells = round(query)
        kernels.pointee.estimates8(&ofCells, lists.cells, format.listCount, bases)
        rank(wanted, scratch)
    }

    /// Puts the `wanted` nearest lists into order.
    private func rank(_ wanted: Int, _ scratch: UnsafeMutablePointer<UInt32>) {
        found = belfry_least_first(kernels, bases, lists.format.listCount, wanted, order, scratch)
    }

    /// How many of the nearest lists are within a slack of the nearest candidates: see the same for a distance.
    func listsWithin(_ slack: Slack, beyond done: Int, _ scratch: UnsafeMutablePointer<UInt32>) -> Int {
        listsWithin(reference(slack.rank).map { slack.ratio * $0 }, beyond: done, scratch)
    }

    /// How many of the nearest lists are within a distance, of which the first `done` are known to be. Without a distance, all
    /// lists are. So many are in `order` then.
    func listsWithin(_ limit: Float?, beyond done: Int, _ scratch: UnsafeMutablePointer<UInt32>) -> Int {
        let all = lists.listCount
        guard let limit else {
            if found < all { rank(all, scratch) }
            return found
        }
        var within = done
        while true {
            while within < found, bases[Int(order[within])] + square <= limit { within += 1 }
            guard within == found, found < all else { return within }
            let before = found
            rank(min(8 * found, all), scratch)
            guard found > before else { return within }
        }
    }

    /// The distance of the candidate of a rank; nil where there are too few.
    func reference(_ rank: Int) -> Float? {
        let count = pool.pointee.count
        guard count >= rank, let estimates = pool.pointee.estimates,
            belfry_least_first(kernels, estimates, count, rank, best, bestScratch) == rank
        else { return nil }
        return estimates[Int(best[rank - 1])] * lists.format.biasUnit + square
    }

    /// Offers the rows of a list to the pool. `next` is what will be scanned after it: its codes are asked for.
    @inline(__always)
    func scan(_ list: Int, next: Int?) {
        let lines = lines
        let first = lines.starts[list]
        // Beyond f32 only where rows are as far apart as its numbers: then every estimate is as good as another.
        let largest = Float.greatestFiniteMagnitude
        let base = max(-largest, min(largest, bases[list] * lines.unit))
        scanRows(
            ofRows, lines.block(list), Int(lines.starts[list + 1] - first), first, base,
            next.map { lines.block($0) }, pool)
    }

    /// Leaves the best candidates, about `keep` of them, in the pool.
    func finish() { belfry_pool_cut(kernels, pool) }

    /// Copies the best candidates, about as many as the pool is to keep, to ``shown``: scanning goes on in the pool.
    func show() {
        let (count, capacity) = (pool.pointee.count, pool.pointee.capacity)
        if shownRoom < capacity {
            shownRoom = capacity
            shown.pointee.estimates?.deallocate()
            shown.pointee.rows?.deallocate()
            shown.pointee.estimates = .allocate(capacity: capacity)
            shown.pointee.rows = .allocate(capacity: capacity)
        }
        let (estimates, rows) = (shown.pointee.estimates, shown.pointee.rows)
        shown.pointee = pool.pointee
        (shown.pointee.estimates, shown.pointee.rows) = (estimates, rows)
        estimates?.update(from: pool.pointee.estimates, count: count)
        rows?.update(from: pool.pointee.rows, count: count)
        belfry_pool_cut(kernels, shown)
    }

    /// Leaves only the best of what is shown, about `keep` of them.
    func cutShown(to keep: Int) {
        shown.pointee.keep = keep
        belfry_pool_cut(kernels, shown)
    }

    /// Leaves only the best of the pool, about `keep` of them.
    func cut(to keep: Int) {
        pool.pointee.keep = keep
        belfry_pool_cut(kernels, pool)
    }

    /// Writes those rows of the pool that the filter keeps to `kept`, and returns how many they are.
    func compactKept(by filter: RowFilter) -> Int {
        let (count, kept) = (pool.pointee.count, kept)
        guard count > 0, let rows = pool.pointee.rows else { return 0 }
        return filter.rows.words.withUnsafeBufferPointer { words in
            var found = 0
            for index in 0..<count {
                let row = rows[index]
                kept[found] = row
                found += Int(words[Int(row >> 6)] >> UInt64(row & 63) & 1)
            }
            return found
        }
    }

    /// The row of the pool with the best estimate.
    var bestRow: UInt32? {
        guard let estimates = pool.pointee.estimates, let rows = pool.pointee.rows, pool.pointee.count > 0 else {
            return nil
        }
        var place = 0
        for index in 1..<pool.pointee.count where estimates[index] < estimates[place] { place = index }
        return rows[place]
    }

    /// How many rows of the pool the filter keeps.
    func countKept(by filter: RowFilter) -> Int {
        (0..<pool.pointee.count).count { filter.keeps(Int(pool.pointee.rows[$0])) }
    }

    private func reserve(_ keep: Int) {
        let capacity = 3 * keep + 256
        // Not all the room that there is: when the pool is cut decides what enters, and must not depend on the queries
        // before.
        pool.pointee.capacity = capacity
        guard capacity > room else { return }
        room = capacity
        pool.pointee.estimates?.deallocate()
        pool.pointee.rows?.deallocate()
        distances.deallocate()
        kept.deallocate()
        kept = .allocate(capacity: capacity)
        best.deallocate()
        bestScratch.deallocate()
        best = .allocate(capacity: capacity + 16)
        bestScratch = .allocate(capacity: 2 * (capacity + 16))
        pool.pointee.estimates = .allocate(capacity: capacity)
        pool.pointee.rows = .allocate(capacity: capacity)
        distances = .allocate(capacity: capacity)
    }

    /// Places the query and rounds it to 8 bits, with one step for all components.
    private func round(_ query: UnsafePointer<Float>) -> belfry_block_query {
        let format = lists.format
        let (d, placed, components) = (format.dimension, placed, components)
        // The component that ip adds is 0 for a query, and is left out.
        let space = Space(metric: format.metric, dimension: d, largestSquare: format.largestSquare)
        space.place(query: query, into: placed)
        space.lengthen(query: placed)
        let extent = rounding.center(placed, lists.mean, d, placed)
        square = Space.square(placed, d)
        let step = extent.largest / 127
        let factor = step > 0 && step.isFinite ? 1 / step : 0
        let sum = rounding.round(placed, factor, 0, d, components)
        for i in d..<format.rowLines * 8 { components[i] = 0 }
        ofRows.pointee = belfry_block_query(
            components: components, lines: format.rowLines, start: -(15 * sum / 2),
            // Also finite, so that a wild estimate still is one.
            scale: max(-0x1p70, -2 * step * (format.scaleUnit / format.biasUnit)))
        return belfry_block_query(
            components: components, lines: format.cellLines, start: -(255 * sum / 2), scale: -2 * step)
    }
}

/// Where the rows and the blocks of every list lie. Valid while the reader is alive.
struct ListLines {
    /// What an estimated base is to be multiplied with for the unit of the biases.
    let unit: Float
    /// The first row of each list, and behind them the number of rows.
    let starts: UnsafePointer<UInt32>
    private let blockStarts: UnsafePointer<UInt32>
    private let blocks: UnsafePointer<UInt8>
    private let blockBytes: Int

    init(_ lists: ListsReader) {
        unit = 1 / lists.format.biasUnit
        (starts, blockStarts) = (UnsafePointer(lists.starts), UnsafePointer(lists.blockStarts))
        (blocks, blockBytes) = (lists.blocks, lists.format.rowBlockBytes)
    }

    /// The first block of a list.
    @inline(__always)
    func block(_ list: Int) -> UnsafePointer<UInt8> { blocks + Int(blockStarts[list]) * blockBytes }
}
