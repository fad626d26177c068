import CKernels
import TestSupport
import Testing

@testable import Vectors

/// The kernels over codes, each instruction set against plain C.
@Suite struct CodesKernelTests {
    /// Every dimension: the same record, the same query, the same estimates and hits as plain C, to the bit.
    @Test(arguments: InstructionSet.available, Metric.indexed)
    func everyDimension(instructionSet: InstructionSet, metric: Metric) {
        var random = SeededGenerator()
        let rows = 19
        let numbers = random.vector((rows + 1) * 1_100)
        let ids: [UInt32] = (0..<21).map { _ in UInt32.random(in: 0..<UInt32(rows), using: &random) }
        let scratch = UnsafeMutablePointer<Double>.allocate(capacity: 2_200)
        defer { scratch.deallocate() }
        for dimension in 1...1_100 {
            let context = "\(instructionSet) \(metric) dimension \(dimension), \(random)"
            let code = ByteCode(dimension: dimension, metric: metric, instructionSet: instructionSet)
            let twin = ByteCode(dimension: dimension, metric: metric, instructionSet: .scalar)
            // The records end at a page that no one may touch.
            let bytes = rows * code.recordSize + ByteCode.padding
            let memory = GuardedMemory(atLeast: bytes / 4 + 1)
            let records = UnsafeMutableRawPointer(memory.end).assumingMemoryBound(to: UInt8.self) - bytes
            var twinRecords = [UInt8](repeating: 1, count: rows * code.recordSize)
            numbers.withUnsafeBufferPointer { numbers in
                let first = numbers.baseAddress! + 1_100
                code.encode(first, count: rows, into: records, scratch: scratch)
                twin.encode(first, count: rows, into: &twinRecords, scratch: scratch)
            }
            let same = twinRecords.withUnsafeBufferPointer {
                $0.elementsEqual(UnsafeBufferPointer(start: records, count: rows * code.recordSize))
            }
            #expect(same, "records, \(context)")

            let query = ByteCode.Query(dimension: dimension, metric: metric, instructionSet: instructionSet)
            let twinQuery = ByteCode.Query(dimension: dimension, metric: metric, instructionSet: .scalar)
            query.prepare(numbers)
            twinQuery.prepare(numbers)
            let (a, b) = (query.prepared.pointee, twinQuery.prepared.pointee)
            #expect(a.step == b.step && a.sum == b.sum && a.base == b.base && a.radius == b.radius, "\(context)")

            var out = [Float](repeating: 0, count: rows + 1)
            var expected = out
            for first in [0, dimension % 8] {
                let count = rows - first - dimension % 3
                out[count] = 7
                code.estimates(query, records, first: first, count: count, into: &out)
                twin.estimates(twinQuery, records, first: first, count: count, into: &expected)
                #expect(out[count] == 7, "writes beyond the count")
                #expect(out[..<count] == expected[..<count], "\(context)")
            }
            out = [Float](repeating: 0, count: ids.count + 1)
            expected = out
            for count in [0, 1, dimension % 21, 21] {
                code.estimates(query, records, rows: ids, count: count, into: &out)
                twin.estimates(twinQuery, records, rows: ids, count: count, into: &expected)
                #expect(out == expected, "gathered \(count), \(context)")
            }
            let limit = expected[..<21].sorted()[10]
            var hits = [ByteCode.Hit](repeating: .init(), count: 22)
            var expectedHits = hits
            for limit in [limit, .infinity, -.infinity] {
                let n = code.scan(query, records, first: 2, count: rows - 2, limit: limit, into: &hits)
                let m = twin.scan(twinQuery, records, first: 2, count: rows - 2, limit: limit, into: &expectedHits)
                #expect(n == m && zip(hits[..<n], expectedHits[..<m]).allSatisfy(Self.equal), "scan, \(context)")
                let g = code.scan(query, records, rows: ids, count: 21, limit: limit, into: &hits)
                let h = twin.scan(twinQuery, records, rows: ids, count: 21, limit: limit, into: &expectedHits)
                #expect(g == h && zip(hits[..<g], expectedHits[..<h]).allSatisfy(Self.equal), "listed, \(context)")
                if limit == .infinity {
                    for hit in hits[..<g] {
                        let estimate = (hit.lower + hit.upper) / 2
                        let bound = code.errorBound(query, records, row: Int(hit.row), estimate: estimate)
                        let scale = max(abs(estimate), bound) * 1e-5
                        #expect(abs(hit.upper - estimate - bound) <= scale, "bound, \(context)")
                    }
                }
            }
        }
    }

    private static func equal(_ a: ByteCode.Hit, _ b: ByteCode.Hit) -> Bool {
        a.row == b.row && a.lower == b.lower && a.upper == b.upper
    }

    /// Codes and planes at their largest, in dimensions where sums of 16 or 32 bits would overflow.
    @Test(arguments: InstructionSet.available)
    func noSumOverflows(instructionSet: InstructionSet) {
        for dimension in [1, 64, 960, 961, 1_920, 5_000, 65_536] {
            let code = ByteCode(dimension: dimension, metric: .ip, instructionSet: instructionSet)
            let query = ByteCode.Query(dimension: dimension, metric: .ip, instructionSet: instructionSet)
            var row = [Float](repeating: 255, count: dimension)
            if dimension > 1 { row[0] = 0 }
            var records = [UInt8](repeating: 0, count: code.recordSize + ByteCode.padding)
            var scratch = [Double](repeating: 0, count: 2 * dimension)
            code.encode(row, count: 1, into: &records, scratch: &scratch)
            for sign: Float in [1, -1] {
                query.prepare([Float](repeating: sign * 8_255, count: dimension))
                var estimate: Float = 0
                code.estimates(query, records, first: 0, count: 1, into: &estimate)
                let sum = Double(dimension > 1 ? dimension - 1 : 1) * 255 * 8_255
                #expect(abs(Double(estimate) / sum + Double(sign)) < 1e-6, "\(dimension)")
            }
        }
    }
}
