import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Neighbors

/// Exact search by codes against the scan in f32: the same rows and the same bits.
@Suite struct ExactCodesTests {
    /// A shard and its codes.
    static func open(
        _ rows: [[Float]], _ folder: String, metric: Metric, _ type: ElementType = .f32, threads: Int = 1
    ) throws -> (ShardReader, CodesReader) {
        let name = folder + "/" + UUID().uuidString
        let writer = try ShardWriter(name + ".shard", dimension: rows[0].count, elementType: type)
        for row in rows { try writer.append(row) }
        try writer.finish()
        let shard = try ShardReader(name + ".shard")
        try CodesWriter.write(name + ".codes", of: shard, metric: metric, threads: threads)
        return (shard, try CodesReader(name + ".codes"))
    }

    /// Rows of one kind each.
    static func data(_ kind: Int, _ count: Int, _ dimension: Int, _ random: inout SeededGenerator) -> [[Float]] {
        let centers = (0..<12).map { _ in random.vector(dimension).map { 3 * $0 } }
        return (0..<count).map { index in
            switch kind {
            case 0: random.vector(dimension)
            case 1: zip(centers[index % 12], random.vector(dimension)).map { $0 + 0.1 * $1 }
            // Duplicates: more of each row than any k asks for.
            case 2: centers[index % 12]
            // Far from the origin, close to each other.
            case 3: random.vector(dimension).map { 1_000 + 0.01 * $0 }
            // Pixels.
            default: (0..<dimension).map { _ in Float(Int.random(in: 0...255, using: &random)) }
            }
        }
    }

    /// Hands on rows of each kind, with a scan of them, and a search by their codes.
    private static func forEachKind(
        _ metric: Metric, _ type: ElementType, _ random: inout SeededGenerator,
        _ body: (
            _ kind: Int, _ rows: [[Float]], _ scan: ExactSearch, _ search: ExactSearch, _ random: inout SeededGenerator
        ) throws -> Void
    ) throws {
        try withTemporaryDirectory { folder in
            for (kind, (n, dimension)) in [(3_000, 40), (2_500, 100), (1_000, 16), (1_500, 64), (1_111, 33)]
                .enumerated()
            {
                let rows = data(kind, n, dimension, &random)
                let (shard, codes) = try open(rows, folder, metric: metric, type)
                let (scan, search) = (
                    ExactSearch(shard, metric: metric), ExactSearch(shard, codes: codes, metric: metric)
                )
                try body(kind, rows, scan, search, &random)
            }
        }
    }

    @Test(arguments: Metric.indexed, ElementType.allCases)
    func equalsTheScanInF32(metric: Metric, type: ElementType) throws {
        var random = SeededGenerator()
        try Self.forEachKind(metric, type, &random) { kind, rows, scan, search, random in
            let (n, dimension) = (rows.count, rows[0].count)
            let queries = Matrix(
                (0..<9).map { $0 % 2 == 0 ? rows.randomElement(using: &random)! : random.vector(dimension) }
                    + [[Float](repeating: 0, count: dimension)])
            let some = RowSet((0..<n).filter { _ in Bool.random(using: &random) }, capacity: n)
            let few = RowSet((0..<n).filter { _ in Int.random(in: 0..<30, using: &random) == 0 }, capacity: n)
            let filters: [(RowSet?, RowSet?)] = [(nil, nil), (some, nil), (nil, few), (some, few), (few, some)]
            for (excluded, kept) in filters {
                for (k, threads) in [(1, 1), (10, 2), (100, 1), (n + 5, 2)] {
                    let filter = RowFilter(of: n, keeping: kept, except: excluded)
                    let expected = try scan.search(queries, k: k, filter: filter)
                    let found = try search.search(
                        queries, k: k, filter: filter, threads: threads)
                    #expect(found == expected, "kind \(kind) \(metric) k \(k) threads \(threads), \(random)")
                    let one = try search.search(queries[0], k: k, filter: filter)
                    #expect(one == expected[0], "one query, kind \(kind), \(random)")
                }
            }
            let others = RowSet((0..<n).filter { !few.contains($0) }, capacity: n)
            #expect(
                try search.search(queries, k: 10, filter: RowFilter(few))
                    == scan.search(queries, k: 10, filter: RowFilter(of: n, keeping: nil, except: others)))
            let own: [Int?] = (0..<queries.rows).map { $0 % 3 == 0 ? nil : $0 * 7 }
            #expect(try search.search(queries, k: 5, ownRows: own) == scan.search(queries, k: 5, ownRows: own))
        }
    }

    /// As a table of all points asks.
    @Test(arguments: Metric.indexed, ElementType.allCases)
    func manyQueriesFindTheSame(metric: Metric, type: ElementType) throws {
        var random = SeededGenerator()
        try Self.forEachKind(metric, type, &random) { kind, rows, scan, search, random in
            let (n, dimension) = (rows.count, rows[0].count)
            let queries = Matrix(
                (0..<300).map { $0 % 3 > 0 ? rows.randomElement(using: &random)! : random.vector(dimension) }
                    + [[Float](repeating: 0, count: dimension)])
            let some = RowSet((0..<n).filter { _ in Bool.random(using: &random) }, capacity: n)
            let cases: [(RowSet?, Int, Int)] = [(nil, 1, 1), (nil, 20, 2), (some, 20, 3)]
            for (filter, k, threads) in cases {
                let filter = RowFilter(of: n, keeping: filter, except: nil)
                let found = try search.search(queries, k: k, filter: filter, threads: threads)
                let expected = try scan.search(queries, k: k, filter: filter)
                #expect(found == expected, "kind \(kind) \(metric) k \(k) threads \(threads), \(random)")
            }
        }
    }

    /// Rows and queries that no estimate is good for.
    @Test(arguments: Metric.indexed, InstructionSet.available)
    func oddRowsAreFoundAllTheSame(metric: Metric, instructionSet: InstructionSet) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let dimension = 24
            func odd(_ index: Int) -> [Float] {
                let noise = random.vector(dimension)
                switch index % 12 {
                case 0: return [Float](repeating: 0, count: dimension)
                case 1: return [Float](repeating: 0.1, count: dimension)
                case 2: return (0..<dimension).map { $0 == index % dimension ? 1 : 0 }
                case 3: return noise.map { $0 * 1e-30 }
                case 4: return noise.map { $0 * 1e-36 * 1e-6 }
                case 5: return noise.map { $0 * 1e17 }
                case 6: return noise.map { $0 * 3e37 }
                case 7: return noise.enumerated().map { $0 == 3 ? .nan : $1 }
                case 8: return noise.enumerated().map { $0 == 3 ? .infinity : $1 }
                case 9: return noise.enumerated().map { $0 == 3 ? 1e10 : $1 * 1e-10 }
                case 10: return noise.map { $0 * 1e-16 }
                default: return noise
                }
            }
            let rows = (0..<600).map { $0 % 3 == 0 ? odd($0 / 3) : random.vector(dimension) }
            let name = folder + "/odd"
            let writer = try ShardWriter(name + ".shard", dimension: dimension, elementType: .f32)
            for row in rows { try row.withUnsafeBytes { try writer.append(raw: $0) } }
            try writer.finish()
            let shard = try ShardReader(name + ".shard")
            try CodesWriter.write(name + ".codes", of: shard, metric: metric)
            let codes = try CodesReader(name + ".codes", instructionSet: instructionSet)
            let scan = ExactSearch(shard, metric: metric, instructionSet: instructionSet)
            let search = ExactSearch(shard, codes: codes, metric: metric, instructionSet: instructionSet)
            for index in 0..<24 {
                let query = odd(index)
                for k in [1, 10, 30, 600] {
                    let expected = try scan.search(query, k: k)
                    let found = try search.search(query, k: k)
                    #expect(found == expected, "\(metric) \(instructionSet) query \(index) k \(k), \(random)")
                }
            }
            let many = Matrix((0..<144).map(odd))
            for k in [1, 30] {
                #expect(
                    try search.search(many, k: k) == scan.search(many, k: k),
                    "\(metric) \(instructionSet) many k \(k), \(random)")
            }
        }
    }

    @Test func refusesCodesOfOtherRows() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let rows = Self.data(0, 20, 8, &random)
            let (shard, codes) = try Self.open(rows, folder, metric: .l2)
            let (_, fewer) = try Self.open(Array(rows[..<10]), folder, metric: .l2)
            for (codes, metric) in [(codes, Metric.ip), (fewer, .l2)] {
                let error = #expect(throws: BelfryError.self) {
                    try ExactSearch(shard, codes: codes, metric: metric).search(rows[0], k: 1)
                }
                #expect(error?.code == .corruptData && error?.remedy != nil)
            }
        }
    }
}
