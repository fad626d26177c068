import Files
import Foundation
import Neighbors
import Shards
import Synchronization
import Vectors

/// The index of a segment to be measured, as a type, since the harness chooses among types.
protocol BenchedKind: Sendable { static var kind: IndexKind? { get } }
enum BenchedGraph: BenchedKind { static var kind: IndexKind? { .hnsw } }
enum BenchedLists: BenchedKind { static var kind: IndexKind? { .ivf } }
enum BenchedScan: BenchedKind { static var kind: IndexKind? { .exact } }
/// Whichever is fastest.
enum BenchedFastest: BenchedKind { static var kind: IndexKind? { nil } }

/// A segment with an index, as something to measure.
struct SegmentBenchIndex<Kind: BenchedKind>: BenchIndex {
    private let segment: SegmentIndex
    /// The base's row of each of the segment's.
    private let originals: [UInt32]
    /// Why it is this kind of index, where that was measured.
    private let reason: String?

    static func build(
        _ base: VectorFile, in directory: String, _ options: BenchBuildOptions
    ) throws(BelfryError) -> Self {
        let builder = SegmentBuilder(
            metric: options.metric, kind: Kind.kind ?? .hnsw, seed: options.seed, threads: options.threads,
            progress: options.progress)
        guard Kind.kind == nil else {
            try builder.build(try base.matrix(), in: directory)
            return try open(directory, options)
        }
        let choice = try builder.buildFastest(try base.matrix(), in: directory, recall: options.recall)
        try System.write(Data(choice.reason.utf8), to: directory + "/" + IndexRequest.reasonName)
        return try open(directory, options)
    }

    static func open(_ directory: String, _ options: BenchBuildOptions) throws(BelfryError) -> Self {
        let segment = try SegmentIndex(directory, metric: options.metric)
        let ids = try IDsReader(SegmentPaths(directory).ids)
        var originals: [UInt32] = []
        for row in 0..<segment.shard.rowCount {
            guard case .number(let number) = try ids.id(row) else {
                throw .corrupt("Row \(row) has no number.", at: .init(file: SegmentPaths(directory).ids))
            }
            originals.append(UInt32(clamping: number))
        }
        let reason = directory + "/" + IndexRequest.reasonName
        return Self(
            segment: segment, originals: originals,
            reason: System.exists(reason) ? String(decoding: try System.read(reason), as: UTF8.self) : nil)
    }

    var summary: String { segment.kind.rawValue + (reason.map { ": " + $0 } ?? "") }
    var memoryBytes: Int { Int(segment.memoryBytesPerVector * Double(segment.shard.rowCount)) }
    var diskBytes: Int { memoryBytes + segment.shard.fileBytes }

    var scan: BenchEffort? { segment.kind == .exact ? nil : Self.named(.exact) }

    func efforts(k: Int) -> [BenchEffort] { segment.efforts.map(Self.named) }

    func effort(recall target: Double, k: Int) -> BenchEffort { Self.named(segment.effort(recall: target, k: k)) }

    private static func named(_ effort: SegmentIndex.Effort) -> BenchEffort {
        switch effort {
        case .exact: BenchEffort("exact", EffortLevel([0, 0]))
        case .graph(let window): BenchEffort("window=\(window)", EffortLevel([1, UInt32(clamping: window)]))
        case .lists(let probes): BenchEffort("probes=\(probes)", EffortLevel([2, UInt32(clamping: probes)]))
        case .following(let ratio): BenchEffort("slack=\(ratio)", EffortLevel([3, ratio.bitPattern]))
        }
    }

    private static func effort(_ named: BenchEffort) -> SegmentIndex.Effort {
        switch named.level.parameters.first {
        case 1: .graph(window: Int(named.level.parameters[1]))
        case 2: .lists(probes: Int(named.level.parameters[1]))
        case 3: .following(ratio: Float(bitPattern: named.level.parameters[1]))
        default: .exact
        }
    }

    func makeSearcher(k: Int, effort: BenchEffort) -> any BenchSearcher {
        Searcher(segment.makeSearcher(), originals, k, Self.effort(effort))
    }

    func searchBatch(
        _ queries: Matrix, k: Int, effort: BenchEffort, threads: Int, into rows: UnsafeMutablePointer<UInt32>
    ) throws(BelfryError) -> BenchCost? {
        guard Self.effort(effort) != .exact else { return try scanAll(queries, k, threads, rows) }
        let failure = Mutex<BelfryError?>(nil)
        let total = Mutex(BenchCost())
        nonisolated(unsafe) let rows = rows
        let segment = segment, originals = originals
        let share = max(1, (queries.rows + threads - 1) / threads)
        WorkPool(threads: threads).forEachRange(of: queries.rows, size: share) { range, _ in
            let searcher = segment.makeSearcher()
            let mine = Matrix(rows: range.count, columns: queries.columns)
            mine.pointer.update(
                from: queries.pointer + range.lowerBound * queries.columns, count: range.count * queries.columns)
            do throws(BelfryError) {
                let answers = try searcher.search(mine, k: k, effort: Self.effort(effort))
                for (query, answer) in zip(range, answers) {
                    for index in 0..<k {
                        rows[query * k + index] = index < answer.count ? originals[Int(answer[index].row)] : Self.noRow
                    }
                }
            } catch { failure.withLock { $0 = error } }
            let cost = BenchCost(searcher.trace)
            total.withLock {
                $0 = BenchCost(evaluations: $0.evaluations + cost.evaluations, bytes: $0.bytes + cost.bytes)
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        return total.withLock { $0 }
    }

    /// All queries share one pass over the codes, as in a collection.
    private func scanAll(
        _ queries: Matrix, _ k: Int, _ threads: Int, _ rows: UnsafeMutablePointer<UInt32>
    ) throws(BelfryError) -> BenchCost {
        let search = ExactSearch(segment.shard, codes: segment.codes, metric: segment.metric)
        for (query, found) in try search.search(queries, k: k, threads: threads).enumerated() {
            for index in 0..<k {
                rows[query * k + index] = index < found.count ? originals[Int(found[index].row)] : Self.noRow
            }
        }
        let evaluations = queries.rows * segment.shard.rowCount
        return BenchCost(
            evaluations: UInt64(evaluations), bytes: UInt64(evaluations * Int(segment.codes.bytesPerVector)))
    }

    private final class Searcher: BenchSearcher {
        private let searcher: SegmentSearcher
        private let originals: [UInt32]
        private let k: Int
        private let effort: SegmentIndex.Effort

        init(_ searcher: SegmentSearcher, _ originals: [UInt32], _ k: Int, _ effort: SegmentIndex.Effort) {
            (self.searcher, self.originals, self.k, self.effort) = (searcher, originals, k, effort)
        }

        func search(
            _ query: UnsafePointer<Float>, into rows: UnsafeMutablePointer<UInt32>
        ) throws(BelfryError) -> Int {
            let found = try searcher.search(query, k: k, effort: effort)
            for (index, neighbor) in found.enumerated() { rows[index] = originals[Int(neighbor.row)] }
            return found.count
        }

        var cost: BenchCost { BenchCost(searcher.trace) }
    }
}

extension BenchCost {
    fileprivate init(_ trace: SearchTrace) {
        self.init(evaluations: UInt64(trace.evaluations), bytes: UInt64(trace.bytes))
    }
}
