import ArgumentParser
import Files
import Foundation
import Neighbors
import Vectors

/// Filtered search at a recall target: random filters, and filters that know where the query is.
@main
struct FilterBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure filtered search: recall, and time beside a scan of what the filter lets through.",
        discussion: """
            swift run --package-path Benchmarks -c release FilterBenchmark base.npy query.npy --metric l2 --index hnsw

            Filters let a share of the rows through: any rows ("random"), those nearest to the query ("near"), or those
            farthest from it ("far"). Recall counts distances up to the true k-th. Times are means over the queries, the
            index and the scan in turns; the range is that of the rounds.
            """)

    @Argument(help: "A file of vectors, one per row.") var base: String
    @Argument(help: "A file of queries.") var queries: String
    @Option(help: "l2, ip or cosine.") var metric: Metric = .l2
    @Option(help: "hnsw or ivf.") var index: IndexKind = .hnsw
    @Option(help: "The recall target.") var recall = 0.95
    @Option(name: .short, help: "How many neighbours.") var k = 10
    @Option(help: "How many queries.") var count = 200
    @Option(help: "How often the queries are asked.") var rounds = 5
    @Option(help: "The seed of the random filters.") var seed: UInt64 = 1

    func run() throws {
        let folder = NSTemporaryDirectory() + "belfry-filter-\(getpid())"
        try System.createDirectory(folder)
        defer { try? System.remove(folder) }
        let rows = try VectorFile(base).matrix()
        try SegmentBuilder(metric: metric, kind: index, threads: 2).build(rows, in: folder)
        let segment = try SegmentIndex(folder, metric: metric)
        let file = try VectorFile(queries)
        let asked = try file.matrix(0..<min(count, file.rows))
        let orders = try orders(of: asked, segment)
        print("\(base): \(rows.rows) × \(rows.columns) \(metric.rawValue), \(index.rawValue), recall \(recall), k \(k)")
        print("filter       share   recall    µs      scan µs  index/scan")
        var random = Seeded(state: seed)
        for share in [0.5, 0.1, 0.01, 0.001] {
            let size = Int(share * Double(rows.rows))
            let some = RowSet(
                (0..<rows.rows).filter { _ in Double.random(in: 0..<1, using: &random) < share }, capacity: rows.rows)
            for kind in ["random", "near", "far"] {
                let filters = orders.map { order in
                    switch kind {
                    case "near": RowSet(order.prefix(size), capacity: rows.rows)
                    case "far": RowSet(order.suffix(size), capacity: rows.rows)
                    default: some
                    }
                }
                try measure(
                    "\(kind)".padding(toLength: 10, withPad: " ", startingAt: 0), share, segment, asked, filters)
            }
        }
    }

    /// All rows from the nearest to the farthest, for each query.
    private func orders(of queries: Matrix, _ segment: SegmentIndex) throws -> [[Int]] {
        let exact = ExactSearch(segment.shard, metric: metric)
        return try (0..<queries.rows).map {
            try exact.search(queries[$0], k: segment.shard.rowCount).map { Int($0.row) }
        }
    }

    private func measure(
        _ name: String, _ share: Double, _ segment: SegmentIndex, _ queries: Matrix, _ filters: [RowSet]
    ) throws {
        let (searcher, kernel) = (segment.makeSearcher(), DistanceKernel(metric: metric))
        func search(_ query: Int, _ recall: Double) throws -> [Neighbor] {
            try searcher.search(
                queries.pointer + query * queries.columns, k: k, recall: recall, filter: RowFilter(filters[query]))
        }
        var found = 0.0
        for query in 0..<queries.rows {
            let pointer = queries.pointer + query * queries.columns
            let prepared = kernel.prepare(pointer, dimension: queries.columns)
            func distances(_ rows: [Neighbor]) throws -> [Float] {
                try rows.map { neighbor in
                    let row = try segment.shard.row(Int(neighbor.row))
                    return row.withUnsafeBufferPointer { kernel.distance(to: prepared, row: $0.baseAddress!) }
                }
            }
            let truth = try distances(search(query, 1)).max() ?? .infinity
            let near = try distances(search(query, recall))
            found += near.isEmpty ? 1 : Double(near.count { $0 <= truth }) / Double(min(k, filters[query].count))
        }
        var (times, scans): ([Double], [Double]) = ([], [])
        for _ in 0..<rounds {
            for target in [recall, 1] {
                let start = ContinuousClock.now
                for query in 0..<queries.rows { _ = try search(query, target) }
                let micros = (ContinuousClock.now - start) / .microseconds(1) / Double(queries.rows)
                if target < 1 { times.append(micros) } else { scans.append(micros) }
            }
        }
        let ratios = zip(times, scans).map { $0 / $1 }.sorted()
        func text(_ value: Double, _ format: String) -> String { String(format: format, value) }
        print(
            name, text(share * 100, "%5.1f %%"), text(found / Double(queries.rows), "%.4f"),
            text(times.sorted()[rounds / 2], "%8.1f"), text(scans.sorted()[rounds / 2], "%8.1f"),
            text(ratios[rounds / 2], "  %.2f"), text(ratios[0], "(%.2f") + text(ratios[rounds - 1], "–%.2f)"))
    }
}

/// A small generator whose numbers follow from its seed.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

extension Metric: @retroactive ExpressibleByArgument {}
extension IndexKind: @retroactive ExpressibleByArgument {}
