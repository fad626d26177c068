import CKernels
import Files
import Vectors

/// Builds a navigable graph over rows on all cores, the same one for any number of threads.
///
/// 1. Rows are inserted in the order of their numbers, which is random for the first ones. The first few are linked by
///    brute force.
/// 2. The others come in batches that grow with the graph. Every row of a batch searches the graph as it was before the
///    batch, and chooses its links among what it found: all cores share a batch, and none sees another's work.
/// 3. Then the batch's links are turned round, grouped by target, and every target takes them in, choosing anew where it
///    has too many.
/// 4. The graph as it was when it had 1/32, 1/1024, … of the rows is kept: these are the upper levels of HNSW, and a
///    search descends through them.
///
/// The batches are those of ParlayANN (Manohar et al., PPoPP 2024), the levels those of HNSW (Malkov and Yashunin,
/// arXiv 1603.09320), the choice of links is Vamana's (Subramanya et al., NeurIPS 2019).
final class GraphBuilder {
    struct Options: Sendable {
        /// Links per row.
        var degree = 32
        /// How many rows a new row considers.
        var window = 100
        /// How much longer the way round may be before a link is taken all the same.
        var alpha: Float = 1.2
        /// Room for links while the graph is built: a row whose links are chosen anew is left alone until so many others
        /// have linked to it.
        var room: Int { degree + degree / 2 }
        init() {}
    }

    let options: Options
    let count: Int
    /// The levels' sizes, from all rows to the few that a search scans first.
    let levels: [Int]
    /// Room for `options.room` links per row, for every level.
    private(set) var links: [UnsafeMutablePointer<UInt32>]
    /// How many rows are in the graph.
    private(set) var inserted = 0
    /// Rows that others hang on: see ``Twins``.
    private var chained: Set<UInt32> = []

    let plan: GraphPlan
    let coder: RoutingCoder
    let records: UnsafeMutablePointer<UInt8>
    private let threads: Int
    private let workers: [Worker]

    /// Prepares the graph of a plan.
    init(_ plan: GraphPlan, options: Options, threads: Int) {
        self.plan = plan
        coder = plan.coder
        records = plan.records
        self.options = options
        self.threads = threads
        count = plan.rows.rowCount
        levels = Self.levels(count)
        links = levels.map { size in
            let links = UnsafeMutablePointer<UInt32>.allocate(capacity: max(1, size * options.room))
            links.initialize(repeating: BELFRY_NO_LINK, count: size * options.room)
            return links
        }
        workers = (0..<threads).map { _ in Worker(plan, options) }
    }

    deinit { links.forEach { $0.deallocate() } }

    /// The sizes of the levels of a graph of `count` rows: each a 32nd of the one below, the last at most 128.
    static func levels(_ count: Int) -> [Int] {
        var levels = [count]
        while levels.last! > 128 { levels.append(levels.last! / 32) }
        return levels
    }

    /// Inserts rows until `target` of them are in the graph, each with at most `options.degree` links.
    /// - Throws: what reading the rows throws.
    func insert(upTo target: Int, progress: (Int) -> Void = { _ in }) throws(BelfryError) {
        unlinkTwins()
        if inserted == 0, target > 0 { insertFirst(min(target, 256)) }
        while inserted < target {
            let largest = max(64, min(inserted / 8, count / 50))
            // A level is kept at its very size.
            let next = levels.filter { $0 > inserted }.min() ?? target
            let batch = inserted..<min(inserted + largest, next, target)
            try linkForward(batch)
            linkBackward(batch)
            inserted = batch.upperBound
            keepLevels()
            progress(inserted)
        }
        trim(0)
        linkTwins()
    }

    /// Hangs the later ones of equal rows on their first like a chain: its first link leads to the second of them, the
    /// only link of that to the third, and so on. Where the first has as many links as it may, it loses its last.
    private func linkTwins() {
        let (links, room) = (links[0], options.room)
        for (row, first) in plan.twins.later(below: inserted) {
            let ahead = links + first * room
            if chained.insert(UInt32(first)).inserted {
                for index in stride(from: options.degree - 1, to: 0, by: -1) { ahead[index] = ahead[index - 1] }
            } else {
                links[row * room] = ahead[0]
            }
            ahead[0] = UInt32(row)
        }
    }

    /// Takes the chains off, so that no insertion walks along them.
    private func unlinkTwins() {
        let (links, room) = (links[0], options.room)
        for (row, _) in plan.twins.later(below: inserted) { links[row * room] = BELFRY_NO_LINK }
        for first in chained {
            let ahead = links + Int(first) * room
            for index in 1..<room { ahead[index - 1] = ahead[index] }
            ahead[room - 1] = BELFRY_NO_LINK
        }
        chained = []
    }

    /// Chooses the links anew of all rows of a level that have too many.
    private func trim(_ level: Int) {
        let (links, room) = (links[level], options.room)
        nonisolated(unsafe) let (workers, table) = (workers, links)
        WorkPool(threads: threads).forEachRange(of: min(levels[level], inserted), size: 256) { range, worker in
            for row in range { workers[worker].trim(row, table + row * room) }
        }
    }

    /// Links the first rows by looking at all pairs.
    private func insertFirst(_ first: Int) {
        let (links, room) = (links[0], options.room)
        for row in 0..<first where !plan.twins.isLater(row) {
            workers[0].choose(row, among: 0..<first, into: links + row * room)
        }
        inserted = first
        for level in levels.indices.dropFirst() where levels[level] <= first {
            // A small level has no graph of its own that is worth keeping: its rows are linked among themselves.
            for row in 0..<levels[level] where !plan.twins.isLater(row) {
                workers[0].choose(row, among: 0..<levels[level], into: self.links[level] + row * room)
            }
        }
    }

    private func keepLevels() {
        for level in levels.indices.dropFirst() where levels[level] == inserted && inserted > 256 {
            links[level].update(from: links[0], count: inserted * options.room)
            trim(level)
        }
    }

    // MARK: a batch

    private func linkForward(_ batch: Range<Int>) throws(BelfryError) {
        nonisolated(unsafe) let this = self
        let size = Worker.batch
        try WorkPool(threads: threads).run((batch.count + size - 1) / size, "build") { worker in
            while worker.one({ piece throws(BelfryError) in
                let first = batch.lowerBound + piece * size
                try this.workers[worker.number].insert(first..<min(first + size, batch.upperBound), into: this)
            }) {}
        }
    }

    private func linkBackward(_ batch: Range<Int>) {
        let (links, room) = (links[0], options.room)
        // The batch's links by target, in the order of their sources: a counting sort.
        var starts = [UInt32](repeating: 0, count: batch.lowerBound + 1)
        for row in batch {
            for target in Self.linked(links + row * room, room) { starts[Int(target) + 1] += 1 }
        }
        var targets: [UInt32] = []
        for target in 0..<batch.lowerBound {
            if starts[target + 1] > 0 { targets.append(UInt32(target)) }
            starts[target + 1] += starts[target]
        }
        var sources = [UInt32](repeating: 0, count: Int(starts[batch.lowerBound]))
        var next = starts
        for row in batch {
            for target in Self.linked(links + row * room, room) {
                sources[Int(next[Int(target)])] = UInt32(row)
                next[Int(target)] += 1
            }
        }
        nonisolated(unsafe) let workers = workers
        nonisolated(unsafe) let table = links
        sources.withUnsafeBufferPointer { sources in
            starts.withUnsafeBufferPointer { starts in
                nonisolated(unsafe) let sources = sources
                nonisolated(unsafe) let starts = starts
                let targets = targets
                WorkPool(threads: threads).forEachRange(of: targets.count, size: 64) { range, worker in
                    for index in range {
                        let target = Int(targets[index])
                        let new = UnsafeBufferPointer(
                            rebasing: sources[Int(starts[target])..<Int(starts[target + 1])])
                        workers[worker].add(new, to: target, table + target * room)
                    }
                }
            }
        }
    }

    /// The links of one row.
    static func linked(_ links: UnsafePointer<UInt32>, _ room: Int) -> UnsafeBufferPointer<UInt32> {
        var count = 0
        while count < room, links[count] != BELFRY_NO_LINK { count += 1 }
        return UnsafeBufferPointer(start: links, count: count)
    }

    /// Walks down to the rows nearest to `query`, on the graph as it is now.
    func search(_ query: RoutingCoder.Query, _ walk: inout GraphWalk, window: Int) {
        let kernels = belfry_routing_kernels_for(InstructionSet.current.isa)!.pointee
        var routing = belfry_routing(
            records: records, rows: UInt64(inserted), lines: UInt32(coder.shape.lines), bits: UInt32(coder.shape.bits),
            query: query.planes, slope: query.slope, offset: query.offset, constant: query.constant)
        var entries: [UInt32] = Array(0..<UInt32(min(levels.last!, inserted)))
        for level in levels.indices.dropFirst().reversed() where levels[level] <= inserted {
            routing.rows = UInt64(levels[level])
            walk.begin()
            entries.withUnsafeBufferPointer {
                walk.enter($0.baseAddress!, count: $0.count, &routing, kernels, capacity: 8)
            }
            _ = walk.walk(
                &routing, kernels, links: links[level], degree: options.room, until: .init(window: 4, capacity: 8))
            entries = (0..<min(4, walk.count)).map { GraphWalk.row(walk.pool[$0]) }
        }
        routing.rows = UInt64(inserted)
        walk.begin()
        entries.withUnsafeBufferPointer {
            walk.enter($0.baseAddress!, count: $0.count, &routing, kernels, capacity: window)
        }
        _ = walk.walk(
            &routing, kernels, links: links[0], degree: options.room, until: .init(window: window, capacity: window))
    }
}
