import TestSupport
import Testing

@testable import Recipes

@Suite struct EvenSampleTests {
    private static func rows(_ count: Int, of total: Int) -> [Int] {
        var sample = EvenSample(count, of: total)
        return (0..<total).filter { _ in sample.takesNext() }
    }

    @Test func drawsAsManyAsAreWantedFromEveryPart() {
        var random = SeededGenerator()
        for _ in 0..<200 {
            let total = Int.random(in: 1...5_000, using: &random)
            let count = Int.random(in: 1...6_000, using: &random)
            let rows = Self.rows(count, of: total)
            #expect(rows.count == min(count, total), "\(random)")
            #expect(rows == Self.rows(count, of: total))
            // One of every stretch: no two neighbors are farther apart than two stretches.
            let stretch = Double(total) / Double(min(count, total))
            for (row, next) in zip([-1] + rows, rows + [total]) { #expect(Double(next - row) <= 2 * stretch + 2) }
        }
        #expect(Self.rows(3, of: 3) == [0, 1, 2] && Self.rows(5, of: 0).isEmpty)
    }

    /// A rhythm of the rows does not decide: of sizes S, M and L in turn, all are drawn.
    @Test func noRhythmDecides() {
        let drawn = Self.rows(1_000, of: 3_000).map { $0 % 3 }
        for size in 0..<3 { #expect(drawn.count { $0 == size } > 250) }
    }
}
