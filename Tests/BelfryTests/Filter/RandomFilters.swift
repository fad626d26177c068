import Files
import Foundation
import Shards
import TestSupport

@testable import Belfry

/// Payloads and filters over the same few fields and values, so that they often meet.
struct RandomFilters {
    var random: SeededGenerator

    init(_ random: SeededGenerator) { self.random = random }

    static let texts = [
        "Acme", "acme", "Bolt", "", "Ac", "e\u{301}t", "ét", "it's", "a\nb", "'", "red shoe", "RED  shoe!", "5",
    ]
    static let days = [
        "2026-01-01", "2026-01-02T03:04:05.000006Z", "1969-12-31T23:59:59.5Z", "2026-01-01 00:00", "never",
        "-0001-03-01",
        "2026-01-01T00:00:00+01:00",
    ]
    static let uuids = (0..<6).map {
        UUID(uuidString: "0000000\($0)-0000-4000-8000-00000000000A")!.uuidString.lowercased()
    }
    /// Fields by what they mostly hold; each holds everything sometimes.
    static let fields = [
        "brand", "price", "left", "new", "day", "code", "place", "title", "tags", "stock[].left", "stock[].shop",
        "\"a.b\"",
        "country.name", "any", "\"x y\"", "tags[0]",
    ]

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &random)! }
    mutating func chance(_ odds: Double) -> Bool { Double.random(in: 0..<1, using: &random) < odds }
    mutating func some<Element>(_ range: ClosedRange<Int>, _ make: (inout RandomFilters) -> Element) -> [Element] {
        (0..<Int.random(in: range, using: &random)).map { _ in make(&self) }
    }

    // MARK: payloads

    mutating func number() -> JSON {
        let whole = Int64.random(in: -3...12, using: &random)
        return switch Int.random(in: 0..<12, using: &random) {
        case 0: .number(Double(whole) + 0.5)
        case 1:
            pick([
                .integer(.max), .integer(.min), .integer(9_007_199_254_740_993), .unsigned(.max), .number(1e300),
                .number(-0.0),
            ])
        default: .integer(whole)
        }
    }

    mutating func odd() -> JSON {
        pick([
            .null, .bool(true), .bool(false), "", "5", 5, [], [.null], ["lat": 1], .object(JSON.Members()), [[1]], [[]],
            .number(2.5), ["lat": 91, "lon": 500], .string(Self.uuids[0]), .string(Self.days[0]), "red",
        ])
    }

    mutating func value(_ make: (inout RandomFilters) -> JSON) -> JSON {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: odd()
        case 1...2: .array(some(0...3) { $0.chance(0.2) ? $0.odd() : make(&$0) })
        default: make(&self)
        }
    }

    mutating func place() -> JSON {
        ["lat": .number(pick([52.5, 52.6, 0, -33.25, 90])), "lon": .number(pick([13.4, 13.5, 0, 179.5, -179.5]))]
    }

    mutating func sentence() -> JSON {
        .string(
            some(0...4) { $0.pick(["red", "Shoe", "BLUE", "hat,", "Élan", "shoe-red", "ΑΣ"]) }.joined(separator: " "))
    }

    mutating func payload() -> JSON {
        var members = JSON.Members()
        func set(_ name: String, _ value: JSON) { members[name] = value }
        if chance(0.8) { set("brand", value { .string($0.pick(Self.texts)) }) }
        if chance(0.8) { set("price", value { $0.number() }) }
        if chance(0.8) { set("left", value { .integer(Int64.random(in: -3...12, using: &$0.random)) }) }
        if chance(0.8) { set("new", value { .bool($0.chance(0.5)) }) }
        if chance(0.8) { set("day", value { .string($0.pick(Self.days)) }) }
        if chance(0.8) { set("code", value { .string($0.pick(Self.uuids)) }) }
        if chance(0.8) { set("place", value { $0.place() }) }
        if chance(0.8) { set("title", value { $0.sentence() }) }
        if chance(0.8) { set("tags", .array(some(0...3) { $0.pick(["new", "used", 1, 2, .null]) })) }
        if chance(0.7) {
            set(
                "stock",
                value { ["left": $0.value { $0.number() }, "shop": $0.value { .string($0.pick(Self.texts)) }] })
        }
        if chance(0.5) { set("a.b", value { $0.number() }) }
        if chance(0.5) { set("x y", value { .string($0.pick(Self.texts)) }) }
        if chance(0.5) { set("country", ["name": value { .string($0.pick(Self.texts)) }]) }
        return .object(members)
    }

    mutating func point(_ number: Int) -> FilteredPoint {
        let id: PointID = chance(0.5) ? .number(UInt64(number)) : PointID(NameUUIDs.of(number))!
        return FilteredPoint(id: id, payload: payload(), vectors: pick([[], [""], ["image"], ["", "image"]]))
    }

    // MARK: filters

    mutating func filter(depth: Int, inObject: Bool = false) -> Filter {
        var filter = Filter()
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            let conditions = some(0...3) { $0.condition(depth: depth, inObject: inObject) }
            switch Int.random(in: 0..<4, using: &random) {
            case 0: filter.must = conditions
            case 1: filter.should = conditions
            case 2: filter.mustNot = conditions
            default: filter.minShould = MinShould(conditions, count: Int.random(in: 1...3, using: &random))
            }
        }
        return filter
    }

    mutating func path(inObject: Bool) -> JSONPath {
        let names =
            inObject
            ? ["left", "shop", "none"]
            : Self.fields + ["stock", "stock[]", "none", "\"not\"", "tags[]", "\"a\\\"\u{301}'\""]
        return try! JSONPath(pick(names))
    }

    mutating func condition(depth: Int, inObject: Bool = false) -> Condition {
        if depth > 0, chance(0.3) {
            guard !inObject, chance(0.4) else { return .filter(filter(depth: depth - 1, inObject: inObject)) }
            return .nested(try! JSONPath(pick(["stock", "stock[]", "tags"])), filter(depth: depth - 1, inObject: true))
        }
        switch Int.random(in: 0..<(inObject ? 10 : 13), using: &random) {
        case 0: return .isEmpty(path(inObject: inObject))
        case 1: return .isNull(path(inObject: inObject))
        case 10:
            return .hasID(
                Set(
                    some(0...4) {
                        let number = Int.random(in: 0..<60, using: &$0.random)
                        return $0.chance(0.5) ? .number(UInt64(number)) : PointID(NameUUIDs.of(number))!
                    }))
        case 11: return .hasVector(pick(["", "image", "none'"]))
        case 12:
            let total = UInt32.random(in: 1...4, using: &random)
            return .slice(PointSlice(total: total, index: UInt32.random(in: 0..<total, using: &random))!)
        default: return .field(path(inObject: inObject), test())
        }
    }

    mutating func values() -> MatchValues {
        chance(0.5)
            ? .strings(Set(some(0...4) { UTF8Key($0.pick(Self.texts + Self.uuids)) }))
            : .integers(Set(some(1...4) { Int64.random(in: -3...12, using: &$0.random) }))
    }

    mutating func range<Value>(_ make: (inout RandomFilters) -> Value) -> ValueRange<Value> {
        var range = ValueRange<Value>()
        if chance(0.7) { range.lower = .init(make(&self), isIncluded: chance(0.5)) }
        if chance(0.7) { range.upper = .init(make(&self), isIncluded: chance(0.5)) }
        return range
    }

    mutating func corner() -> GeoPoint {
        GeoPoint(
            latitude: pick([52.5, 52.7, 0, -34, 89.5, -90]) + Double.random(in: 0...0.25, using: &random),
            longitude: pick([13.4, 13.2, 0, 179.4, -179.75, -1]) + Double.random(in: 0...0.25, using: &random))!
    }

    mutating func ring() -> [GeoPoint] {
        let corners = some(3...5) { $0.corner() }
        return corners + [corners[0]]
    }

    mutating func test() -> FieldTest {
        switch Int.random(in: 0..<16, using: &random) {
        case 0: return .match(.integer(Int64.random(in: -3...12, using: &random)))
        case 1: return .match(.bool(chance(0.5)))
        case 2: return .match(.string(UTF8Key(pick(Self.texts + Self.uuids + ["new", "north"]))))
        case 3: return .any(values())
        case 4: return .except(values())
        case 5: return .text(WordQuery(pick(["red", "shoe red", "", "!", "red nothing", "blue hat", "élan", "ας"])))
        case 6: return .textAny(WordQuery(pick(["red", "shoe nothing", "", "blue hat"])))
        case 7: return .phrase(WordQuery(pick(["red", "red shoe", "shoe red", "blue hat", ""])))
        case 8: return .prefix(UTF8Key(pick(Self.texts + ["A", "e"])))
        case 9: return .substring(UTF8Key(pick(Self.texts + ["c", "t"])))
        case 10: return .range(range { $0.number().number! })
        case 11: return .times(range { Timestamp($0.pick(Self.days)) ?? Timestamp("2026-01-01T12:00")! })
        case 12: return .count(range { Int.random(in: 0...3, using: &$0.random) })
        case 13: return .box(GeoBox(topLeft: corner(), bottomRight: corner()))
        case 14: return .radius(GeoRadius(center: corner(), meters: pick([1e3, 2e4, 5.5e6, 1.9e7])))
        default: return .polygon(GeoPolygon(exterior: ring(), interiors: some(0...1) { $0.ring() })!)
        }
    }
}

private enum NameUUIDs {
    static func of(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }
}
