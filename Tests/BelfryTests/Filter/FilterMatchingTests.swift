import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

@Suite struct FilterMatchingTests {
    private static func matches(_ filter: String, _ payload: JSON, id: PointID = .number(1), vectors: [String] = [])
        throws -> Bool
    {
        try Filter(parsing: filter).matches(FilteredPoint(id: id, payload: payload, vectors: vectors))
    }

    @Test(
        arguments: [
            ("true", [:], true), ("not true", [:], false), ("at least 1 of ()", [:], false),
            ("at least 0 of ()", [:], true),
            ("a = 5", ["a": 5], true), ("a = 5", ["a": "5"], false), ("a = '5'", ["a": 5], false),
            ("a = 1", ["a": true], false), ("a = true", ["a": true], true), ("a = false", ["a": [true, false]], true),
            ("a = 5", ["a": 5.0], false), ("a = 5.0", ["a": 5], true), ("a = 5.5", ["a": 5.5], true),
            ("a != 5", ["a": [5, 6]], false), ("a != 5", ["a": 6], true), ("a != 5", [:], true),
            ("a other than (5)", ["a": [5, 6]], true),
            ("a other than (5)", [:], false), ("a other than ('x')", ["a": 5], true),
            ("a other than ('x')", ["a": .null], false),
            ("a not in (5, 6)", [:], true), ("a in ()", ["a": 1], false), ("a other than ()", ["a": 1], true),
            ("3 < a < 5", ["a": [2, 6]], false), ("a > 3 and a < 5", ["a": [2, 6]], true),
            ("a between 1 and 2", ["a": 2], true),
            ("a is number", ["a": 3], true), ("a is number", ["a": "3"], false),
            ("a is time", ["a": "2026-01-01"], true),
            ("a is empty", ["a": []], true), ("a is empty", ["a": [.null]], false), ("a is missing", [:], true),
            ("a exists", ["a": ""], true), ("a is null", ["a": [1, .null]], true), ("a is null", [:], false),
            ("count(a) = 0", [:], true), ("count(a) != 0", [:], false), ("1 < count(a) <= 2", ["a": [1, 2]], true),
            ("count(a) between 1 and 1", ["a": "x"], true), ("count(a) >= 1", ["a": .null], false),
            ("a matches 'hat RED'", ["a": ["red coat", "blue hat"]], true),
            ("a matches phrase 'red coat'", ["a": ["A red Coat"]], true),
            ("a matches phrase 'coat blue'", ["a": ["red coat", "blue hat"]], false),
            ("a matches any 'x hat'", ["a": "hat"], true),
            ("a matches 'ΑΣ'", ["a": "ας"], true), ("a matches ''", ["a": "x"], false),
            ("a contains ''", ["a": "x"], true),
            ("a contains 'é'", ["a": "e\u{301}"], false), ("a starts with 'Ac'", ["a": "ac"], false),
            ("any a has (b = 1 and c = 2)", ["a": [["b": 1], ["c": 2]]], false),
            ("any a has (b = 1 and c = 2)", ["a": [["b": 1, "c": 2]]], true),
            ("any a has (b = 1)", ["a": ["b": 1]], false),
            ("any a has (true)", ["a": [1, ["x": 1]]], true), ("any a has (true)", ["a": [1]], false),
            ("at least 2 of (a = 1, b = 1, c = 1)", ["a": 1, "c": 1], true),
            ("a near (52.5, 13.4, 1000)", ["a": ["lat": 52.505, "lon": 13.4]], true),
            ("a near (52.5, 13.4, 500)", ["a": ["lat": 52.505, "lon": 13.4]], false),
            ("a within box (1, 179, -1, -179)", ["a": ["lat": 0, "lon": 179.5]], true),
            ("a within box (1, 179, -1, -179)", ["a": ["lat": 0, "lon": 0]], false),
            ("a within box (1, 0, 0, 1)", ["a": ["lat": 1, "lon": 0.5]], false),
            ("a within polygon ((0, 0), (0, 4), (4, 4), (4, 0))", ["a": ["lat": 2, "lon": 2]], true),
            ("a within polygon ((0, 0), (0, 4), (4, 4), (4, 0))", ["a": ["lat": 2, "lon": 4]], false),
            (
                "a within polygon ((0, 0), (0, 4), (4, 4), (4, 0)) without ((1, 1), (1, 3), (3, 3), (3, 1))",
                ["a": ["lat": 2, "lon": 2]], false
            ),
            (
                "a within polygon ((0, 0), (0, 4), (4, 4), (4, 0)) without ((1, 1), (1, 3), (3, 3), (3, 1))",
                ["a": ["lat": 0.5, "lon": 2]], true
            ),
        ] as [(String, JSON, Bool)])
    func conditionsMeanWhatTheySay(_ filter: String, _ payload: JSON, _ isFound: Bool) throws {
        #expect(try Self.matches(filter, payload) == isFound, "\(filter) \(payload)")
    }

    @Test func aWholeNumberIsOneHoweverItIsWritten() throws {
        let payload = try JSON(parsing: Data("{\"a\":5.0}".utf8), source: "test")
        #expect(try Self.matches("a = 5", payload))
    }

    @Test func idsVectorsAndSlicesAreThePoints() throws {
        let uuid = PointID("550e8400-e29b-41d4-a716-446655440000")!
        #expect(try Self.matches("id = 1", [:]) && !Self.matches("id != 1", [:]) && Self.matches("id in (1, 2)", [:]))
        #expect(try Self.matches("id = '550E8400-e29b-41d4-a716-446655440000'", [:], id: uuid))
        #expect(try Self.matches("has vector 'b'", [:], vectors: ["", "b"]) && !Self.matches("has vector ''", [:]))
        let named = try Filter(parsing: "id = 'x-7'", id: { $0 == "x-7" ? uuid : PointID($0) })
        #expect(named.must == [.hasID([uuid])])
        // What a reference implementation of SipHash-2-4 gives.
        #expect(PointSlice.hash(.number(0)) == 0xe849_e8bb_6ffe_2567)
        #expect(PointSlice.hash(.number(42)) == 0x0fc2_553f_0761_9dd3)
        #expect(PointSlice.hash(uuid) == 0xf5d0_ca21_ba34_d504)
        for number in 0..<200 as Range<UInt64> {
            let parts = (0..<5).filter { PointSlice(total: 5, index: $0)!.contains(.number(number)) }
            #expect(parts.count == 1)
        }
        #expect(PointSlice(total: 0, index: 0) == nil && PointSlice(total: 2, index: 2) == nil)
    }

    /// Texts that are times, and that are none, as Qdrant's engine takes them.
    @Test(arguments: [
        "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 00:00", "2026-01-01T00:00", "2026-1-1", "2026-01-01T00:00:00",
        "2026-01-01t00:00:00z", "2026-01-01T01:00:00+01:00", "2026-01-01T01:00:00+0100", "2026-01-01T01:00:00+01",
        "2026-01-01T00:00:00 UTC", "2026-01-01 00:00:00.000000", " 2026-01-01", "+2026-01-01", "2026-01-01T0:0:0Z",
        "2026-01-01T00:00:00 +00:00", "2026-01-01T00:00:00-00:00", "2026-01-01  00:00:00Z", "2026-01-01 00:00:00 Z",
        "2026-01-01 00: 00: 00Z", "2026-01-01T00:00:00−00:00", "2026-01-01T23:00:00+23:00",
        "2026-01-01T01:00:00 +01 00",
        "2026-01-01T01:00:00+01 :00", "2026-01-01T00:00:00utc", "2026-01-01T00:00:00Z ", "2025-12-31T23:59:60Z",
    ]) func timesAreRead(_ text: String) { #expect(Timestamp(text)?.description == "2026-01-01T00:00:00Z") }

    @Test(arguments: [
        "2026-01-01T00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01 ", "02026-01-01", "2026 - 01 - 01",
        "2026-01-01T24:00:00Z",
        "2026-02-30", "2026-02-29", "2026-01-01T00:00:00+00:0", "20260101", "2026-01-01T00:00:00+24:00",
        "2026-01-01T01:00+01:00", "2026-01-01T", "2026-01-01utc", "10000-01-01", "", "yesterday", "2026-13-01",
        "2026-00-01",
        "2026-01-00", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "+999999-01-01", "2026-01-01T00:00:00+01:",
        "١٢٣٤-01-01",
    ]) func otherTextsAreNoTimes(_ text: String) { #expect(Timestamp(text) == nil) }

    @Test func timesKeepMicroseconds() throws {
        #expect(Timestamp("1969-12-31T23:59:59.999999999Z")?.microseconds == -1)
        #expect(Timestamp("0000-03-01")?.microseconds == -62_162_035_200_000_000)
        #expect(Timestamp("-0001-01-01")?.description == "-0001-01-01T00:00:00Z")
        #expect(Timestamp("+10000-01-01")?.description == "+10000-01-01T00:00:00Z")
        var random = SeededGenerator()
        for _ in 0..<10_000 {
            let time = Timestamp(
                microseconds: .random(in: -8_000_000_000_000_000_000...8_000_000_000_000_000_000, using: &random))
            #expect(Timestamp(time.description) == time, "\(time), \(random)")
        }
    }

    @Test func textsDifferByTheirBytes() {
        let (composed, apart) = (
            Condition.field(JSONPath(member: "a"), .match(.string("é"))),
            Condition.field(JSONPath(member: "a"), .match(.string("e\u{301}")))
        )
        #expect(composed != apart)
        #expect(JSONPath(member: "é") != JSONPath(member: "e\u{301}"))
    }
}
