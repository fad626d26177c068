import TestSupport
import Testing

@testable import Belfry

@Suite struct RandomOrderTests {
    @Test func everyNumberComesOnce() {
        for count in [0, 1, 2, 7, 1_000] {
            #expect(RandomOrder(count, seed: 5).sorted() == Array(0..<count))
            #expect(Array(RandomOrder(count, seed: 5)) == Array(RandomOrder(count, seed: 5)))
        }
        #expect(Array(RandomOrder(1_000, seed: 5)) != Array(RandomOrder(1_000, seed: 6)))
        // Of very many numbers a few cost what few cost.
        #expect(Set(RandomOrder(.max, seed: 1).prefix(1_000)).count == 1_000)
    }

    @Test func everySampleIsEquallyLikely() {
        // All 60 ordered samples of 3 of 5, 600 times each on average; the limit is that of chi squared with 59 degrees at
        // one in a million.
        var counts: [[Int]: Int] = [:]
        for seed in 0..<36_000 as Range<UInt64> { counts[Array(RandomOrder(5, seed: seed).prefix(3)), default: 0] += 1 }
        #expect(counts.count == 60)
        let distance = counts.values.reduce(0.0) { $0 + (Double($1) - 600) * (Double($1) - 600) / 600 }
        #expect(distance < 123, "\(distance)")
    }
}
