import CKernels
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

    @Test func combinationsAreThoseOfSets() {
        var random = SeededGenerator()
        for (one, other) in [(0, 0), (0, 5), (5, 0), (64, 64), (65, 200), (200, 130), (130, 191), (1_000, 1_000)] {
            let (a, b) = (
                Set((0..<one).filter { _ in Bool.random(using: &random) }),
                Set((0..<other).filter { _ in Bool.random(using: &random) })
            )
            let (first, second) = (RowSet(a, capacity: one), RowSet(b, capacity: other))
            #expect(first.intersection(second) == RowSet(a.intersection(b), capacity: min(one, other)), "\(random)")
            #expect(first.subtracting(second) == RowSet(a.subtracting(b), capacity: one), "\(random)")
            #expect(first.union(second) == RowSet(a.union(b).filter { $0 < one }, capacity: one), "\(random)")
            #expect(first.intersection(second).count == a.intersection(b).count)
            #expect(first.union(second).count == a.union(b).count { $0 < one })
            #expect(RowSet(capacity: one).union(second).count == b.count { $0 < one })
        }
    }

    @Test(arguments: InstructionSet.available) func kernelsAgreeOnEveryLength(_ set: InstructionSet) {
        var random = SeededGenerator()
        for count in 0..<70 {
            let (a, b) = (
                (0..<count).map { _ in UInt64.random(in: 0...UInt64.max, using: &random) },
                (0..<count).map { _ in UInt64.random(in: 0...UInt64.max, using: &random) }
            )
            func check(
                _ kernel: (
                    belfry_isa, UnsafeMutablePointer<UInt64>?, UnsafePointer<UInt64>?, UnsafePointer<UInt64>?, Int
                ) -> Int, _ word: (UInt64, UInt64) -> UInt64
            ) {
                let wanted = zip(a, b).map(word)
                var out = [UInt64](repeating: 7, count: count + 1)
                let bits = out.withUnsafeMutableBufferPointer { kernel(set.isa, $0.baseAddress, a, b, count) }
                #expect(Array(out.dropLast()) == wanted && out[count] == 7, "\(count), \(random)")
                #expect(bits == wanted.reduce(0) { $0 + $1.nonzeroBitCount }, "\(count), \(random)")
                #expect(belfry_words_count(set.isa, wanted, count) == bits)
            }
            check(belfry_words_and) { $0 & $1 }
            check(belfry_words_or) { $0 | $1 }
            check(belfry_words_and_not) { $0 & ~$1 }
        }
    }
}
