import TestSupport
import Testing

@testable import Vectors

@Suite struct RowSetTests {
    /// Against plain sets, with capacities that differ from the number of rows.
    @Test func aFilterKeepsWhatIsKeptAndNotExcluded() {
        var random = SeededGenerator()
        for count in [0, 1, 63, 64, 65, 200] {
            for capacity in [0, count / 2, count, count + 70] {
                func some() -> RowSet? {
                    guard Int.random(in: 0..<4, using: &random) > 0 else { return nil }
                    return RowSet((0..<capacity).filter { _ in Bool.random(using: &random) }, capacity: capacity)
                }
                let (excluded, kept) = (some(), some())
                let filter = RowFilter(of: count, keeping: kept, except: excluded)
                #expect((filter == nil) == (kept == nil && excluded?.count ?? 0 == 0))
                guard let filter else { continue }
                let expected = (0..<count).filter {
                    excluded?.contains($0) != true && (kept?.contains($0) ?? true)
                }
                #expect(filter == RowFilter(RowSet(expected, capacity: count)), "\(count) rows, \(random)")
                #expect(filter.count == expected.count && filter.listed == expected.map { UInt32($0) }, "\(random)")
                #expect((0..<count).filter(filter.keeps) == expected, "\(random)")
            }
        }
    }

    @Test func theIntersectionIsWhatBothHold() {
        var random = SeededGenerator()
        for (one, other) in [(0, 5), (64, 64), (65, 200), (200, 130)] {
            let (a, b) = (
                Set((0..<one).filter { _ in Bool.random(using: &random) }),
                Set((0..<other).filter { _ in Bool.random(using: &random) })
            )
            let both = RowSet(a, capacity: one).intersection(RowSet(b, capacity: other))
            #expect(both == RowSet(a.intersection(b), capacity: min(one, other)), "\(random)")
        }
    }
}
