import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// Filters of all kinds over made-up products find what they match point by point. With `BELFRY_FIELD_TIMES=1000000`, of so
/// many, it prints how long each takes; nothing is asserted about time.
@Suite struct FieldTimes {
    private static let wanted = ProcessInfo.processInfo.environment["BELFRY_FIELD_TIMES"].flatMap { Int($0) }
    private static let count = wanted ?? 2_000

    private static func say(_ line: String) { if wanted != nil { print(line) } }

    private static func payload(_ slot: Int, _ random: inout SeededGenerator) -> JSON {
        let words = ["red", "blue", "green", "shoe", "hat", "coat", "new", "old", "big", "small"]
        return [
            "brand": .string("brand \(Int.random(in: 0..<1_000, using: &random))"),
            "label": .string(Bool.random(using: &random) ? "a" : "b"),
            "sku": .string("sku-\(slot)"), "price": .number(Double.random(in: 0..<1_000, using: &random)),
            "left": .integer(Int64.random(in: 0..<100, using: &random)), "new": .bool(Bool.random(using: &random)),
            "day": .string(
                Timestamp(
                    microseconds: 1_700_000_000_000_000 + Int64.random(in: 0..<100_000_000, using: &random) * 1_000_000
                ).description),
            "place": [
                "lat": .number(.random(in: -80...80, using: &random)),
                "lon": .number(.random(in: -180...180, using: &random)),
            ],
            "title": .string(
                (0..<6).map { _ in words.randomElement(using: &random)! }.joined(separator: " ") + " \(slot % 5_000)"),
            "tags": [
                "t\(Int.random(in: 0..<50, using: &random))".json, "t\(Int.random(in: 0..<50, using: &random))".json,
            ],
            "code": .string(String(format: "%08x-0000-4000-8000-000000000000", slot)),
        ]
    }

    @Test func everyKindOfConditionFindsWhatItMatches() throws {
        var random = SeededGenerator()
        let count = Self.count
        let kinds: [(String, FieldKind)] = [
            ("brand", .keyword), ("label", .keyword), ("sku", .keyword), ("price", .float), ("left", .integer),
            ("new", .bool), ("day", .datetime),
            ("place", .geo), ("title", .text), ("tags", .keyword), ("code", .uuid),
        ]
        func seconds(_ body: () throws -> Void) rethrows -> Double {
            let start = ContinuousClock.now
            try body()
            return Double((ContinuousClock.now - start).components.attoseconds) * 1e-18
                + Double((ContinuousClock.now - start).components.seconds)
        }
        var payloads: [JSON] = []
        for slot in 0..<count { payloads.append(Self.payload(slot, &random)) }
        try withTemporaryDirectory { folder in
            var indexes = FieldIndexes()
            for (name, kind) in kinds {
                let field = IndexedField(JSONPath(member: name), kind)
                var index = FieldIndex(field)
                let build = seconds {
                    index = FieldIndex(
                        field, of: payloads.enumerated().lazy.map { (slot: Slot($0.offset), payload: $0.element) })
                }
                let write = try seconds { try index.write(to: folder + "/" + name, version: 1) }
                let size = (try? FileManager.default.attributesOfItem(atPath: folder + "/" + name)[.size] as? Int) ?? 0
                Self.say("\(name) \(kind): built in \(build) s, written in \(write) s, \(size) bytes")
            }
            let open = try seconds {
                for (name, _) in kinds { indexes.add(try FieldIndex(opening: folder + "/" + name)) }
            }
            Self.say("\(kinds.count) indexes opened in \(open * 1e3) ms")
            let live = RowSet(0..<count, capacity: count)
            var reads = 0
            var slots = FilteredSlots(live) { slot in
                reads += 1
                return FilteredPoint(id: .number(UInt64(slot)), payload: payloads[Int(slot)])
            }
            slots.slots = { ids in
                ids.compactMap {
                    if case .number(let number) = $0, number < UInt64(count) { Slot(number) } else { nil }
                }
            }
            let ids = (0..<1_000).map { "\($0 * 7)" }.joined(separator: ", ")
            func report(_ text: String, _ runs: Int = 5) throws {
                let filter = try Filter(parsing: text)
                var (times, found): ([Double], Int) = ([], 0)
                for _ in 0...runs {
                    reads = 0
                    times.append(try seconds { found = try indexes.evaluate(filter, over: slots).count })
                }
                // Going through all points takes longer than what is measured.
                if Self.wanted == nil {
                    let matching = payloads.indices.count { slot in
                        filter.matches(FilteredPoint(id: .number(UInt64(slot)), payload: payloads[slot]))
                    }
                    #expect(found == matching, "\(text), \(random)")
                }
                let rest = times.dropFirst().sorted()
                Self.say(
                    String(
                        format: "%9d found, %7d read, first %8.2f ms, then %8.3f ms: %@", found, reads, times[0] * 1e3,
                        rest[rest.count / 2] * 1e3, String(text.prefix(70))))
            }
            for text in [
                "true", "label = 'a'", "brand = 'brand 7'", "sku = 'sku-77'",
                "brand in ('brand 1', 'brand 2', 'brand 3')", "brand not in ('brand 1')",
                "brand other than ('brand 1')", "brand starts with 'brand 1'", "brand contains '99'",
                "sku contains '9999'", "tags = 't7'", "price < 10", "price < 100",
                "price between 250 and 750", "left = 5", "left in (1, 2, 3)", "left < 5", "new = true",
                "day >= '2026-01-01'", "place near (52.5, 13.4, 50000)",
                "place within box (55, 5, 47, 15)", "place within polygon ((47, 5), (47, 15), (55, 15), (55, 5))",
                "title matches 'red shoe'", "title matches '77'",
                "title matches any 'red 77'", "title matches phrase 'red shoe 77'",
                "code = '0000004d-0000-4000-8000-000000000000'", "count(tags) >= 2", "brand is empty", "price is null",
                "id in (\(ids))", "label = 'a' and price < 100 and left < 10",
                "label = 'a' or price < 100 or left < 10", "at least 2 of (label = 'a', price < 100, left < 10)",
                "not label = 'a'", "any tags has (x = 1)",
            ] { try report(text) }
            try report("title contains 'red' and price < 1", 1)
            indexes.drop(IndexedField(JSONPath(member: "left"), .integer))
            try report("left = 5 and price < 1", 2)
            try report("left = 5 and price < 10", 1)
            try report("left = 5", 1)
            let change = seconds {
                for slot in 0..<Slot(min(20_000, count)) { indexes.insert(slot, payload: payloads[Int(slot)]) }
            }
            Self.say("\(min(20_000, count)) slots changed in \(change) s")
            for text in ["label = 'a'", "price < 100", "title matches 'red shoe'"] { try report(text) }
        }
    }
}

extension String {
    fileprivate var json: JSON { .string(self) }
}
