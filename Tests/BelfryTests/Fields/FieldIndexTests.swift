import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// Points in slots, and what an evaluation may ask of them.
struct SlotPoints {
    var points: [Slot: FilteredPoint] = [:]
    /// How many payloads were read.
    let reads = Counter()
    var capacity: Int

    final class Counter { var count = 0 }

    var live: RowSet { RowSet(points.keys.map { Int($0) }, capacity: capacity) }

    func slots(knowing isKnown: Bool = true) -> FilteredSlots {
        let (points, reads, capacity) = (points, reads, capacity)
        let bySlot = Dictionary(points.map { ($0.value.id, $0.key) }) { first, _ in first }
        var slots = FilteredSlots(live) { slot in
            reads.count += 1
            return points[slot]!
        }
        guard isKnown else { return slots }
        slots.slots = { ids in ids.compactMap { bySlot[$0] } }
        slots.id = { points[$0]!.id }
        slots.vectors = { name in
            RowSet(points.filter { $0.value.vectors.contains(name) }.map { Int($0.key) }, capacity: capacity)
        }
        return slots
    }

    func matching(_ filter: Filter) -> [UInt32] { points.filter { filter.matches($0.value) }.keys.sorted() }
}

@Suite struct FieldIndexTests {
    static func fields(_ filters: inout RandomFilters, _ odds: Double) -> [IndexedField] {
        let paths = RandomFilters.fields + ["tags[]", "stock", "none"]
        return paths.flatMap { path in
            FieldKind.allCases.compactMap { filters.chance(odds) ? IndexedField(try! JSONPath(path), $0) : nil }
        }
    }

    private static func check(
        _ indexes: FieldIndexes, _ points: SlotPoints, _ filters: inout RandomFilters, rounds: Int, _ what: String
    ) throws {
        for round in 0..<rounds {
            let filter = filters.filter(depth: round % 3)
            let found = try indexes.evaluate(filter, over: points.slots(knowing: round % 2 == 0))
            let wanted = points.matching(filter)
            guard found.listed != wanted else { continue }
            let wrong = Set(found.listed).symmetricDifference(wanted).sorted()
            Issue.record(
                "\(what): \(filter)\n\(wrong.map { "\($0) \(points.points[$0]!)" }.prefix(2)), \(filters.random)")
            return
        }
    }

    /// With any mix of indexes, after any writes, saved or not, a filter finds what it matches point by point.
    @Test(arguments: 0..<24) func findsWhatMatches(_ round: Int) throws {
        var filters = RandomFilters(SeededGenerator(seed: SeededGenerator().seed &+ UInt64(round) &* 7_919))
        try withTemporaryDirectory { folder in
            var points = SlotPoints(capacity: filters.pick([200, 256, 300]))
            let fields = Self.fields(&filters, [0, 0.02, 0.1, 0.4, 1][round % 5])
            for slot in 0..<Slot(filters.pick([0, 1, 64, 130])) where filters.chance(0.9) {
                points.points[slot] = filters.point(Int(slot))
            }
            let start = points.points.sorted { $0.key < $1.key }
            var indexes = FieldIndexes(fields, of: start.map { (slot: $0.key, payload: $0.value.payload) })
            try Self.check(indexes, points, &filters, rounds: 60, "built")
            for step in 0..<4 {
                let before = (indexes, points)
                for _ in 0..<Int.random(in: 0...40, using: &filters.random) {
                    let slot = Slot.random(in: 0..<160, using: &filters.random)
                    if filters.chance(0.3) {
                        points.points[slot] = nil
                        indexes.remove(slot)
                    } else {
                        points.points[slot] = filters.point(Int(slot))
                        indexes.insert(slot, payload: points.points[slot]!.payload)
                    }
                }
                try Self.check(indexes, points, &filters, rounds: 40, "changed \(step)")
                // A copy of before is as it was.
                try Self.check(before.0, before.1, &filters, rounds: 5, "kept \(step)")
                if filters.chance(0.5) {
                    for index in indexes.indexes.values { indexes.add(try index.compact(version: 7)) }
                    #expect(indexes.indexes.values.allSatisfy { $0.changeCount == 0 && $0.version == 7 })
                } else {
                    for (number, index) in indexes.indexes.values.enumerated() {
                        let path = folder + "/\(step)-\(number)"
                        try index.write(to: path, version: UInt64(step))
                        let opened = try FieldIndex(opening: path)
                        #expect(opened.field == index.field && opened.version == UInt64(step))
                        #expect(SegmentFile.check(path).isEmpty)
                        indexes.add(opened)
                    }
                }
                try Self.check(indexes, points, &filters, rounds: 40, "kept \(step)")
            }
        }
    }

    /// With an index for what is asked, no payload is read.
    @Test(arguments: [
        ("brand = 'Acme' and price < 5", 0), ("brand in ('Acme', 'Bolt') or new = true", 0),
        ("not price between 1 and 4", 0),
        ("day >= '2026-01-01' and place near (52.5, 13.4, 20000)", 0), ("title matches 'red shoe'", 0),
        ("count(price) > 1", 0),
        ("brand is empty and price is null", 0), ("brand starts with 'A' or brand contains 't'", 0),
        ("at least 2 of (brand = 'Acme', price < 5, new = true)", 0), ("brand other than ('Acme')", 0), ("left = 5", 0),
        ("id in (1, 2) and has vector 'image' and slice 0 of 2", 0), ("other = 1 and id in (1, 2)", 2),
        ("other = 1 or true", 0),
    ]) func readsNoMorePayloadsThanItMust(_ text: String, _ most: Int) throws {
        var filters = RandomFilters(SeededGenerator())
        var points = SlotPoints(capacity: 200)
        for slot in 0..<200 as Range<Slot> {
            points.points[slot] = FilteredPoint(
                id: .number(UInt64(slot)), payload: filters.payload(), vectors: ["image"])
        }
        let fields: [(String, FieldKind)] = [
            ("brand", .keyword), ("price", .float), ("left", .integer), ("new", .bool), ("day", .datetime),
            ("place", .geo), ("title", .text),
        ]
        let indexes = FieldIndexes(
            fields.map { IndexedField(JSONPath(member: $0.0), $0.1) },
            of: points.points.sorted { $0.key < $1.key }.map { (slot: $0.key, payload: $0.value.payload) })
        let filter = try Filter(parsing: text)
        let found = try indexes.evaluate(filter, over: points.slots())
        #expect(found.listed == points.matching(filter))
        #expect(points.reads.count <= most, "\(points.reads.count) payloads")
        #expect(try indexes.narrow(filter, over: points.slots()).doubtful.count <= most)
    }

    /// The conditions of a nested filter narrow what is read.
    @Test func nestedFiltersReadWhatMayMatch() throws {
        var points = SlotPoints(capacity: 1_000)
        for slot in 0..<1_000 as Range<Slot> {
            points.points[slot] = FilteredPoint(
                id: .number(UInt64(slot)),
                payload: ["stock": [["shop": .string("s\(slot % 100)"), "left": .integer(Int64(slot % 7))]]])
        }
        let indexes = FieldIndexes(
            [IndexedField(try JSONPath("stock[].shop"), .keyword)],
            of: points.points.map { (slot: $0.key, payload: $0.value.payload) })
        let filter = try Filter(parsing: "any stock has (shop = 's5' and left > 2)")
        #expect(try indexes.evaluate(filter, over: points.slots()).listed == points.matching(filter))
        #expect(points.reads.count == 10)
    }

    @Test func countsRowsInSeveralSets() {
        var random = SeededGenerator()
        for _ in 0..<300 {
            let sets = (0..<Int.random(in: 0...9, using: &random)).map { _ in
                RowSet((0..<150).filter { _ in Bool.random(using: &random) }, capacity: 150)
            }
            for least in 0...10 {
                let found = RowSet.inAtLeast(least, of: sets, capacity: 150)
                #expect(
                    found.listed
                        == (0..<150).filter { row in sets.count { $0.contains(row) } >= least }.map { UInt32($0) },
                    "\(random)")
            }
        }
    }
}
