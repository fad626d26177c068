import TestSupport
import Testing

@testable import Vectors

@Suite struct RowSetTests {
    /// Against plain sets, with capacities that differ from the number of rows.
    @Test func leavesOutWhatIsExcludedOrNotKept() {
        var random = SeededGenerator()
        for count in [0, 1, 63, 64, 65, 200] {
            for capacity in [0, count / 2, count, count + 70] {
                func some() -> RowSet? {
                    guard Int.random(in: 0..<4, using: &random) > 0 else { return nil }
                    return RowSet((0..<capacity).filter { _ in Bool.random(using: &random) }, capacity: capacity)
                }
                let (excluded, kept) = (some(), some())
                let set = RowSet.leftOut(of: count, excluding: excluded, keeping: kept)
                #expect((set == nil) == (excluded == nil && kept == nil))
                guard let set else { continue }
                let expected = (0..<count).filter {
                    excluded?.contains($0) == true || kept?.contains($0) == false
                }
                #expect(set == RowSet(expected, capacity: count), "\(count) rows, \(random)")
                let others = Set(0..<count).subtracting(expected).sorted()
                #expect(set.missing == others.map { UInt32($0) }, "\(random)")
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
