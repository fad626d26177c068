import Files
import Foundation
import Shards
import TestSupport
import Testing

@testable import Belfry

@Suite struct FilterReadingTests {
    private static func filter(_ json: String) throws -> Filter {
        try Filter(json: JSON(parsing: Data(json.utf8), source: "test"))
    }

    @Test(arguments: [
        (#"{}"#, "true"), (#"{"must":null}"#, "true"), (#"{"must":{"key":"a","match":{"value":"x"}}}"#, "a = 'x'"),
        (
            #"{"should":[{"key":"a","range":{"gt":1,"gte":2,"lt":null}},{"is_null":{"key":"b"}}]}"#,
            "a >= 2 or b is null"
        ),
        (
            #"{"must_not":[{"has_id":[1,18446744073709551615]},{"must":[]}]}"#,
            "not id in (1, 18446744073709551615) and not true"
        ),
        (#"{"min_should":{"conditions":[{"has_vector":"x"}],"min_count":1}}"#, "at least 1 of (has vector 'x')"),
        (
            #"{"must":[{"key":"a","is_empty":false},{"key":"b","range":{"lt":"2026-01-01"}}]}"#,
            "(a exists) and b < '2026-01-01T00:00:00Z'"
        ),
        (
            #"{"must":[{"nested":{"key":"s[]","filter":{"must":[{"key":"x","values_count":{"gte":1,"lt":3}}]}}}]}"#,
            "any s[] has (1 <= count(x) < 3)"
        ),
        (#"{"must":[{"slice":{"total":4,"index":3}},{"key":"a","match":{"any":[]}}]}"#, "slice 3 of 4 and a in ()"),
    ]) func readsTheWireFormat(_ json: String, _ text: String) throws {
        let filter = try Self.filter(json)
        #expect(filter.description == text)
        #expect(try Filter(json: filter.json) == filter)
    }

    @Test(arguments: [
        (#"[]"#, "not an object"), (#"{"musst":[]}"#, "Did you mean must?"),
        (#"{"must":[{"key":"a"}]}"#, "needs one of match"),
        (#"{"must":[{"key":"a","mach":{"value":1}}]}"#, "Did you mean match?"), (#"{"must":[5]}"#, "must[0] is 5"),
        (#"{"must":[{"key":"a","match":{"value":1},"range":{"gt":1}}]}"#, "several tests"),
        (#"{"must":[{"key":"a","match":{"value":1.5}}]}"#, "need a range"),
        (#"{"must":[{"key":"a","match":{}}]}"#, "must[0].match has not one"),
        (#"{"must":[{"key":"a","match":{"any":[1,"x"]}}]}"#, "any[1] is \"x\""),
        (#"{"must":[{"key":"a","match":{"any":["x",1]}}]}"#, "any[1] is 1"),
        (#"{"must":[{"key":"a","range":{"gt":"x"}}]}"#, "no time"),
        (#"{"must":[{"key":"a","range":{"gt":1,"lt":"2026-01-01"}}]}"#, "range.gt is 1 among times"),
        (#"{"must":[{"key":"a","range":{"over":1}}]}"#, "over"),
        (#"{"must":[{"key":"a[","match":{"value":1}}]}"#, "key: The payload key"),
        (#"{"must":[{"key":5,"match":{"value":1}}]}"#, "key is 5, and not a text"),
        (#"{"should":[{"has_id":[-1]}]}"#, "should[0].has_id[0] is -1"),
        (#"{"should":[{"has_id":["x"]}]}"#, "not the id"), (#"{"must":[{"is_empty":"a"}]}"#, "is_empty is \"a\""),
        (#"{"min_should":{"conditions":[],"min_count":0}}"#, "from 1 on"),
        (#"{"min_should":{"min_count":1}}"#, "no conditions"),
        (#"{"must":[{"slice":{"total":2,"index":2}}]}"#, "index < total"),
        (#"{"must":[{"key":"a","geo_radius":{"center":{"lat":91,"lon":0},"radius":1}}]}"#, "beyond a latitude"),
        (#"{"must":[{"key":"a","geo_polygon":{"exterior":{"points":[{"lat":1,"lon":0}]}}}]}"#, "less than 4"),
        (#"{"must":[{"nested":{"key":"a","filter":{"must":[{"has_id":[1]}]}}}]}"#, "asks for ids"),
        (#"{"must":[{"is_null":{"key":"a"},"has_id":[1]}]}"#, "one of these members alone"),
        (#"{"must":[{"key":"a","values_count":{"gt":-1}}]}"#, "not a count"),
    ]) func whatCannotBeReadSaysWhereAndWhy(_ json: String, _ part: String) throws {
        let error = #expect(throws: BelfryError.self) { try Self.filter(json) }
        #expect(
            error?.code == .invalidInput && error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    @Test func numbersThatAreNoneAreRefused() {
        for number in [Double.nan, .infinity] {
            #expect(throws: BelfryError.self) {
                try Filter(json: ["must": [["key": "a", "range": ["gt": .number(number)]]]])
            }
        }
    }

    @Test func depthIsLimited() throws {
        func nested(_ depth: Int) -> JSON {
            (1..<depth).reduce(JSON.object(JSON.Members())) { inner, _ in ["must": [inner]] }
        }
        #expect(try Filter(json: nested(Filter.deepest)).depth == Filter.deepest)
        let error = #expect(throws: BelfryError.self) { try Filter(json: nested(Filter.deepest + 1)) }
        #expect(error?.message.contains("65 filters deep") == true)
        // What is read can be written in both forms, and read again.
        var deep = Filter(must: [.hasVector("x")])
        for round in 2...Filter.deepest {
            let (inner, other) = (Condition.filter(deep), Condition.hasVector("\(round)"))
            deep = Filter(
                must: [.filter(Filter(should: [.hasVector("a"), .hasVector("b")])), other], should: [inner, other],
                mustNot: [inner],
                minShould: MinShould([inner, other], count: 1))
            // Only one of them is kept, so that the text does not double with each.
            deep =
                [
                    Filter(must: deep.must, should: deep.should), Filter(must: deep.must, mustNot: deep.mustNot),
                    Filter(must: deep.must, minShould: deep.minShould),
                    Filter(must: [inner, other], should: [other, other]),
                ][round % 4]
        }
        #expect(deep.depth == Filter.deepest)
        #expect(try Filter(json: deep.json) == deep)
        let again = try Filter(parsing: deep.description)
        #expect(try Filter(parsing: again.description) == again && again.depth <= Filter.deepest)
    }

    @Test func aMillionIdsAreReadAndFound() throws {
        let ids = "[" + (0..<1_000_000).map { String($0 * 3) }.joined(separator: ",") + "]"
        let start = Fuzz.seconds
        let byID = try Self.filter("{\"must\":[{\"has_id\":\(ids)}]}")
        let byValue = try Self.filter("{\"must\":[{\"key\":\"a\",\"match\":{\"any\":\(ids)}}]}")
        let read = Fuzz.seconds - start
        var found = 0
        for number in 0..<30_000 as Range<UInt64> {
            let point = FilteredPoint(id: .number(number), payload: ["a": .integer(Int64(number))])
            let (first, second) = (byID.matches(point), byValue.matches(point))
            #expect(first == second)
            found += first ? 1 : 0
        }
        #expect(found == 10_000)
        guard ProcessInfo.processInfo.environment["BELFRY_VERBOSE"] != nil else { return }
        print(
            "1,000,000 ids and 1,000,000 values: read in \(read) s, with 60,000 evaluations \(Fuzz.seconds - start) s")
    }

    @Test func jsonGoesBothWays() throws {
        var filters = RandomFilters(SeededGenerator())
        for round in 0..<2_000 {
            let filter = filters.filter(depth: 3)
            let again = try Filter(json: JSON(parsing: Data(filter.json.text().utf8), source: "test"))
            #expect(again.json == filter.json, "\(round), \(filters.random)")
            let points = filters.some(5...5) { $0.point(round) }
            for point in points {
                #expect(again.matches(point) == filter.matches(point), "\(filter), \(filters.random)")
            }
        }
    }

    @Test func damagedFiltersAreErrorsAndNeverCrash() throws {
        var filters = RandomFilters(SeededGenerator())
        for round in 0..<Fuzz.executions(5_000) {
            var bytes = Array(filters.filter(depth: 2).json.text().utf8)
            for _ in 0..<Int.random(in: 1...3, using: &filters.random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &filters.random)
                switch Int.random(in: 0..<4, using: &filters.random) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(filters.pick(Array(#"{}[]",:0n-1e.t"#.utf8)), at: place)
                case 2: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &filters.random))
                default: bytes[place] = .random(in: 32..<127, using: &filters.random)
                }
            }
            do {
                let filter = try Filter(json: JSON(parsing: Data(bytes), source: "test"))
                #expect(try Filter(json: filter.json).json == filter.json, "\(round), \(filters.random)")
            } catch {
                #expect(error.code == .invalidInput)
            }
        }
    }
}
