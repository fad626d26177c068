import ArgumentParser
import CReadSum
import Files
import Foundation
import Shards

@testable import Neighbors
@testable import Vectors

/// Exact search by codes against the bandwidth of reading them; estimates of scattered rows; batches.
@main
struct CodesBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure codes: scans against read-only sums, gathers, batches.",
        discussion: """
            swift run --package-path Benchmarks -c release -Xswiftc -enable-testing \
                CodesBenchmark base.npy query.npy --metric l2
            """)

    @Argument(help: "An npy file of f32 vectors, one per row.") var base: String
    @Argument(help: "An npy file of f32 queries.") var queries: String
    @Option(help: "l2, ip or cosine.") var metric: Metric = .l2
    @Option(name: .short, help: "How many neighbours.") var k = 10
    @Option(help: "How often each part is measured; what is compared alternates.") var rounds = 41
    @Option(help: "Queries in a batch.") var batch = 256

    func run() throws {
        let folder = NSTemporaryDirectory() + "belfry-codes-\(getpid())"
        try System.createDirectory(folder)
        defer { try? System.remove(folder) }
        let (rows, queries) = (try Self.read(base), try Self.read(queries))
        let writer = try ShardWriter(folder + "/vectors", dimension: rows.columns, elementType: .f32, threads: 2)
        try writer.append(rows)
        try writer.finish()
        var rates: [String] = []
        for threads in [1, 2] {
            let seconds = try Self.seconds {
                let writer = try CodesWriter(
                    folder + "/codes", dimension: rows.columns, metric: metric, threads: threads)
                try writer.append(rows)
                try writer.finish()
            }
            rates.append(String(format: "%.0f", Double(rows.rows) / seconds))
        }
        let (shard, codes) = (try ShardReader(folder + "/vectors"), try CodesReader(folder + "/codes"))
        print("\(rows.rows) × \(rows.columns) \(metric), \(InstructionSet.current), k \(k), \(rounds) rounds")
        print(
            "codes: \(codes.bytesPerVector) B a row; written with 1 and 2 threads: \(rates.joined(separator: ", ")) rows/s"
        )
        try scans(shard, codes, queries)
        gathers(codes, queries)
        try batches(shard, codes, queries)
    }

    /// One query at a time.
    private func scans(_ shard: ShardReader, _ codes: CodesReader, _ queries: Matrix) throws {
        let search = ExactSearch(shard, codes: codes, metric: metric)
        let bytes = codes.rowCount * codes.code.recordSize
        let query = codes.makeQuery()
        let hits = UnsafeMutablePointer<ByteCode.Hit>.allocate(capacity: codes.rowCount)
        defer { hits.deallocate() }
        var (sums, kernels, searches, survivors) = ([Double](), [Double](), [Double](), [Double]())
        var check: UInt64 = 0
        // Every page of the shard is mapped before anything is timed.
        _ = try ExactSearch(shard, metric: metric).search(queries[0], k: k)
        for round in 0..<rounds + 2 {
            let vector = queries[round % queries.rows]
            query.prepare(vector)
            let all = codes.code.scan(
                query, codes.records, first: 0, count: codes.rowCount, limit: .infinity, into: hits)
            let found = UnsafeBufferPointer(start: hits, count: all)
            let limit = found.map(\.upper).sorted()[k - 1]
            let left = found.count { !($0.lower > limit) }
            let sum = Self.seconds { check &+= read_sum(codes.records, bytes) }
            let kernel = Self.seconds {
                _ = codes.code.scan(
                    query, codes.records, first: 0, count: codes.rowCount, limit: limit, into: hits)
            }
            let whole = try Self.seconds { _ = try search.search(vector, k: k) }
            // The first rounds bring the codes into memory.
            guard round >= 2 else { continue }
            sums.append(sum)
            kernels.append(kernel)
            searches.append(whole)
            survivors.append(Double(left))
        }
        let speed = Double(bytes) / 1e9
        print("read-only sum   \(Self.spread(sums.map { speed / $0 })) GB/s (\(check % 10))")
        print("scan of codes   \(Self.spread(kernels.map { speed / $0 })) GB/s")
        print(
            "exact search    \(Self.spread(searches.map { speed / $0 })) GB/s, \(Self.spread(searches.map { 1 / $0 })) queries/s"
        )
        print("scan / sum      \(Self.spread(zip(kernels, sums).map { $1 / $0 }))")
        print("search / sum    \(Self.spread(zip(searches, sums).map { $1 / $0 }))")
        print("survivors       \(Self.spread(survivors)) rows, read from the shard")
    }

    /// Scattered rows, 32 at a time, as a graph search asks for them.
    private func gathers(_ codes: CodesReader, _ queries: Matrix) {
        let query = codes.makeQuery()
        query.prepare(queries[0])
        var out = [Float](repeating: 0, count: 32)
        var random = SystemRandomNumberGenerator()
        for (name, megabytes) in [("in 0.5 MB", 0.5), ("in 12 MB", 12.0), ("in all rows", .infinity)] {
            let among = Int(min(Double(codes.rowCount), megabytes * 1e6 / codes.bytesPerVector))
            let ids = (0..<1 << 16).map { _ in UInt32.random(in: 0..<UInt32(among), using: &random) }
            var times: [Double] = []
            for _ in 0..<rounds {
                let seconds = Self.seconds {
                    ids.withUnsafeBufferPointer { ids in
                        for first in stride(from: 0, to: ids.count, by: 32) {
                            _ = codes.estimates(query, rows: ids.baseAddress! + first, count: 32, into: &out)
                        }
                    }
                }
                times.append(seconds / Double(ids.count) * 1e9)
            }
            print(
                "gather \(name)".padding(toLength: 24, withPad: " ", startingAt: 0) + "\(Self.spread(times)) ns a row")
        }
    }

    /// Many queries at once, and the same without codes.
    private func batches(_ shard: ShardReader, _ codes: CodesReader, _ queries: Matrix) throws {
        let some = Matrix((0..<min(batch, queries.rows)).map { queries[$0] })
        let few = Matrix((0..<min(16, queries.rows)).map { queries[$0] })
        let search = ExactSearch(shard, codes: codes, metric: metric)
        let plain = ExactSearch(shard, metric: metric)
        var (one, two, scan): ([Double], [Double], [Double]) = ([], [], [])
        for _ in 0..<max(3, rounds / 8) {
            one.append(Double(some.rows) / (try Self.seconds { _ = try search.search(some, k: k) }))
            two.append(Double(some.rows) / (try Self.seconds { _ = try search.search(some, k: k, threads: 2) }))
            scan.append(Double(few.rows) / (try Self.seconds { _ = try plain.search(few, k: k) }))
        }
        print("batch of \(some.rows)    \(Self.spread(one)) queries/s, with 2 threads \(Self.spread(two))")
        print("f32, batch of \(few.rows) \(Self.spread(scan)) queries/s")
        let same = try search.search(few, k: k) == plain.search(few, k: k)
        print(same ? "same answers, to the bit" : "DIFFERENT ANSWERS")
    }

    // MARK: tools

    private static func read(_ path: String) throws -> Matrix {
        let array = try NpyArray(path)
        let matrix = Matrix(rows: array.rows, columns: array.columns)
        for row in 0..<matrix.rows {
            _ = matrix.row(row).update(fromContentsOf: array.floats(row * matrix.columns..<(row + 1) * matrix.columns))
        }
        return matrix
    }

    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    /// The median, with the quartiles.
    private static func spread(_ values: [Double]) -> String {
        let sorted = values.sorted()
        func at(_ share: Double) -> String {
            let value = sorted[Int(share * Double(sorted.count - 1))]
            return value < 100 ? String(format: "%.2f", value) : String(format: "%.0f", value)
        }
        return "\(at(0.5)) (\(at(0.25))–\(at(0.75)))"
    }
}

extension Metric: @retroactive ExpressibleByArgument {}
