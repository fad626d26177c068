import Testing

@testable import Belfry

@Suite struct RecentValuesTests {
    @Test func whatIsAskedForStays() {
        var values = RecentValues<Int, Int>(bytes: 100 * 1_256)
        values.keep(-1, for: -1, bytes: 1_000)
        for number in 0..<10_000 {
            values.keep(number, for: number, bytes: 1_000)
            #expect(values.value(number) == number)
            #expect(values.value(-1) == -1)
        }
        // Half of them at the least, and no more than all.
        let kept = (0..<10_000).count { values.value($0) != nil }
        #expect((49...100).contains(kept), "\(kept)")
    }

    @Test func whatIsTooLargeIsNotKept() {
        var values = RecentValues<String, Int>(bytes: 10_000)
        values.keep(1, for: "a", bytes: 100)
        values.keep(2, for: "b", bytes: 100)
        values.keep(3, for: "a", bytes: 9_000)
        #expect(values.value("a") == nil && values.value("b") == 2)
        values.keep(4, for: "b", bytes: 200)
        #expect(values.value("b") == 4)
    }
}
