import TestSupport
import Testing

@testable import Vectors

@Suite struct DistanceKernelTests {
    /// The distance in f64, and the sum of what was added up, which bounds the rounding error.
    static func reference(_ metric: Metric, _ q: ArraySlice<Float>, _ x: ArraySlice<Float>) -> (Double, Double) {
        var product = 0.0, products = 0.0, sum = 0.0, differences = 0.0, qq = 0.0, xx = 0.0
        for (a, b) in zip(q, x) {
            let (a, b) = (Double(a), Double(b))
            product += a * b
            products += abs(a * b)
            sum += abs(a - b)
            differences += (a - b) * (a - b)
            qq += a * a
            xx += b * b
        }
        switch metric {
        case .l1: return (sum, sum)
        case .l2: return (differences, differences)
        case .ip: return (-product, products)
        case .cosine:
            let lengths = (qq * xx).squareRoot()
            return lengths == 0 ? (0, 0) : (-product / lengths, products / lengths + abs(product) / lengths)
        }
    }

    /// Every dimension, each row against f64; alone, among others, misaligned and against a guard page to the bit.
    @Test(arguments: InstructionSet.available, Metric.allCases)
    func everyDimension(instructionSet: InstructionSet, metric: Metric) {
        var random = SeededGenerator()
        let kernel = DistanceKernel(metric: metric, instructionSet: instructionSet)
        let twin = DistanceKernel(metric: metric, instructionSet: .scalar)
        let rows = 9
        let numbers = random.vector((rows + 1) * 1_100)
        let memory = GuardedMemory(atLeast: rows * 1_116)
        let queryMemory = GuardedMemory(atLeast: 1_100)
        var out = [Float](repeating: 0, count: rows + 1)
        for dimension in 1...1_100 {
            // Rows apart by NaN, the last one at the guard page.
            let stride = dimension + dimension % 5
            memory.poison()
            let first = memory.end - (rows - 1) * stride - dimension
            for row in 0..<rows {
                for i in 0..<dimension { first[row * stride + i] = numbers[(row + 1) * 1_100 + i] }
            }
            queryMemory.poison()
            let query = queryMemory.end - dimension
            for i in 0..<dimension { query[i] = numbers[i] }
            let prepared = kernel.prepare(query, dimension: dimension)
            out[rows] = 123
            kernel.distances(to: prepared, rows: first, stride: stride, count: rows, into: &out)
            #expect(out[rows] == 123, "writes beyond the count")
            let all = Array(out[..<rows])
            var scalar = all
            let twinQuery = twin.prepare(query, dimension: dimension)
            twin.distances(to: twinQuery, rows: first, stride: stride, count: rows, into: &scalar)

            let epsilon = Double(Float.ulpOfOne) * Double(16 + dimension / 8)
            for row in 0..<rows {
                let x = numbers[((row + 1) * 1_100)..<((row + 1) * 1_100 + dimension)]
                let (expected, sum) = Self.reference(metric, numbers[..<dimension], x)
                let context = "\(instructionSet) \(metric) dimension \(dimension) row \(row), \(random)"
                #expect(abs(Double(all[row]) - expected) <= epsilon * sum, "\(context)")
                #expect(abs(Double(all[row]) - Double(scalar[row])) <= 2 * epsilon * sum, "\(context)")
                #expect(kernel.distance(to: prepared, row: first + row * stride) == all[row], "alone: \(context)")
            }
            // Any number of rows from any row on.
            for count in 1..<rows {
                let skip = (dimension + count) % (rows - count + 1)
                kernel.distances(
                    to: prepared, rows: first + skip * stride, stride: stride, count: count, into: &out)
                #expect(Array(out[..<count]) == Array(all[skip..<skip + count]), "\(count) rows, \(random)")
            }
            // The same rows without gaps, from another address, directly behind the guard page.
            for offset in [0, dimension % 16] {
                memory.poison()
                let moved = memory.start + offset
                for row in 0..<rows {
                    for i in 0..<dimension { moved[row * dimension + i] = numbers[(row + 1) * 1_100 + i] }
                }
                kernel.distances(to: prepared, rows: moved, count: rows, into: &out)
                #expect(Array(out[..<rows]) == all, "moved, dimension \(dimension), \(random)")
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func zeroRowsAreSimilarToNothing(instructionSet: InstructionSet) {
        let kernel = DistanceKernel(metric: .cosine, instructionSet: instructionSet)
        for dimension in [1, 7, 16, 33, 384] {
            let zero = [Float](repeating: 0, count: dimension)
            let one = [Float](repeating: 1, count: dimension)
            #expect(kernel.distance(to: kernel.prepare(one, dimension: dimension), row: zero) == 0)
            #expect(kernel.distance(to: kernel.prepare(zero, dimension: dimension), row: one) == 0)
            #expect(kernel.distance(to: kernel.prepare(zero, dimension: dimension), row: zero) == 0)
            #expect(abs(kernel.distance(to: kernel.prepare(one, dimension: dimension), row: one) + 1) < 1e-6)
        }
    }

    @Test(arguments: InstructionSet.available, Metric.allCases)
    func aNaNAnywhereGivesNaN(instructionSet: InstructionSet, metric: Metric) {
        let kernel = DistanceKernel(metric: metric, instructionSet: instructionSet)
        for dimension in [1, 5, 16, 40, 100] {
            for place in 0..<dimension {
                let zero = [Float](repeating: 0, count: dimension)
                let fine = [Float](repeating: 0.5, count: dimension)
                var broken = fine
                broken[place] = .nan
                #expect(kernel.distance(to: kernel.prepare(fine, dimension: dimension), row: broken).isNaN)
                #expect(kernel.distance(to: kernel.prepare(zero, dimension: dimension), row: broken).isNaN)
                #expect(kernel.distance(to: kernel.prepare(broken, dimension: dimension), row: fine).isNaN)
            }
        }
    }

    @Test func noRowsAndNoComponents() {
        for metric in Metric.allCases {
            for instructionSet in InstructionSet.available {
                let kernel = DistanceKernel(metric: metric, instructionSet: instructionSet)
                var out: [Float] = [7, 7]
                kernel.distances(to: kernel.prepare([1], dimension: 1), rows: [1], count: 0, into: &out)
                #expect(out == [7, 7])
                kernel.distances(to: kernel.prepare([1], dimension: 0), rows: [1], count: 2, into: &out)
                #expect(out == [0, 0])
            }
        }
    }
}
