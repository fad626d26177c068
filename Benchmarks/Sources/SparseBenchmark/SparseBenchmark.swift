import ArgumentParser
import Files
import Foundation
import Shards
import Vectors

@testable import Neighbors

/// Sparse search: made-up rows of Zipf-distributed terms, written, indexed and searched exactly.
@main
struct SparseBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the inverted index of sparse vectors.",
        discussion: """
            swift build --package-path Benchmarks -c release -Xswiftc -enable-testing --product SparseBenchmark
            Benchmarks/.build/release/SparseBenchmark --rows 1000000

            A row has distinct terms drawn by Zipf's law from the vocabulary. A weight is exponentially distributed, times
            ln(N / df) of its term with --weights idf. A query has some terms of one row and draws the others as a row does.
            Times are the thread's processor time. --dump writes rows and queries as raw arrays, which compare_sparse.py reads.
            """)

    @Option(help: "How many rows.") var rows = 1_000_000
    @Option(help: "Terms of a row.") var length = 120
    @Option(help: "Terms of a query.") var queryLength = 40
    @Option(help: "How many of them are those of one row.") var related = 0
    @Option(help: "How many terms there are.") var vocabulary = 30_522
    @Option(help: "flat or idf.") var weights = "idf"
    @Option(help: "How many queries.") var queries = 200
    @Option(help: "How often they are asked.") var rounds = 3
    @Option(name: .short, help: "How many neighbors.") var k = 10
    @Option(help: "Rows of the memtable.") var memtable = 20_000
    @Option(help: "A folder for the arrays.") var dump: String?
    @Option(help: "A folder for the files, which are used again if they are there.") var folder: String?
    @Option(help: "The seed.") var seed: UInt64 = 1

    func run() throws {
        let folder = self.folder ?? NSTemporaryDirectory() + "belfry-sparse-\(getpid())"
        try System.createDirectory(folder)
        defer { if self.folder == nil { try? System.remove(folder) } }
        if !FileManager.default.fileExists(atPath: folder + "/postings") { try make(folder) }
        let sparse = try SparseReader(folder + "/sparse")
        var begin = ContinuousClock.now
        let postings = try PostingsReader(folder + "/postings")
        print("opened in \(Self.seconds(since: begin)), \(postings.termCount) terms, \(postings.postingCount) postings")
        if let dump {
            let arrays = try Arrays(dump + "/rows")
            for row in 0..<rows { try arrays.append(sparse.row(row)) }
            try arrays.finish()
        }
        let perRow = [sparse.fileBytes, postings.fileBytes].map { Double($0) / Double(rows) }
        print(String(format: "bytes per row: sparse %.1f, postings %.1f", perRow[0], perRow[1]))

        var source = Source(self, seed: seed + 1)
        let asked = try (0..<queries).map { try source.query(related: sparse.row(rows - 1 - $0)) }
        let queryArrays = try dump.map { try Arrays($0 + "/queries") }
        for query in asked { try queryArrays?.append(query) }
        try queryArrays?.finish()
        let touched = asked.reduce(0) { $0 + postings.documentFrequencies(of: $1.indices).reduce(0, +) }
        print("postings of a query's terms: \(touched / asked.count)")
        let searcher = SparseSearcher(postings)
        begin = .now
        for query in asked { _ = try searcher.search(query, k: k) }
        print("first round, which verifies the lists, in \(Self.seconds(since: begin))")
        for prunes in [true, false] {
            searcher.window.prunes = prunes
            try measure(prunes ? "pruned" : "all added up", asked) { try searcher.search($0, k: k) }
        }
        searcher.window.prunes = true
        for share in [0.5, 0.01, 0.0001] {
            let filter = RowFilter(
                RowSet(
                    (0..<rows).filter { _ in Double.random(in: 0..<1, using: &source.random) < share }, capacity: rows))
            try measure("filter \(share * 100) %", asked) { try searcher.search($0, k: k, filter: filter) }
        }
        let table = SparseMemtable(rowLimit: memtable, byteLimit: 1 << 30)
        begin = .now
        let first = try (0..<min(memtable, rows)).map { try sparse.row($0) }
        begin = .now
        let taken = table.append(first)
        print("memtable of \(taken) rows, \(table.bytes) bytes, in \(Self.seconds(since: begin))")
        let view = table.view()
        try measure("memtable", asked) { view.search($0, k: k) }
        try measure("its document frequencies", asked) {
            _ = view.documentFrequencies(of: $0.indices); return []
        }
    }

    private func make(_ folder: String) throws {
        var source = Source(self, seed: seed)
        var begin = ContinuousClock.now
        let writer = try SparseWriter(folder + "/sparse")
        for _ in 0..<rows { try writer.append(source.row()) }
        try writer.finish()
        print("\(rows) rows made and written in \(Self.seconds(since: begin))")
        begin = ContinuousClock.now
        try PostingsWriter.write(folder + "/postings", of: SparseReader(folder + "/sparse"))
        print("postings made in \(Self.seconds(since: begin))")
    }

    private static func seconds(since begin: ContinuousClock.Instant) -> String {
        String(format: "%.4f s", (ContinuousClock.now - begin) / .seconds(1))
    }

    /// Of this thread, in microseconds: other work shares the machine.
    private static var processorTime: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }

    private func measure(
        _ name: String, _ queries: [SparseVector], _ search: (SparseVector) throws -> [Neighbor]
    ) throws {
        var (times, rates): ([Double], [Double]) = ([], [])
        for _ in 0..<rounds {
            var all = 0.0
            for query in queries {
                let begin = Self.processorTime
                _ = try search(query)
                times.append(Self.processorTime - begin)
                all += times[times.count - 1]
            }
            rates.append(Double(queries.count) / all * 1e6)
        }
        times.sort()
        rates.sort()
        print(
            name.padding(toLength: 26, withPad: " ", startingAt: 0),
            String(
                format: "%9.1f queries/s (%.1f–%.1f), p50 %8.1f µs, p99 %8.1f µs", rates[rounds / 2], rates[0],
                rates[rounds - 1], times[times.count / 2], times[times.count * 99 / 100]))
    }
}

/// Rows and queries.
private struct Source {
    var random: Seeded
    private let shape: SparseBenchmark
    /// Terms by the upper bits of a random number.
    private var terms: [UInt32] = []
    private var weights: [Float]
    private var stamps: [Int]
    private var made = 0

    init(_ shape: SparseBenchmark, seed: UInt64) {
        self.shape = shape
        random = Seeded(state: seed)
        stamps = [Int](repeating: -1, count: shape.vocabulary)
        let shares = (0..<shape.vocabulary).map { 1 / Double($0 + 3) }
        let all = shares.reduce(0, +)
        var (end, places) = (0.0, 1 << 22)
        for (term, share) in shares.enumerated() {
            end += share / all
            while Double(terms.count) < end * Double(places), terms.count < places { terms.append(UInt32(term)) }
        }
        while terms.count < places { terms.append(UInt32(shape.vocabulary - 1)) }
        places = shape.length
        weights = shares.map { share in
            let frequency = 1 - pow(1 - share / all, 1.5 * Double(places))
            return shape.weights == "idf" ? Float(log(1 / frequency) + 0.1) : 1
        }
    }

    mutating func row() throws -> SparseVector { try vector(shape.length, SparseVector()) }

    mutating func query(related row: SparseVector) throws -> SparseVector {
        let chosen = row.indices.indices.shuffled(using: &random).prefix(shape.related)
        return try vector(
            shape.queryLength,
            SparseVector(indices: chosen.map { row.indices[$0] }, values: chosen.map { row.values[$0] }))
    }

    private mutating func vector(_ count: Int, _ start: SparseVector) throws -> SparseVector {
        var (indices, values) = (start.indices, start.values)
        made += 1
        for index in indices { stamps[Int(index)] = made }
        while indices.count < min(count, shape.vocabulary) {
            let number = random.next()
            let term = terms[Int(number >> 42)]
            guard stamps[Int(term)] != made else { continue }
            stamps[Int(term)] = made
            indices.append(term)
            values.append(-log(Float(number & 0xff_ffff) / 0x1p24 + 0x1p-25) * weights[Int(term)])
        }
        return try SparseVector(indices: indices, values: values)
    }
}

/// Vectors as three files of raw arrays: where each begins as u64, indices as u32, values as f32.
private final class Arrays {
    private let files: [FileWriter]
    private var count = 0

    init(_ path: String) throws { files = try ["starts", "indices", "values"].map { try FileWriter("\(path).\($0)") } }

    func append(_ vector: SparseVector) throws {
        try files[0].write(UInt64(count))
        count += vector.count
        try vector.indices.withUnsafeBytes { try files[1].write($0) }
        try vector.values.withUnsafeBytes { try files[2].write($0) }
    }

    func finish() throws {
        try files[0].write(UInt64(count))
        for file in files { try file.finish() }
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
