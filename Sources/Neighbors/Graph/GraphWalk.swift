import CKernels
import Vectors

/// The best-first walk through a graph: what one thread needs for it, used again from query to query.
///
/// 1. The pool holds the nearest rows seen so far, sorted, at most `capacity` of them; each is marked once it is expanded.
/// 2. The nearest row of the pool that is not expanded yet is expanded: its links are asked whether they were seen, the
///    records of the new ones are fetched ahead, and all are estimated in one call.
/// 3. What is nearer than the pool's last enters. The walk ends when the first `window` of the pool are all expanded.
///
/// The window is how far the walk looks; what is beyond it, up to the capacity, was seen on the way and costs nothing
/// more: it is there for the rerank. (The split buffer of Intel's Scalable Vector Search.)
///
/// A walk that follows the query has no window, but a ``Slack``: it ends at a row that is too far beyond the nearest
/// that it has seen.
struct GraphWalk: ~Copyable {
    /// Distance (as an ordered integer) in the upper half; row and, in the lowest bit, whether it is expanded.
    typealias Entry = UInt64

    /// The pool, nearest first.
    let pool: UnsafeMutablePointer<Entry>
    private(set) var count = 0
    let limit: Int
    /// Rows that were estimated since this was last set to zero.
    var evaluations = 0
    /// Rows that were expanded since this was last set to zero.
    var expansions = 0

    /// How many of the pool's first rows were expanded one after another when the last walk ended.
    private(set) var cursor = 0

    private let rows: Int
    private let visited: UnsafeMutablePointer<UInt64>
    private let words: Int
    /// The rows whose bits are set, as long as they are few.
    private let seen: UnsafeMutablePointer<UInt32>
    private var seenCount = 0
    private let near: UnsafeMutablePointer<UInt32>
    private let distances: UnsafeMutablePointer<Float>
    private static let seenLimit = 1 << 14
    private static let degreeLimit = 256

    /// Room for walks over `rows` rows with pools of up to `limit`.
    init(rows: Int, limit: Int) {
        self.rows = rows
        self.limit = limit
        words = (rows + 63) / 64
        pool = .allocate(capacity: limit + 1)
        visited = .allocate(capacity: words)
        visited.initialize(repeating: 0, count: words)
        seen = .allocate(capacity: Self.seenLimit + Self.degreeLimit)
        near = .allocate(capacity: Self.degreeLimit + 16)
        distances = .allocate(capacity: Self.degreeLimit + 16)
    }

    deinit {
        pool.deallocate()
        visited.deallocate()
        seen.deallocate()
        near.deallocate()
        distances.deallocate()
    }

    /// The row of a pool entry.
    @inline(__always)
    static func row(_ entry: Entry) -> UInt32 { UInt32(truncatingIfNeeded: entry) >> 1 }

    /// The estimated distance of a pool entry.
    @inline(__always)
    static func distance(_ entry: Entry) -> Float {
        let ordered = UInt32(entry >> 32)
        return Float(bitPattern: ordered >> 31 == 1 ? ordered & 0x7fff_ffff : ~ordered)
    }

    @inline(__always)
    private static func entry(_ distance: Float, _ row: UInt32) -> Entry {
        let bits = distance.bitPattern
        let ordered = bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits
        return Entry(ordered) << 32 | Entry(row << 1)
    }

    /// Forgets the walk before.
    mutating func begin() {
        if seenCount > Self.seenLimit {
            visited.update(repeating: 0, count: words)
        } else {
            for index in 0..<seenCount { visited[Int(seen[index] >> 6)] = 0 }
        }
        seenCount = 0
        count = 0
    }

    /// Starts from `rows`, all below the number of rows and none of them twice.
    mutating func enter(
        _ rows: UnsafePointer<UInt32>, count entered: Int, _ routing: inout belfry_routing,
        _ kernels: belfry_routing_kernels, capacity: Int
    ) {
        var done = 0
        while done < entered {
            let batch = min(entered - done, Self.degreeLimit)
            kernels.estimates(&routing, rows + done, batch, distances)
            for index in 0..<batch {
                let row = rows[done + index]
                visited[Int(row >> 6)] |= 1 << UInt64(row & 63)
                note(row)
                insert(Self.entry(distances[index], row), capacity: capacity)
            }
            done += batch
        }
        evaluations += entered
    }

    /// Takes those of `rows` out that were seen already. Returns how many are left, at the front.
    func unseen(_ rows: UnsafeMutablePointer<UInt32>, count: Int) -> Int {
        var left = 0
        for index in 0..<count {
            let row = rows[index]
            rows[left] = row
            left += visited[Int(row >> 6)] >> UInt64(row & 63) & 1 == 0 ? 1 : 0
        }
        return left
    }

    private mutating func note(_ row: UInt32) {
        guard seenCount <= Self.seenLimit else { return }
        seen[seenCount] = row
        seenCount += 1
    }

    /// Puts an entry in its place. Returns the place, or `capacity` if it is beyond.
    @inline(__always)
    @discardableResult
    private mutating func insert(_ entry: Entry, capacity: Int) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) >> 1
            if pool[middle] < entry { low = middle + 1 } else { high = middle }
        }
        guard low < capacity else { return capacity }
        let moved = min(count, capacity - 1) - low
        (pool + low + 1).update(from: pool + low, count: moved)
        pool[low] = entry
        count = min(count + 1, capacity)
        return low
    }

    /// When a walk ends.
    struct End {
        /// When so many of the nearest rows are expanded.
        var window: Int
        /// The most rows that the pool holds.
        var capacity: Int
        /// When the next row is this many times as far as that of the rank; infinity for a walk of a fixed window.
        var ratio = Float.infinity
        var rank = 1
        /// The pool keeps rows up to so many times as far as that of the rank, which a longer walk may want, and this many
        /// rows however far they are.
        var keptRatio = Float.infinity
        var kept = 0
        /// When so many rows were estimated: to look at all of them would cost less then.
        var budget = Int.max
    }

    /// Why a walk ended.
    enum Outcome {
        case done
        case overBudget
        /// A link of this row leads to a row that does not exist.
        case damaged(Int)
    }

    /// Walks from what has entered.
    ///
    /// - Parameters:
    ///   - routing: its `rows` are those that have links.
    ///   - links: `degree` rows per node, in the order of rows, ended by `BELFRY_NO_LINK` where they are fewer.
    mutating func walk(
        _ routing: inout belfry_routing, _ kernels: belfry_routing_kernels, links: UnsafePointer<UInt32>, degree: Int,
        until end: End
    ) -> Outcome {
        let pool = pool, near = near, distances = distances, visited = visited
        let expand = kernels.expand!
        let capacity = end.capacity, follows = end.ratio < .infinity
        var cursor = 0
        defer { self.cursor = cursor }
        while cursor < min(end.window, count) {
            let entry = pool[cursor]
            guard entry & 1 == 0 else {
                cursor += 1
                continue
            }
            var threshold = count < capacity ? Float.infinity : Self.distance(pool[count - 1])
            if follows, count >= end.rank {
                // An estimate may be a little below nothing.
                let reference = max(0, Self.distance(pool[end.rank - 1]))
                if Self.distance(entry) > end.ratio * reference { break }
                if evaluations > end.budget { return .overBudget }
                // What is farther than that will never be expanded, since the reference only comes nearer.
                if count >= end.kept {
                    let farthest = end.keptRatio * reference
                    while count > end.kept, Self.distance(pool[count - 1]) > farthest { count -= 1 }
                    threshold = min(threshold, max(farthest, Self.distance(pool[end.kept - 1])))
                }
            }
            pool[cursor] = entry | 1
            let row = Int(Self.row(entry))
            expansions += 1
            if cursor + 1 < count {
                belfry_prefetch(links + Int(Self.row(pool[cursor + 1])) * degree, degree * 4)
            }
            var fresh = 0
            let into = seenCount <= Self.seenLimit ? seen + seenCount : seen + Self.seenLimit
            let found = expand(
                &routing, links + row * degree, degree, visited, threshold, into, &fresh, near, distances)
            guard found >= 0 else {
                seenCount = Self.seenLimit + 1
                return .damaged(row)
            }
            if seenCount <= Self.seenLimit { seenCount += fresh }
            evaluations += fresh
            var lowest = cursor + 1
            for index in 0..<found {
                let place = insert(Self.entry(distances[index], near[index]), capacity: capacity)
                if place < lowest { lowest = place }
            }
            cursor = lowest
            if cursor < count { belfry_prefetch(links + Int(Self.row(pool[cursor])) * degree, degree * 4) }
        }
        return .done
    }
}
