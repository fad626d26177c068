import Belfry
import Files
import Testing

@testable import BelfryServer

/// Strict mode where it asks for indexes, of fields and of vectors, and how large a collection may be.
@Suite(.serialized) struct StrictIndexTests {
    private typealias Asked = StrictCollection.Asked

    private static func scroll(_ condition: String) -> Asked {
        Asked("/points/scroll", #"{"filter": {"must": [\#(condition)]}}"#)
    }

    /// A condition, indexes of its field that do not serve it, and one that does.
    @Test(arguments: [
        (#"{"key": "f", "match": {"value": "a"}}"#, [#""integer""#, #""text""#], #""keyword""#),
        (
            #"{"key": "f", "match": {"value": 1}}"#, [#"{"type": "integer", "lookup": false}"#, #""float""#],
            #""integer""#
        ),
        (#"{"key": "f", "match": {"any": []}}"#, [#""geo""#], #""integer""#),
        (#"{"key": "f", "match": {"except": ["a"]}}"#, [#""integer""#], #""keyword""#),
        (#"{"key": "f", "match": {"text": "a b"}}"#, [#""keyword""#], #""text""#),
        (#"{"key": "f", "match": {"phrase": "a b"}}"#, [#""text""#], #"{"type": "text", "phrase_matching": true}"#),
        (#"{"key": "f", "match": {"prefix": "a"}}"#, [#""keyword""#], #"{"type": "keyword", "prefix": true}"#),
        (#"{"key": "f", "range": {"gt": 1}}"#, [#""keyword""#, #"{"type": "integer", "range": false}"#], #""float""#),
        (#"{"key": "f", "range": {"gt": "2026-01-01T00:00:00Z"}}"#, [#""float""#], #""datetime""#),
        (#"{"key": "f", "values_count": {"lt": 3}}"#, [], #""integer""#),
        (#"{"is_empty": {"key": "f"}}"#, [], #""geo""#),
    ])
    func aFilterNeedsAnIndexThatServesIt(_ condition: String, _ unfit: [String], _ fit: String) async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            let collection = try await StrictCollection(server)
            try await collection.set(#""enabled": true, "unindexed_filtering_retrieve": true"#)
            try await collection.expect(Self.scroll(condition), 200)
            try await collection.set(#""unindexed_filtering_retrieve": false"#)
            let words = ["Index required but not found for \"f\"", "Help: Create an index"]
            try await collection.expect(Self.scroll(condition), 400, words[0], words[1])
            for schema in unfit {
                try await collection.index("f", schema)
                try await collection.expect(Self.scroll(condition), 400, words[0], words[1])
            }
            try await collection.index("f", fit)
            try await collection.expect(Self.scroll(condition), 200)
            try await collection.expect(.query(#""filter": {"should": [{"must_not": [\#(condition)]}]}"#), 200)
        }
    }

    @Test func nestedGroupedOrderedAndComputedFieldsNeedOne() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            let collection = try await StrictCollection(server)
            try await collection.set(#""enabled": true, "unindexed_filtering_retrieve": false"#)
            let nested = Self.scroll(
                #"{"nested": {"key": "country.cities", "filter": {"must": [{"key": "sights", "values_count": {"lt": 3}}]}}}"#
            )
            try await collection.expect(nested, 400, "country.cities[].sights", "Help: Create an index")
            try await collection.index("country.cities[].sights", #""integer""#)
            try await collection.expect(nested, 200)

            let groups = Asked("/points/query/groups", #"{"query": [1, 0], "using": "dense", "group_by": "city"}"#)
            let match = "for \"city\". Help: Create an index supporting `match` for this key."
            try await collection.expect(groups, 400, "Index required but not found \(match)")
            try await collection.expect(Asked("/facet", #"{"key": "city"}"#), 400, match)
            try await collection.index("city", #""geo""#)
            try await collection.expect(groups, 400, "Index of type \"Geo\" found \(match)")
            try await collection.index("city", #""keyword""#)
            try await collection.expect(groups, 200)

            let formula = Asked(
                "/points/query",
                #"{"prefetch": {"query": [1, 0], "using": "dense"}, "query": {"formula": {"sum": ["n", "$score"]}, "defaults": {"n": 0}}}"#
            )
            let ordered = [
                Asked("/points/scroll", #"{"order_by": "n"}"#),
                Asked("/points/query", #"{"query": {"order_by": "n"}}"#),
                Asked("/recommend", #"{"popular": "n"}"#),
            ]
            try await collection.expect(formula, 400, "\"n\"", "formula expression")
            for asked in ordered { try await collection.expect(asked, 400, "\"n\"") }
            let condition = Asked(
                "/points/query",
                #"{"prefetch": {"query": [1, 0], "using": "dense"}, "query": {"formula": {"sum": ["$score", {"key": "n", "match": {"value": 1}}]}}}"#
            )
            try await collection.expect(condition, 400, "\"n\"")
            try await collection.index("n", #""integer""#)
            for asked in ordered + [formula, condition] { try await collection.expect(asked, 200) }
        }
    }

    @Test func whatIsWrittenByAFilterNeedsOne() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            let collection = try await StrictCollection(server)
            let filter = #"{"must": [{"key": "city", "match": {"value": "Oslo"}}]}"#
            let writes = [
                Asked("/points/delete", #"{"filter": \#(filter)}"#),
                Asked("/points/payload", #"{"payload": {"a": 1}, "filter": \#(filter)}"#),
                Asked("/points/payload", #"{"payload": {"a": 1}, "filter": \#(filter)}"#, "PUT"),
                Asked("/points/payload/delete", #"{"keys": ["a"], "filter": \#(filter)}"#),
                Asked("/points/payload/clear", #"{"filter": \#(filter)}"#),
                Asked("/points/vectors/delete", #"{"vector": ["dense"], "filter": \#(filter)}"#),
                Asked("/points/batch", #"{"operations": [{"delete": {"filter": \#(filter)}}]}"#),
                Asked("/points", #"{"points": [\#(StrictCollection.point(1))], "update_filter": \#(filter)}"#, "PUT"),
            ]
            try await collection.set(#""enabled": true, "unindexed_filtering_update": false"#)
            for write in writes { try await collection.expect(write, 400, "\"city\"") }
            // To read by it is another permission.
            try await collection.expect(Asked("/points/count", #"{"filter": \#(filter)}"#), 200)
            try await collection.index("city", #""keyword""#)
            for write in writes { try await collection.expect(write, 200) }
        }
    }

    @Test func vectorsWithoutAnIndexAreNotScanned() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            let collection = try await StrictCollection(server)
            func patch(_ body: String) async throws {
                try await collection.expect(Asked("", body, "PATCH"), 200)
            }
            func query(_ vectors: String, _ more: String = "") -> Asked {
                Asked("/points/query", #"{"query": 2, "using": "\#(vectors)", "limit": 3\#(more)}"#)
            }
            let forbidden =
                "because global vector indexing is disabled (hnsw_config.m = 0). Help: Use tenant-specific filter"
            try await collection.set(#""enabled": true, "search_allow_exact": false"#)
            try await patch(#"{"vectors": {"multi": {"hnsw_config": {"m": 0}}}}"#)
            try await collection.expect(query("multi"), 400, "Request is forbidden on 'multi' \(forbidden)")
            try await collection.expect(query("dense"), 200)
            try await collection.expect(query("sparse"), 200)
            // What prefetches have found is ranked by them all the same.
            let prefetch = #", "prefetch": {"query": 2, "using": "%"}"#
            try await collection.expect(query("multi", prefetch.replacing("%", with: "sparse")), 200)
            try await collection.expect(query("sparse", prefetch.replacing("%", with: "multi")), 400, "'multi'")

            let filter = #", "filter": {"must": [{"key": "city", "match": {"value": "Bern"}}]}"#
            try await collection.index("city", #"{"type": "keyword", "is_tenant": true}"#)
            try await collection.expect(query("multi", filter), 400, "'multi'")
            try await patch(#"{"vectors": {"multi": {"hnsw_config": {"m": 0, "payload_m": 1}}}}"#)
            try await collection.expect(query("multi", filter), 200)
            try await collection.expect(query("multi"), 400)
            // What the collection says of all holds for those that say nothing.
            try await patch(#"{"hnsw_config": {"m": 0}}"#)
            try await collection.expect(query("dense"), 400, "'dense'")
            try await collection.expect(Asked("/recommend", #"{"like": [1], "using": "dense"}"#), 400, "'dense'")
            try await collection.set(#""search_allow_exact": true"#)
            try await collection.expect(query("multi"), 200)
        }
    }

    @Test func aCollectionGrowsNoFurther() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            let points = try await StrictCollection(server, "points")
            try await points.set(#""enabled": true, "max_points_count": 12"#)
            let reached = "Max points count limit of 12 reached!"
            try await points.expect(.upsert(11...13), 400, reached)
            // Two of these are there.
            try await points.expect(.upsert(9...11), 200)
            let update = #"{"points": [\#(StrictCollection.point(5))], "update_mode": "update_only"}"#
            try await points.expect(.upsert(12...12), 200)
            try await points.expect(.upsert(12...12), 400, reached)
            try await points.expect(Asked("/points", update, "PUT"), 200)
            try await points.expect(Asked("/points/delete", #"{"points": [12]}"#), 200)
            try await points.expect(.upsert(13...13), 200)

            let indexes = try await StrictCollection(server, "indexes")
            try await indexes.set(#""enabled": true, "max_payload_index_count": 1"#)
            try await indexes.index("n", #""integer""#)
            try await indexes.index("n", #""float""#)
            try await indexes.expect(
                Asked("/index", #"{"field_name": "city", "field_schema": "keyword"}"#, "PUT"), 400,
                "Collection already has the maximum number of payload indices (1). Help: Please delete an existing index before creating a new one."
            )

            // Ten points: 8 bytes each, three times 8, and two terms of 8: 480 bytes.
            let vectors = try await StrictCollection(server, "vectors")
            try await vectors.set(#""enabled": true, "max_collection_vector_size_bytes": 481"#)
            try await vectors.expect(.upsert(11...11), 200)
            try await vectors.expect(.upsert(12...12), 400, "Max vector storage size")
            try await vectors.expect(
                Asked("/points/vectors", #"{"points": [{"id": 1, "vector": {"dense": [1, 1]}}]}"#, "PUT"), 400,
                "Max vector storage size")
            try await vectors.expect(Asked("/points/payload", #"{"payload": {"a": 1}, "points": [1]}"#), 200)

            let payloads = try await StrictCollection(server, "payloads")
            try await payloads.set(#""enabled": true, "max_collection_payload_size_bytes": 1"#)
            try await payloads.expect(.upsert(11...11), 400, "Max payload storage size")
            try await payloads.expect(
                Asked("/points/payload", #"{"payload": {"a": 1}, "points": [1]}"#), 400, "Max payload storage size")
            try await payloads.expect(Asked("/points/delete", #"{"points": [1]}"#), 200)
            try await payloads.set(#""max_collection_payload_size_bytes": 2000000"#)
            try await payloads.expect(.upsert(11...11), 200)
            // What was written since counts as well.
            let large = #"{"payload": {"text": "\#(String(repeating: "a", count: 1_000_000))"}, "points": [2, 3]}"#
            try await payloads.expect(Asked("/points/payload", large), 200)
            try await payloads.expect(.upsert(11...11), 400, "Max payload storage size")
        }
    }
}
