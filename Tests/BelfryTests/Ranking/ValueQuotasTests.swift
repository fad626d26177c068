import Files
import Shards
import TestSupport
import Testing

@testable import Belfry

@Suite struct ValueQuotasTests {
    private static func taken(_ quotas: ValueQuotas, _ values: [JSON]) -> (ids: [UInt64], missing: Int) {
        var quotas = quotas
        var ids: [UInt64] = []
        for (place, value) in values.enumerated() {
            if quotas.offer(RankedPoint(.number(UInt64(place)), -Float(place)), ["v": value]) {
                ids.append(UInt64(place))
            }
        }
        #expect(quotas.points.map(\.id) == ids.map { .number($0) })
        return (ids, quotas.missing)
    }

    @Test func eachValueHasItsPlaces() throws {
        let path = try JSONPath("v")
        let values: [JSON] = ["n", "n", "s", "n", ["n", "s"], ["s", "e"], "s", .null, 1, 1, 1]
        var found = Self.taken(ValueQuotas(of: path, limit: 100, others: 2), values)
        #expect(found.ids == [0, 1, 2, 5, 7, 8, 9] && found.missing == 93)
        // Null is no value.
        found = Self.taken(ValueQuotas(of: path, limit: 5, quotas: [.string("n"): 1]), values)
        #expect(found.ids == [0, 2, 5, 6, 7] && found.missing == 0)
        found = Self.taken(
            ValueQuotas(of: path, limit: 9, quotas: [.string("n"): 3, .string("s"): 1], others: 0), values)
        #expect(found.ids == [0, 1, 2, 3] && found.missing == 0)
    }

    @Test func noValueHasMoreThanItsQuota() throws {
        var filters = RandomFilters(SeededGenerator())
        for round in 0..<200 {
            let points = (0..<60).map { filters.point($0) }
            let path = try JSONPath(filters.pick(["brand", "left", "tags", "stock[].shop"]))
            let others = filters.pick([nil, 0, 1, 2, 3])
            let quotas: [GroupKey: Int] = [.string("Acme"): 2, .integer(1): 1, .string("new"): 0]
            var taken = ValueQuotas(of: path, limit: filters.pick([5, 1_000]), quotas: quotas, others: others)
            var counts: [GroupKey: Int] = [:]
            for (place, point) in points.enumerated() {
                let keys = GroupKey.all(path, of: point.payload).keys
                let room = keys.allSatisfy { counts[$0, default: 0] < quotas[$0] ?? others ?? .max }
                let wanted = taken.missing > 0 && room && !(keys.isEmpty && others == 0)
                #expect(
                    taken.offer(RankedPoint(point.id, -Float(place)), point.payload) == wanted,
                    "\(round), \(filters.random)")
                if wanted { for key in keys { counts[key, default: 0] += 1 } }
            }
        }
    }
}
