import Files
import Foundation
import TestSupport
import Testing
import Vectors

@Suite struct SparseVectorTests {
    @Test func sortsWhatComes() throws {
        var random = SeededGenerator()
        for count in [0, 1, 2, 3, 17, 300] {
            let indices = (0..<count).map { UInt32($0) * 14_316_557 }.shuffled(using: &random)
            let values = random.vector(count)
            let vector = try SparseVector(indices: indices, values: values)
            let order = indices.indices.sorted { indices[$0] < indices[$1] }
            #expect(vector.indices == order.map { indices[$0] } && vector.values == order.map { values[$0] })
            #expect(vector.count == count, "\(random)")
            #expect(try SparseVector(indices: vector.indices, values: vector.values) == vector)
        }
        let ends = try SparseVector(indices: [.max, 0], values: [2, 1])
        #expect(ends.indices == [0, .max] && ends.values == [1, 2])
        #expect(try SparseVector(indices: [], values: []) == SparseVector())
    }

    @Test(
        arguments: [
            ([1, 2], [1], "2 indices and 1 values"), ([3, 1, 3], [1, 2, 1], "index 3 twice"),
            ([3, 3], [1, 1], "index 3 twice"), ([.max, 0, .max], [1, 2, 3], "index 4294967295 twice"),
            ([5, 7], [1, .nan], "nan at index 7"), ([5, 7], [.infinity, 1], "inf at index 5"),
            ([9, 7], [1, -.infinity], "-inf at index 7"),
        ] as [([UInt32], [Float], String)])
    func refusesWhatIsNoVector(indices: [UInt32], values: [Float], words: String) {
        let error = #expect(throws: BelfryError.self) { _ = try SparseVector(indices: indices, values: values) }
        #expect(error?.code == .invalidInput && error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(error?.remedy != nil)
    }

    @Test func theDotProductIsThatOfWhatIsShared() throws {
        var random = SeededGenerator()
        for _ in 0..<500 {
            let (left, right) = (try Self.vector(&random), try Self.vector(&random))
            var sum: Float = 0
            for (index, value) in zip(left.indices, left.values) {
                guard let place = right.indices.firstIndex(of: index) else { continue }
                sum += value * right.values[place]
            }
            #expect(
                left.dot(right).bitPattern == sum.bitPattern && right.dot(left).bitPattern == sum.bitPattern,
                "\(random)")
        }
        #expect(SparseVector().dot(SparseVector()) == 0)
    }

    private static func vector(_ random: inout SeededGenerator) throws -> SparseVector {
        let indices = Set(
            (0..<Int.random(in: 0..<30, using: &random)).map { _ in UInt32.random(in: 0..<40, using: &random) })
        return try SparseVector(indices: Array(indices), values: random.vector(indices.count))
    }

    @Test func aTermThatFewRowsHaveSaysMore() {
        #expect(SparseVector.idf(documents: 0, frequency: 0) == Float(log(2.0)))
        #expect(SparseVector.idf(documents: 10, frequency: 2) == Float(log((10 - 2 + 0.5) / (2 + 0.5) + 1)))
        let weights = (0...100).map { SparseVector.idf(documents: 100, frequency: $0) }
        #expect(zip(weights, weights.dropFirst()).allSatisfy { $0 > $1 } && weights.last! > 0)
    }
}
