import Files
import TestSupport
import Testing

@testable import Belfry

@Suite struct FacetTests {
    @Test func valuesAreCountedOncePerPoint() throws {
        var facet = Facet(try JSONPath("a"))
        for payload in [["a": ["x", "x", 1]], ["a": "x"], ["a": true], ["a": [.null, 2.5, [3]]], ["b": 1], ["a": 1]]
            as [JSON]
        {
            facet.add(payload)
        }
        #expect(
            facet.hits(9) == [
                .init(value: .string("x"), count: 2), .init(value: .integer(1), count: 2),
                .init(value: .bool(true), count: 1),
            ])
        #expect(facet.hits(1).count == 1 && facet.hits(0).isEmpty)
    }

    @Test func partsAddUpAndCountsAreThoseOfFilters() throws {
        var filters = RandomFilters(SeededGenerator())
        for round in 0..<40 {
            let points = (0..<50).map { filters.point($0) }
            for name in ["brand", "left", "new", "stock[].shop", "tags", "country.name"] {
                let path = try JSONPath(name)
                var (whole, first, second) = (Facet(path), Facet(path), Facet(path))
                for (index, point) in points.enumerated() {
                    whole.add(point.payload)
                    if index % 3 == 0 { first.add(point.payload) } else { second.add(point.payload) }
                }
                first.add(second)
                #expect(first.hits(1_000) == whole.hits(1_000), "\(round), \(filters.random)")
                for hit in whole.hits(1_000) {
                    let condition = Filter(must: [.field(path, .match(hit.value))])
                    #expect(points.count { condition.matches($0) } == hit.count, "\(name) = \(hit), \(filters.random)")
                }
                let counts = whole.hits(1_000).map(\.count)
                #expect(counts == counts.sorted(by: >))
            }
        }
    }
}
