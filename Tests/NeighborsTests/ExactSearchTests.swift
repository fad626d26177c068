import Files
import Foundation
import Neighbors
import Shards
import TestSupport
import Testing
import Vectors

@Suite struct ExactSearchTests {
    /// A shard of `rows`, and the rows as they come back from it.
    static func shard(
        _ rows: [[Float]], _ folder: String, dimension: Int, _ type: ElementType = .f32, rowsPerBlock: Int? = nil
    ) throws -> (ShardReader, Matrix) {
        let path = folder + "/\(UUID().uuidString).shard"
        let writer = try ShardWriter(path, dimension: dimension, elementType: type, rowsPerBlock: rowsPerBlock)
        for row in rows { try writer.append(row) }
        try writer.finish()
        let reader = try ShardReader(path)
        return (reader, rows.isEmpty ? Matrix(rows: 0, columns: dimension) : try reader.rows(0..<rows.count))
    }

    /// Random rows, every tenth a copy of an earlier one, and one of zeros.
    static func rows(_ count: Int, _ dimension: Int, _ random: inout SeededGenerator) -> [[Float]] {
        var rows: [[Float]] = []
        for index in 0..<count {
            if index % 10 == 9 {
                rows.append(rows.randomElement(using: &random)!)
            } else {
                rows.append(index == 3 ? [Float](repeating: 0, count: dimension) : random.vector(dimension))
            }
        }
        return rows
    }

    /// The distance in f64, and |q||x| (or the distance itself) that a difference is relative to.
    static func reference(_ metric: Metric, _ q: [Float], _ x: [Float]) -> (distance: Double, scale: Double) {
        var (product, sum, squares, qq, xx) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for (a, b) in zip(q, x) {
            product += Double(a) * Double(b)
            sum += abs(Double(a) - Double(b))
            squares += (Double(a) - Double(b)) * (Double(a) - Double(b))
            qq += Double(a) * Double(a)
            xx += Double(b) * Double(b)
        }
        let lengths = (qq * xx).squareRoot()
        switch metric {
        case .l1: return (sum, sum)
        case .l2: return (squares, squares)
        case .ip: return (-product, lengths)
        case .cosine: return (lengths == 0 ? 0 : -product / lengths, 1)
        }
    }

    /// Ids equal the f64 order, but for swaps between distances closer than 1e-6; equal rows come by number.
    @Test(arguments: Metric.allCases, ElementType.allCases)
    func findsWhatBruteForceFinds(metric: Metric, type: ElementType) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            for dimension in [1, 2, 7, 33, 128, 384] {
                let n = Int.random(in: 150...400, using: &random)
                let (shard, stored) = try Self.shard(
                    Self.rows(n, dimension, &random), folder, dimension: dimension, type,
                    rowsPerBlock: dimension == 33 ? 5 : nil)
                let queries = Matrix((0..<4).map { $0 == 0 ? stored[20] : random.vector(dimension) })
                let answers = try ExactSearch(shard, metric: metric).search(queries, k: 25)
                for (index, answer) in answers.enumerated() {
                    let context = "\(metric) \(type) dimension \(dimension) query \(index), \(random)"
                    let oracle = (0..<n).map { Self.reference(metric, queries[index], stored[$0]) }
                    let order = (0..<n).sorted {
                        (oracle[$0].distance, $0) < (oracle[$1].distance, $1)
                    }
                    #expect(answer.count == 25 && Set(answer.map(\.row)).count == 25, "\(context)")
                    for (place, found) in answer.enumerated() {
                        let (expected, scale) = oracle[order[place]]
                        let (actual, actualScale) = oracle[Int(found.row)]
                        let close = abs(actual - expected) <= 1e-6 * max(scale, actualScale)
                        #expect(Int(found.row) == order[place] || close, "place \(place), \(context)")
                        if place > 0, stored[Int(answer[place - 1].row)] == stored[Int(found.row)] {
                            #expect(answer[place - 1].row < found.row, "equal rows by number, \(context)")
                        }
                    }
                }
            }
        }
    }

    /// The same bits as the kernel over the rows in memory, for every instruction set and number of threads.
    @Test(arguments: InstructionSet.available, ElementType.allCases)
    func equalsAPlainScanToTheBit(instructionSet: InstructionSet, type: ElementType) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            for (n, dimension) in [(1, 5), (7, 384), (3_001, 24), (1_203, 100)] {
                let (shard, stored) = try Self.shard(
                    Self.rows(n, dimension, &random), folder, dimension: dimension, type)
                let queries = Matrix((0..<7).map { _ in random.vector(dimension) })
                let excluded = RowSet((0..<n).filter { _ in Int.random(in: 0..<4, using: &random) == 0 }, capacity: n)
                let filter = RowFilter(of: n, keeping: nil, except: excluded)
                for metric in Metric.allCases {
                    let kernel = DistanceKernel(metric: metric, instructionSet: instructionSet)
                    let search = ExactSearch(shard, metric: metric, instructionSet: instructionSet)
                    for k in [0, 1, 10, n + 5, .max] {
                        let expected = (0..<queries.rows).map { index in
                            let query = kernel.prepare(queries.row(index).baseAddress!, dimension: dimension)
                            let all = (0..<n).filter { !excluded.contains($0) }.map {
                                let distance = kernel.distance(to: query, row: stored.row($0).baseAddress!)
                                return Neighbor(row: UInt32($0), distance: distance)
                            }
                            return Array(all.sorted().prefix(k))
                        }
                        for threads in [1, 2, 5] {
                            let found = try search.search(queries, k: k, filter: filter, threads: threads)
                            #expect(found == expected, "n \(n) k \(k) threads \(threads) \(metric), \(random)")
                        }
                        let one = try search.search(queries[3], k: k, filter: filter)
                        #expect(one == expected[3], "one query, \(random)")
                    }
                }
            }
        }
    }

    @Test(arguments: Metric.allCases)
    func aRowDoesNotFindItself(metric: Metric) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let (shard, stored) = try Self.shard(Self.rows(50, 16, &random), folder, dimension: 16)
            let search = ExactSearch(shard, metric: metric)
            let own: [Int?] = (0..<50).map { $0 % 7 == 6 ? nil : $0 }
            for k in [0, 5, 50, 60] {
                let answers = try search.search(stored, k: k, ownRows: own)
                for (index, answer) in answers.enumerated() {
                    let excluded = RowSet(own[index].map { [$0] } ?? [], capacity: 50)
                    #expect(
                        try answer
                            == search.search(
                                stored[index], k: k, filter: RowFilter(of: 50, keeping: nil, except: excluded)),
                        "\(random)")
                }
            }
        }
    }

    @Test(arguments: Metric.allCases, ElementType.allCases)
    func neverReturnsNaN(metric: Metric, type: ElementType) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            var rows = Self.rows(100, 20, &random)
            for index in stride(from: 0, to: 100, by: 3) { rows[index][index % 20] = .nan }
            let path = folder + "/nan.shard"
            let writer = try ShardWriter(path, dimension: 20, elementType: type)
            for row in rows {
                var bytes = [UInt8](repeating: 0, count: 20 * type.size)
                bytes.withUnsafeMutableBytes { type.narrow(row, to: $0.baseAddress!, count: 20) }
                try bytes.withBytes { bytes throws(BelfryError) in try writer.append(raw: bytes) }
            }
            try writer.finish()
            let search = ExactSearch(try ShardReader(path), metric: metric)
            let found = try search.search(random.vector(20), k: 100)
            let whole = (0..<100).filter { $0 % 3 != 0 }
            #expect(found.map { Int($0.row) }.sorted() == whole)
            #expect(try search.search([Float](repeating: .nan, count: 20), k: 10).isEmpty)
        }
    }

    @Test func anEmptyShardHasNoNeighbors() throws {
        try withTemporaryDirectory { folder in
            let (shard, _) = try Self.shard([], folder, dimension: 3)
            let search = ExactSearch(shard, metric: .l2)
            #expect(try search.search([1, 2, 3], k: 10, threads: 2).isEmpty)
            #expect(try search.search(Matrix(rows: 0, columns: 3), k: 10).isEmpty)
        }
    }

    @Test func refusesAnotherDimension() throws {
        try withTemporaryDirectory { folder in
            let (shard, _) = try Self.shard([[1, 2, 3]], folder, dimension: 3)
            let error = #expect(throws: BelfryError.self) {
                try ExactSearch(shard, metric: .cosine).search([1, 2], k: 1)
            }
            #expect(error?.code == .invalidInput)
            #expect(error?.message.contains("2 components") == true)
        }
    }

    @Test func aDamagedBlockIsAnErrorForAnyNumberOfThreads() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let (shard, _) = try Self.shard(Self.rows(4_000, 64, &random), folder, dimension: 64)
            var bytes = try System.read(shard.path)
            for place in [bytes.count / 3, bytes.count / 2] { bytes[place] ^= 1 }
            try System.write(bytes, to: folder + "/damaged.shard")
            let search = ExactSearch(try ShardReader(folder + "/damaged.shard"), metric: .l2)
            let query = random.vector(64)
            var places: Set<BelfryError.Location?> = []
            for threads in [1, 2, 4, 2, 4] {
                let error = #expect(throws: BelfryError.self) { try search.search(query, k: 3, threads: threads) }
                #expect(error?.code == .corruptData)
                places.insert(error?.location)
            }
            #expect(places.count == 1, "the first damaged block each time")
        }
    }

    @Test(arguments: [1, 2]) func canBeCancelled(threads: Int) async throws {
        var random = SeededGenerator()
        try await withTemporaryDirectory { folder in
            let (shard, _) = try Self.shard(Self.rows(200, 8, &random), folder, dimension: 8)
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try ExactSearch(shard, metric: .ip).search(
                    [Float](repeating: 1, count: 8), k: 3, threads: threads)
            }
            let error = await #expect(throws: BelfryError.self) { try await task.value }
            #expect(error?.code == .cancelled)
        }
    }
}
