import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Neighbors

/// The file `codes`: what is written is read, bounds hold, damage is named and never crashes.
@Suite struct CodesTests {
    /// Writes codes of `rows` in appends of `step` rows.
    static func write(
        _ path: String, _ rows: [[Float]], metric: Metric, threads: Int = 1, step: Int = .max
    ) throws {
        let writer = try CodesWriter(path, dimension: rows[0].count, metric: metric, threads: threads)
        for first in stride(from: 0, to: rows.count, by: min(step, rows.count)) {
            try writer.append(Matrix(Array(rows[first..<min(rows.count, first + min(step, rows.count))])))
        }
        #expect(writer.rowCount == rows.count)
        try writer.finish()
    }

    @Test(arguments: Metric.indexed) func theBytesDoNotDependOnThreads(metric: Metric) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let rows = (0..<3_001).map { _ in random.vector(129) }
            try Self.write(folder + "/one", rows, metric: metric)
            for (threads, step) in [(2, Int.max), (3, 1_000), (1, 7)] {
                try Self.write(folder + "/other", rows, metric: metric, threads: threads, step: step)
                #expect(try System.read(folder + "/one") == System.read(folder + "/other"))
            }
            let reader = try CodesReader(folder + "/one")
            #expect(reader.rowCount == 3_001 && reader.dimension == 129 && reader.metric == metric)
            #expect(reader.bytesPerVector == 148 && reader.check().isEmpty)
            #expect(SegmentFile.check(folder + "/one").isEmpty)
        }
    }

    /// Rows whose codes are coarse, exact, or worth nothing.
    static func row(_ index: Int, _ dimension: Int, _ random: inout SeededGenerator) -> [Float] {
        let noise = random.vector(dimension)
        let place = index % dimension
        switch index % 14 {
        case 0: return [Float](repeating: 0, count: dimension)
        case 1: return [Float](repeating: 0.1, count: dimension)
        case 2: return (0..<dimension).map { $0 == place ? 1 : 0 }
        case 3: return noise.map { $0 * 1e-30 }
        case 4: return noise.map { $0 * 1e-36 * 1e-6 }
        case 5: return noise.map { $0 * 1e14 }
        case 6: return noise.enumerated().map { $0 == place ? 1e6 : $1 }
        case 7: return noise.map { 1_000 + $0 }
        case 8: return noise.map { ($0 * 40).rounded() }
        case 9: return noise.map { $0 * 1e-12 }
        case 10: return noise.map { $0 > 0 ? 1 : -1 }
        case 11: return noise.map { $0 * 1e18 }
        default: return noise
        }
    }

    @Test(arguments: Metric.indexed, InstructionSet.available)
    func boundsHold(metric: Metric, instructionSet: InstructionSet) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            for dimension in [1, 2, 3, 17, 50, 64, 128, 384, 1_000] {
                let rows = (0..<112).map { Self.row($0, dimension, &random) }
                try Self.write(folder + "/codes", rows, metric: metric)
                let reader = try CodesReader(folder + "/codes", instructionSet: instructionSet)
                let kernel = DistanceKernel(metric: metric, instructionSet: instructionSet)
                let stored = Matrix(rows)
                let query = reader.makeQuery()
                var (distances, estimates) = ([Float](repeating: 0, count: 112), [Float](repeating: 0, count: 112))
                var finite = 0
                for index in 0..<56 {
                    let vector = index < 14 ? rows[index] : Self.row(index, dimension, &random)
                    query.prepare(vector)
                    reader.estimates(query, rows: 0..<112, into: &estimates)
                    vector.withUnsafeBufferPointer {
                        let prepared = kernel.prepare($0.baseAddress!, dimension: dimension)
                        kernel.distances(to: prepared, rows: stored.pointer, count: 112, into: &distances)
                    }
                    for row in 0..<112 {
                        let bound = reader.errorBound(query, row: row, estimate: estimates[row])
                        let difference = abs(Double(estimates[row]) - Double(distances[row]))
                        if bound.isFinite { finite += 1 }
                        #expect(
                            !bound.isFinite || difference <= Double(bound),
                            "\(metric) \(instructionSet) dimension \(dimension) query \(index) row \(row), \(random)")
                    }
                }
                #expect(finite > 56 * 112 / 2, "most bounds say something")
            }
        }
    }

    /// On ordinary rows the bounds are of use: about one part in a hundred of what is measured.
    @Test(arguments: Metric.indexed) func boundsAreTight(metric: Metric) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let rows = (0..<200).map { _ in random.vector(384) }
            try Self.write(folder + "/codes", rows, metric: metric)
            let reader = try CodesReader(folder + "/codes")
            let kernel = DistanceKernel(metric: metric)
            let vector = random.vector(384)
            let query = reader.makeQuery()
            query.prepare(vector)
            var (estimates, within) = ([Float](repeating: 0, count: 200), 0)
            reader.estimates(query, rows: 0..<200, into: &estimates)
            let scale: Float = metric == .l2 ? 768 : metric == .ip ? 384 : 1
            for row in 0..<200 {
                let distance = kernel.distance(to: kernel.prepare(vector, dimension: 384), row: rows[row])
                #expect(reader.errorBound(query, row: row, estimate: estimates[row]) < 0.02 * scale)
                let sigma = reader.sigma(query, row: row, estimate: estimates[row])
                within += abs(distance - estimates[row]) <= 2 * sigma ? 1 : 0
            }
            #expect(within > 180, "two standard deviations hold 95 %: \(within) of 200, \(random)")
        }
    }

    @Test func refusesRowsThatAreNotThere() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            try Self.write(folder + "/codes", (0..<20).map { _ in random.vector(5) }, metric: .l2)
            let reader = try CodesReader(folder + "/codes")
            let query = reader.makeQuery()
            var out: [Float] = [7, 7, 7]
            for row: UInt32 in [20, .max] {
                #expect(!reader.estimates(query, rows: [1, row, 2], count: 3, into: &out))
                #expect(out == [7, 7, 7])
            }
            #expect(reader.estimates(query, rows: [1, 19, 2], count: 3, into: &out))
            #expect(reader.estimates(query, rows: [99], count: 0, into: &out))
        }
    }

    // MARK: damage

    @Test func noRowsAndTooManyComponents() throws {
        try withTemporaryDirectory { folder in
            let writer = try CodesWriter(folder + "/none", dimension: 7, metric: .ip)
            try writer.finish()
            #expect(try CodesReader(folder + "/none").rowCount == 0)
            let error = #expect(throws: BelfryError.self) {
                try CodesWriter(folder + "/wide", dimension: 65_537, metric: .ip)
            }
            #expect(error?.code == .unsupported)
        }
    }

    @Test func everyTruncationIsAClearError() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            try Self.write(folder + "/good", (0..<5).map { _ in random.vector(9) }, metric: .l2)
            let file = try System.read(folder + "/good")
            for length in 0..<file.count {
                try file.prefix(length).writeAnew(to: folder + "/cut")
                let error = #expect(throws: BelfryError.self) { try CodesReader(folder + "/cut") }
                #expect(error?.code == .corruptData, "\(length) bytes")
            }
        }
    }

    @Test func everyFlippedByteIsFound() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            try Self.write(folder + "/good", (0..<5).map { _ in random.vector(9) }, metric: .cosine)
            let file = try System.read(folder + "/good")
            for offset in file.indices {
                var bytes = file
                bytes[offset] ^= 1 << UInt8(offset % 8)
                try bytes.writeAnew(to: folder + "/flipped")
                let problems = SegmentFile.check(folder + "/flipped")
                #expect(!problems.isEmpty && problems.allSatisfy { $0.location?.file == folder + "/flipped" })
                if let reader = try? CodesReader(folder + "/flipped") {
                    #expect(reader.check().contains { $0.location?.place?.hasPrefix("byte ") == true })
                }
            }
        }
    }

    /// Random bytes over records and parameters: an error or a wrong answer, but an answer.
    @Test(arguments: Metric.indexed) func randomBytesNeverCrash(metric: Metric) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let rows = (0..<300).map { _ in random.vector(21) }
            let (shard, good) = try ExactCodesTests.open(rows, folder, metric: metric)
            let file = try System.read(good.path)
            let container = try SegmentFile(good.path)
            let parts = [try container.range(of: "records"), try container.range(of: "params")]
            for round in 0..<200 {
                var bytes = file
                let part = parts[round % 4 == 3 ? 1 : 0]
                switch round % 3 {
                case 0: for place in part { bytes[place] = .random(in: 0...255, using: &random) }
                case 1: for place in part { bytes[place] = 0xff }
                default:
                    for _ in 0..<20 {
                        bytes[Int.random(in: part, using: &random)] = [0, 0x7f, 0x80, 0xff].randomElement(
                            using: &random)!
                    }
                }
                try resealed(bytes, container).writeAnew(to: folder + "/odd")
                guard let codes = try? CodesReader(folder + "/odd") else { continue }
                let search = ExactSearch(shard, codes: codes, metric: metric)
                let few = RowSet(stride(from: 0, to: 300, by: 7), capacity: 300)
                for kept in [nil, few] {
                    do throws(BelfryError) {
                        let found = try search.search(rows[round], k: 10, filter: kept.map(RowFilter.init))
                        #expect(found.count <= 10 && found.allSatisfy { $0.row < 300 })
                    } catch {
                        #expect(error.code == .corruptData)
                    }
                }
                let query = codes.makeQuery()
                var out = [Float](repeating: 0, count: codes.rowCount)
                let vector = random.vector(codes.dimension)
                query.prepare(vector)
                codes.estimates(query, rows: 0..<codes.rowCount, into: &out)
                for row in stride(from: 0, to: codes.rowCount, by: 50) {
                    _ = codes.errorBound(query, row: row, estimate: out[row])
                }
            }
        }
    }

    /// Makes the checksums right again, so that hostile bytes are reached.
    private func resealed(_ file: Data, _ container: SegmentFile) throws -> Data {
        var bytes = [UInt8](file)
        func put(_ value: UInt32, at offset: Int) {
            withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(offset..<offset + 4, with: $0) }
        }
        for (index, name) in ["records", "params"].enumerated() {
            put(bytes[try container.range(of: name)].withUnsafeBytes { CRC32C.of($0) }, at: 64 + 32 * index + 24)
        }
        put(0, at: 32)
        put(bytes[..<128].withUnsafeBytes { CRC32C.of($0) }, at: 32)
        return Data(bytes)
    }
}
