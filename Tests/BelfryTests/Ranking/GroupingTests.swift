import Files
import Shards
import TestSupport
import Testing

@testable import Belfry

/// The engine's Python interface has no groups. A point in several groups, values that are no keys and the order of groups are
/// what Qdrant 1.19 makes of them (`lib/shard/src/grouping`). Where ours are different, and meant to be:
/// - The engine asks five times for groups and five times for more of their points, and answers with what it has then. Here
///   the caller decides how often.
/// - Where keys are texts and numbers, its second question is for points that have both; ours for points with either.
@Suite struct GroupingTests {
    private static func point(_ id: UInt64, _ score: Float) -> RankedPoint { RankedPoint(.number(id), score) }

    private static func shown(_ grouping: Grouping) -> [String] {
        grouping.groups.map { "\($0.key.json): " + $0.points.map(\.id.description).joined(separator: " ") }
    }

    @Test func groupsStandInTheOrderOfTheirBestPoints() throws {
        var grouping = Grouping(by: try JSONPath("g"), limit: 3, size: 2)
        for (id, value) in [
            (9, ["a", "a"]), (8, ["b", "a"]), (7, "a"), (6, ["c", .null]), (5, 1.5), (4, true), (3, 7),
            (2, ["late", "b"]),
            (1, "b"),
        ] as [(UInt64, JSON)] {
            grouping.offer(Self.point(id, Float(id)), ["g": value])
            grouping.offer(Self.point(id, Float(id)), ["g": "again"])
        }
        #expect(Self.shown(grouping) == [#""a": 9 8"#, #""b": 8 2"#, "7: 3"])
        #expect(grouping.missing == 1)
        #expect(Self.shown(Grouping(by: try JSONPath("g"), limit: 0, size: 2)) == [])
    }

    @Test func whatIsMissingIsAFilter() throws {
        var grouping = Grouping(by: try JSONPath("g"), limit: 2, size: 1)
        #expect(grouping.missing == 2 && grouping.candidates.description == "g exists")
        grouping.offer(Self.point(1, 9), ["g": "a"])
        #expect(grouping.candidates.description == "g other than ('a') and g exists and not id in (1)")
        var open = Grouping(by: try JSONPath("g"), limit: 2, size: 2)
        open.offer(Self.point(1, 9), ["g": "a"])
        open.offer(Self.point(2, 8), ["g": 5])
        #expect(open.candidates.description == "(g in ('a') or g in (5)) and g exists and not id in (1, 2)")
        var large = Grouping(by: try JSONPath("g"), limit: .max, size: .max)
        large.offer(Self.point(1, 9), ["g": .unsigned(.max)])
        #expect(large.missing == .max - 1 && large.candidates.must.isEmpty)
    }

    /// All points of each value, of which the first are taken, and the first values.
    private static func sorted(_ points: [FilteredPoint], _ path: JSONPath, _ limit: Int, _ size: Int) -> [String] {
        var keys: [GroupKey] = []
        var members: [GroupKey: [String]] = [:]
        for point in points {
            let (own, areAll) = GroupKey.all(path, of: point.payload)
            for key in areAll ? own : [] {
                if members[key] == nil { keys.append(key) }
                members[key, default: []].append(point.id.description)
            }
        }
        return keys.prefix(limit).map { "\($0.json): " + members[$0]!.prefix(size).joined(separator: " ") }
    }

    /// Searching on with the filter finds what looking at all points finds.
    @Test func searchingOnIsLookingAtAll() throws {
        var filters = RandomFilters(SeededGenerator())
        for round in 0..<150 {
            let points = (0..<120).map { filters.point($0) }.sorted { $0.id < $1.id }
            let path = try JSONPath(filters.pick(["brand", "left", "tags", "stock[].shop", "any", "price"]))
            let limit = Int.random(in: 1...6, using: &filters.random)
            let size = Int.random(in: 1...4, using: &filters.random)
            var whole = Grouping(by: path, limit: limit, size: size)
            for (place, point) in points.enumerated() {
                whole.offer(RankedPoint(point.id, -Float(place)), point.payload)
            }
            #expect(Self.shown(whole) == Self.sorted(points, path, limit, size), "\(round), \(filters.random)")
            var steps = Grouping(by: path, limit: limit, size: size)
            var searches = 0
            while steps.missing > 0 {
                let filter = steps.candidates
                let found = points.enumerated().filter { filter.matches($0.element) }.prefix(5)
                if found.isEmpty { break }
                for (place, point) in found { steps.offer(RankedPoint(point.id, -Float(place)), point.payload) }
                searches += 1
            }
            #expect(
                Self.shown(steps) == Self.shown(whole) && steps.missing == whole.missing, "\(round), \(filters.random)")
            #expect(searches <= 24)
        }
    }
}
