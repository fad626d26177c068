import Files
import Foundation
import Neighbors
import TestSupport
import Testing
import Vectors

@testable import Bench

extension [[Float]] {
    /// Writes the rows as an npy file.
    fileprivate func save(_ path: String) throws {
        let writer = try NpyWriter(path, columns: self[0].count)
        for row in self { try writer.append(row) }
        try writer.finish()
    }
}

@Suite struct VectorFileTests {
    @Test func readsAnyKindAsRows() throws {
        try withTemporaryDirectory { folder in
            let rows: [[Float]] = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]
            try rows.save(folder + "/a.npy")
            var vecs = Data()
            for row in rows {
                vecs.append(contentsOf: [3, 0, 0, 0])
                vecs.append(contentsOf: row.map { UInt8($0) })
            }
            try vecs.write(to: URL(fileURLWithPath: folder + "/a.bvecs"))
            for name in ["a.npy", "a.bvecs"] {
                let file = try VectorFile(folder + "/" + name)
                #expect(file.rows == 4 && file.columns == 3)
                let matrix = try file.matrix()
                #expect((0..<4).map { matrix[$0] } == rows)
                #expect(try file.matrix(2..<3)[0] == rows[2])
                var seen: [[Float]] = []
                try file.forEachBatch { range, batch in
                    for row in range { seen.append(batch[row - range.lowerBound]) }
                }
                #expect(seen == rows)
            }
            #expect(try VectorFile(folder + "/a.bvecs").integers(first: 2) == [[1, 2, 3], [4, 5, 6]])
            // Half floats, and other shapes, from numpy itself.
            let fixtures = TestData.root + "/Tests/FilesTests/Fixtures/"
            #expect(try VectorFile(fixtures + "f2.npy").matrix()[0] == [0, 1.5, -2])
            #expect(try VectorFile(fixtures + "i8.npy").integers(first: 1) == [[0, 1, -2]])
            for name in ["scalar.npy", "line.npy", "empty.npy", "version2.npy", "nothing.npy", "make_numpy.py"] {
                let error = #expect(throws: BelfryError.self, "\(name)") { try VectorFile(fixtures + name) }
                #expect(error?.location?.file == fixtures + name)
            }
        }
    }

    @Test func aBadRowIsNamed() throws {
        try withTemporaryDirectory { folder in
            try [[1, 2], [3, .nan], [0, 0]].save(folder + "/a.npy")
            let file = try VectorFile(folder + "/a.npy")
            let error = #expect(throws: BelfryError.self) {
                try file.forEachBatch(check: VectorCheck(dimension: 2, metric: .l2)) { _, _ in }
            }
            #expect(error?.message.hasPrefix("Row 1 has nan at component 1") == true, "\(error!)")
        }
    }
}

@Suite struct BenchTruthTests {
    /// What is found at the same distance is right, whichever row it is; a row counts once.
    @Test func anyRowThatIsAsNearIsRight() throws {
        try withTemporaryDirectory { folder in
            try [[0], [1], [1], [2], [-1], [5]].save(folder + "/base.npy")
            let base = try VectorFile(folder + "/base.npy")
            let queries = Matrix([[0]])
            for threads in 1...3 {
                let truth = try BenchTruth(computing: base, queries, .l2, k: 3, threads: threads) { _ in }
                for (found, recall) in [
                    ([0, 1, 2], 1), ([4, 0, 2], 1), ([2, 1, 4], 1), ([0, 1, 1], 2.0 / 3), ([0, 3, 5], 1.0 / 3),
                    ([0, .max, .max], 1.0 / 3), ([0, 6, 1 << 31], 1.0 / 3), ([3, 3, 5], 0),
                ] as [([UInt32], Double)] {
                    #expect(try truth.recall(found) == recall, "\(found)")
                }
            }
        }
    }

    @Test(arguments: Metric.indexed) func computedAndGivenTruthAgree(metric: Metric) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let rows = (0..<300).map { _ in random.vector(9) }
            try rows.save(folder + "/base.npy")
            let base = try VectorFile(folder + "/base.npy")
            let queries = Matrix((0..<20).map { _ in random.vector(9) })
            var found: [UInt32] = []
            var vecs = Data()
            for query in 0..<20 {
                let order = rows.indices.sorted { left, right in
                    func distance(_ row: Int) -> Double {
                        let pairs = zip(queries[query], rows[row]).map { (Double($0), Double($1)) }
                        let product = pairs.reduce(0) { $0 + $1.0 * $1.1 }
                        switch metric {
                        case .l1: return pairs.reduce(0) { $0 + abs($1.0 - $1.1) }
                        case .l2: return pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                        case .ip: return -product
                        case .cosine: return -product / pairs.reduce(0) { $0 + $1.1 * $1.1 }.squareRoot()
                        }
                    }
                    return distance(left) < distance(right)
                }
                found += order.prefix(5).map { UInt32($0) }
                withUnsafeBytes(of: Int32(7).littleEndian) { vecs.append(contentsOf: $0) }
                for row in order.prefix(7) {
                    withUnsafeBytes(of: Int32(row).littleEndian) { vecs.append(contentsOf: $0) }
                }
            }
            try vecs.write(to: URL(fileURLWithPath: folder + "/truth.ivecs"))
            let given = try BenchTruth(
                base, queries, metric, k: 5, file: VectorFile(folder + "/truth.ivecs"))
            let computed = try BenchTruth(computing: base, queries, metric, k: 5, threads: 2) { _ in }
            #expect(try given.recall(found) == 1 && computed.recall(found) == 1, "\(random)")
            // One wrong row in a hundred.
            found[7] = UInt32(rows.indices.first { row in !found[5..<10].contains(UInt32(row)) }!)
            #expect(try given.recall(found) == 0.99 && computed.recall(found) == 0.99, "\(random)")
        }
    }
}

@Suite struct BenchRunnerTests {
    /// An index that answers with the query's own first component, and counts.
    private struct Echo: BenchIndex {
        static func build(_ base: VectorFile, in: String, _: BenchBuildOptions) throws(BelfryError) -> Self { Self() }
        static func open(_ directory: String, _: BenchBuildOptions) throws(BelfryError) -> Self { Self() }
        var summary: String { "echo" }
        var memoryBytes: Int { 1 }
        var diskBytes: Int { 2 }
        func efforts(k: Int) -> [BenchEffort] { (0..<3).map { BenchEffort("effort=\($0)", EffortLevel([$0])) } }
        func effort(recall target: Double, k: Int) -> BenchEffort { efforts(k: k)[target < 0.95 ? 0 : 2] }
        func makeSearcher(k: Int, effort: BenchEffort) -> any BenchSearcher { Searcher() }
        func searchBatch(
            _ queries: Matrix, k: Int, effort: BenchEffort, threads: Int, into rows: UnsafeMutablePointer<UInt32>
        ) throws(BelfryError) -> BenchCost? {
            if queries[0][0] == 77 { usleep(100_000) }
            for query in 0..<queries.rows { rows[query * k] = UInt32(queries[query][0]) }
            return nil
        }

        final class Searcher: BenchSearcher {
            var cost = BenchCost()
            func search(
                _ query: UnsafePointer<Float>, into rows: UnsafeMutablePointer<UInt32>
            ) throws(BelfryError) -> Int {
                if query[0] == 77 { usleep(20_000) }
                guard query[0] != 99 else { throw BelfryError(.corruptData, "Ninety-nine.") }
                rows[0] = UInt32(query[0])
                cost.evaluations += 7
                return 1
            }
        }
    }

    @Test(arguments: [1, 2, 3, 8], [BenchRunner.Mode.single, .batch])
    func everyQueryIsAskedOnce(threads: Int, mode: BenchRunner.Mode) throws {
        let queries = Matrix((0..<7).map { [Float($0)] })
        let index = Echo()
        let runner = try BenchRunner(
            index, queries, k: 2, effort: index.efforts(k: 2)[0], threads: threads, mode: mode)
        try runner.warmUp()
        #expect((0..<7).allSatisfy { runner.rows[2 * $0] == UInt32($0) && runner.rows[2 * $0 + 1] == Echo.noRow })
        #expect(runner.cost?.evaluations == (mode == .single ? 49 : nil))
        try runner.round()
        try runner.round()
        #expect(runner.waits.count == (mode == .batch && threads > 1 ? 0 : 2) && runner.waits.allSatisfy { $0 > 0.5 })
        #expect(runner.rates.count == 2 && runner.rates.allSatisfy { $0 > 0 })
        #expect(runner.latencies.count % 7 == 0 && runner.latencies.isEmpty == (mode == .batch))
    }

    /// A round in which the clock ran on while the thread slept.
    @Test(arguments: [BenchRunner.Mode.single, .batch]) func waitingShows(mode: BenchRunner.Mode) throws {
        let queries = Matrix((0..<4).map { _ in [Float(77)] })
        let effort = BenchEffort("", EffortLevel([]))
        let runner = try BenchRunner(Echo(), queries, k: 1, effort: effort, threads: 1, mode: mode)
        try runner.warmUp()
        try runner.round()
        #expect(runner.waits.count == 1 && runner.waits[0] > 2, "\(runner.waits)")
    }

    @Test func aFailureInAThreadIsTheRunsFailure() throws {
        let queries = Matrix((0..<7).map { [$0 == 5 ? 99 : Float($0)] })
        for threads in 1...3 {
            let runner = try BenchRunner(
                Echo(), queries, k: 1, effort: BenchEffort("", EffortLevel([])), threads: threads, mode: .single)
            #expect(#expect(throws: BelfryError.self) { try runner.warmUp() }?.code == .corruptData)
        }
    }
}
