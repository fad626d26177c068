import Files
import Shards
import TestSupport
import Testing

@testable import Belfry

@Suite struct OrderByTests {
    private static func pages(_ order: OrderBy, _ kind: OrderBy.Kind, _ points: [(PointID, JSON)], by size: Int)
        -> [OrderedPoint]
    {
        var all: [OrderedPoint] = []
        while true {
            var page = OrderedPoints(order, as: kind, limit: size, after: all.last)
            for (id, payload) in points { page.offer(id, payload) }
            all += page.points
            if page.points.count < size { return all }
        }
    }

    @Test func pagesAreTheWholeOrder() throws {
        var filters = RandomFilters(SeededGenerator())
        for round in 0..<60 {
            let points = (0..<60).map { filters.point($0) }.map { ($0.id, $0.payload) }
            let (kind, name): (OrderBy.Kind, String) = filters.pick([
                (.integers, "left"), (.floats, "price"), (.times, "day"),
            ])
            let order = OrderBy(
                try JSONPath(name), isDescending: filters.chance(0.5),
                start: filters.chance(0.5) ? filters.pick([.integer(3), .float(2.5), .integer(0)]) : nil)
            let all = Self.pages(order, kind, points, by: 1_000)
            #expect(
                Self.pages(order, kind, points.shuffled(using: &filters.random), by: 7) == all,
                "\(round), \(filters.random)")
            // Every value of every point, once, from the start on.
            var wanted = 0
            for (_, payload) in points { wanted += order.values(of: payload, as: kind).count }
            #expect(all.count == wanted && Set(all).count == wanted)
            for (a, b) in zip(all, all.dropFirst()) {
                #expect(
                    a.value == b.value ? a.id < b.id : (a.value < b.value) != order.isDescending, "\(filters.random)")
            }
            if let start = order.start {
                #expect(all.allSatisfy { order.isDescending ? $0.value <= start : $0.value >= start })
            }
        }
    }

    @Test func kindsSayWhatCounts() throws {
        let values: JSON = [
            .integer(9_007_199_254_740_993), .number(9_007_199_254_740_992), 1, .number(1), 2.5, "2026-01-01",
            .bool(true), .null,
            [[7]], .unsigned(.max),
        ]
        let order = OrderBy(JSONPath(member: "n"))
        func count(_ kind: OrderBy.Kind) -> Int { order.values(of: ["n": values], as: kind).count }
        #expect(count(.numbers) == 5 && count(.integers) == 2 && count(.floats) == 4 && count(.times) == 1)
        let first = OrderBy(JSONPath(member: "n"), isDescending: true, start: .integer(9_007_199_254_740_993))
        #expect(first.values(of: ["n": values], as: .numbers).max() == .integer(9_007_199_254_740_993))
    }

    @Test func manyPointsAreCutOnTheWay() throws {
        var random = SeededGenerator()
        let numbers = (0..<20_000).map { Int64($0) }.shuffled(using: &random)
        var first = OrderedPoints(OrderBy(JSONPath(member: "n"), isDescending: true), as: .integers, limit: 5)
        for number in numbers { first.offer(.number(UInt64(number)), ["n": .integer(number)]) }
        #expect(first.points.map(\.id) == [19_999, 19_998, 19_997, 19_996, 19_995].map { .number($0) })
    }

    @Test func numbersAreComparedExactly() {
        let values: [OrderValue] = [
            .float(-.infinity), .integer(.min), .float(-9_007_199_254_740_994), .integer(-9_007_199_254_740_993),
            .float(-0.5),
            .integer(0), .float(0.5), .integer(1), .float(9_007_199_254_740_992), .integer(9_007_199_254_740_993),
            .integer(.max), .float(0x1p63), .float(.infinity),
        ]
        for (i, a) in values.enumerated() {
            for (j, b) in values.enumerated() { #expect((a < b) == (i < j) && (a == b) == (i == j)) }
        }
        #expect(OrderValue.integer(2) == .float(2) && Set([OrderValue.integer(2), .float(2)]).count == 1)
        #expect(OrderValue.float(-0x1p63) == .integer(.min) && OrderValue.float(-0.0) == .integer(0))
    }

    @Test func wireFormat() throws {
        #expect(try OrderBy(json: "a.b") == OrderBy(JSONPath("a.b")))
        #expect(
            try OrderBy(json: ["key": "a", "direction": "desc", "start_from": "1970-01-01T00:00:01Z"])
                == OrderBy(JSONPath("a"), isDescending: true, start: .integer(1_000_000)))
        #expect(try OrderBy(json: ["key": "a", "start_from": 1.5]).start == .float(1.5))
        for (json, part) in [
            (["key": "a", "direction": "down"], "direction is \"down\""), (["key": "a["], "key: The payload key"),
            (["direction": "asc"], "has no key"), (["key": "a", "start_from": "x"], "start_from is \"x\""),
            (["key": "a", "start": 1], "Did you mean start_from"), (5, "order_by is 5"),
        ] as [(JSON, String)] {
            let error = #expect(throws: BelfryError.self) { try OrderBy(json: json) }
            #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
        }
    }
}
