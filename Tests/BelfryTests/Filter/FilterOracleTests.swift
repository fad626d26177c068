import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

/// Made-up filters find what Qdrant's engine found: see `Oracle/make_filters.py`.
///
/// Where ours are different, and meant to be:
/// - A `should` without conditions counts as left out everywhere; within `nested` the engine then finds nothing.
/// - Whole numbers written with a fraction (`5.0`) are whole numbers.
/// - `is_empty` and `is_null` in a field condition are the conditions of that name, or their opposite. Of several values at
///   a path (`stock[].left`) the engine's ask whether any one of them is so.
/// - Words, phrases and the like mean the same without a text index; the engine then looks for the text as it stands.
/// - The sigma at the end of Greek words is a sigma.
/// - Times are cut to microseconds, and a second 60 is the next minute's first, as in the engine's index; without one it
///   compares nanoseconds, and takes that second for earlier.
/// - `has_id`, `has_vector` and `slice` within `nested` are an error; the engine takes them for false.
/// - Unknown members, several tests in one field condition, and a `min_count` of 0 are errors.
@Suite struct FilterOracleTests {
    private static func golden() throws -> (points: [FilteredPoint], cases: [(filter: JSON, found: [Bool])]) {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/filters.json")
        let golden = try JSON(parsing: Data(contentsOf: file), source: "filters.json")
        let points = try #require(golden["points"]?.array).map { point in
            let id = try #require(point["id"])
            return FilteredPoint(
                id: try #require(id.integer.map { .number(UInt64($0)) } ?? id.string.flatMap { PointID($0) }),
                payload: try #require(point["payload"]),
                vectors: try #require(point["vectors"]?.array).compactMap(\.string))
        }
        let cases = try #require(golden["cases"]?.array).map { pair in
            let (filter, digits) = (try #require(pair.array?[0]), try #require(pair.array?[1].string))
            let bits = digits.reversed().flatMap { digit in (0..<4).map { digit.hexDigitValue! >> $0 & 1 == 1 } }
            return (filter, bits)
        }
        return (points, cases)
    }

    @Test func findsWhatQdrantFinds() throws {
        let (points, cases) = try Self.golden()
        #expect(points.count == 120 && cases.count == 2_000)
        var wrong = 0
        for (json, found) in cases where wrong < 10 {
            let filter = try Filter(json: json)
            for form in [filter, try Filter(json: filter.json), try Filter(parsing: filter.description)] {
                let missed = points.indices.filter { form.matches(points[$0]) != found[$0] }
                if !missed.isEmpty {
                    wrong += 1
                    let first = points[missed[0]]
                    Issue.record(
                        "\(json)\n\(form)\n\(missed.count) points, as \(first.id) \(first.payload), found \(found[missed[0]])"
                    )
                }
            }
        }
    }
}
