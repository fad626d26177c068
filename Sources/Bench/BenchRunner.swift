import Dispatch
import Files
import Foundation
import Synchronization
import Vectors

/// Searches for all queries at one effort, again and again, and keeps the time.
///
/// Searchers and room for the answers are made before the clock starts. With several threads each has a share of the
/// queries and a searcher of its own. Not to be shared between threads itself.
final class BenchRunner {
    /// How queries are handed to the index.
    enum Mode {
        /// One after another, by each thread.
        case single
        /// All in one call.
        case batch
    }

    let effort: BenchEffort
    /// `k` row numbers per query: the answers of the last pass.
    let rows: UnsafeMutableBufferPointer<UInt32>
    /// Queries per second of each round.
    private(set) var rates: [Double] = []
    /// How many times as long each round took by the clock as the searching threads worked; empty where that is not known.
    private(set) var waits: [Double] = []
    /// Nanoseconds of every single search in all rounds.
    private(set) var latencies: [UInt64] = []
    /// What the first pass cost, over all queries.
    private(set) var cost: BenchCost?

    private let index: any BenchIndex
    let queries: Matrix
    private let k: Int
    private let threads: Int
    private let mode: Mode
    private let searchers: [any BenchSearcher]
    private let nanoseconds: UnsafeMutableBufferPointer<UInt64>
    /// Nanoseconds by the clock and of work, over all threads, since the round began.
    private let spent = Mutex((wall: UInt64(0), work: UInt64(0)))

    /// A round passes over the queries until this much time is over: a shorter one measures the machine's moods.
    private static let roundNanoseconds: UInt64 = 200_000_000

    init(
        _ index: any BenchIndex, _ queries: Matrix, k: Int, effort: BenchEffort, threads: Int, mode: Mode
    ) throws(BelfryError) {
        (self.index, self.queries, self.k, self.effort) = (index, queries, k, effort)
        (self.threads, self.mode) = (threads, mode)
        var searchers: [any BenchSearcher] = []
        if mode == .single {
            for _ in 0..<threads { searchers.append(try index.makeSearcher(k: k, effort: effort)) }
        }
        self.searchers = searchers
        rows = .allocate(capacity: queries.rows * k)
        rows.initialize(repeating: .max)
        nanoseconds = .allocate(capacity: queries.rows)
        nanoseconds.initialize(repeating: 0)
    }

    deinit {
        rows.deallocate()
        nanoseconds.deallocate()
    }

    /// One pass without a clock: it leaves the answers in `rows`, knows the cost, and warms the caches.
    func warmUp() throws(BelfryError) {
        _ = try pass()
        guard mode == .single else { return }
        cost = searchers.reduce(into: BenchCost()) { sum, searcher in
            sum.evaluations += searcher.cost.evaluations
            sum.bytes += searcher.cost.bytes
        }
    }

    /// One round: at least one pass over the queries.
    func round() throws(BelfryError) {
        var (passes, time) = (0, UInt64(0))
        spent.withLock { $0 = (0, 0) }
        repeat {
            time += try pass()
            passes += 1
            if mode == .single { latencies += nanoseconds }
        } while time < Self.roundNanoseconds
        rates.append(Double(passes * queries.rows) / (Double(max(time, 1)) / 1e9))
        let spent = spent.withLock { $0 }
        if spent.work > 0 { waits.append(Double(spent.wall) / Double(spent.work)) }
    }

    /// Searches for every query once and returns the nanoseconds from the first to the last.
    private func pass() throws(BelfryError) -> UInt64 {
        guard mode == .single else {
            let (start, work) = (DispatchTime.now().uptimeNanoseconds, Self.threadWork)
            cost = try index.searchBatch(queries, k: k, effort: effort, threads: threads, into: rows.baseAddress!)
            let time = DispatchTime.now().uptimeNanoseconds - start
            // Several threads wait for each other, too.
            if threads == 1 { add(time, Self.threadWork - work) }
            return time
        }
        let failure = Mutex<BelfryError?>(nil)
        let share = (queries.rows + threads - 1) / threads
        let count = queries.rows
        nonisolated(unsafe) let runner = self
        @Sendable func work(thread: Int) {
            let (start, work) = (DispatchTime.now().uptimeNanoseconds, Self.threadWork)
            do throws(BelfryError) {
                try runner.search(min(thread * share, count)..<min((thread + 1) * share, count), thread)
                runner.add(DispatchTime.now().uptimeNanoseconds - start, Self.threadWork - work)
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        let start = DispatchTime.now().uptimeNanoseconds
        if threads == 1 {
            work(thread: 0)
        } else {
            DispatchQueue.concurrentPerform(iterations: threads, execute: work)
        }
        let time = DispatchTime.now().uptimeNanoseconds - start
        if let failure = failure.withLock({ $0 }) { throw failure }
        return time
    }

    private func add(_ wall: UInt64, _ work: UInt64) {
        spent.withLock { $0 = ($0.wall + wall, $0.work + work) }
    }

    /// Nanoseconds for which the processor has worked on this thread.
    private static var threadWork: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private func search(_ share: Range<Int>, _ thread: Int) throws(BelfryError) {
        let (searcher, k, dimension) = (searchers[thread], k, queries.columns)
        let (query, rows, nanoseconds) = (queries.pointer, rows.baseAddress!, nanoseconds.baseAddress!)
        var before = DispatchTime.now().uptimeNanoseconds
        for index in share {
            let target = rows + index * k
            let found = try searcher.search(query + index * dimension, into: target)
            if found < k { (target + found).update(repeating: .max, count: k - found) }
            // One look at the clock per query: the end of one search is the beginning of the next.
            let now = DispatchTime.now().uptimeNanoseconds
            nanoseconds[index] = now - before
            before = now
        }
    }
}
