import Files
import Foundation
import Testing

@testable import BelfryServer

/// What the server says of itself: segments, metrics, telemetry, by the names that clients and dashboards know.
@Suite(.serialized) struct FigureTests {
    private let dense = #""size": 4, "distance": "Dot""#

    @Test func segmentsAreListedWhereTheyAreAskedFor() async throws {
        try await TestServer.run { server in
            _ = try await server.send("PUT", "/collections/c", "{\"vectors\": {\(dense)}}")
            let points = #"{"points": [{"id": 1, "vector": [1, 0, 0, 0]}, {"id": 2, "vector": [0, 1, 0, 0]}]}"#
            _ = try await server.send("PUT", "/collections/c/points?wait=true", points)
            let path = "/collections/c/optimizations"
            let plain = try await server.send("GET", path).result
            #expect(Set(plain.names) == ["summary", "running"] && plain["running"] == [], "\(plain)")
            #expect(plain["summary"]?["idle_segments"] == 1 && plain["summary"]?["queued_points"] == 0)
            for with in ["queued,completed,idle_segments", "queued%20,%20%20completed%20,idle_segments"] {
                let all = try await server.send("GET", "\(path)?with=\(with)").result
                #expect(all["queued"] == [] && all["completed"] == [] && all["running"] == [], "\(all)")
                let idle = all["idle_segments"]?.array ?? []
                #expect(idle.count == 1 && idle.first?["points_count"] == 2)
                #expect(idle.first?["uuid"]?.string.flatMap { UUID(uuidString: $0) } != nil)
            }
            #expect(try await server.send("GET", "/collections/none/optimizations").status == 404)
        }
    }

    @Test func dashboardsFindTheirNames() async throws {
        try await TestServer.run { server in
            for name in ["c", "d"] {
                _ = try await server.send("PUT", "/collections/\(name)", "{\"vectors\": {\(dense)}}")
            }
            for id in 1...3 {
                let point = "{\"points\": [{\"id\": \(id), \"vector\": [1, 0, 0, 0]}]}"
                _ = try await server.send("PUT", "/collections/c/points?wait=true", point)
            }
            _ = try await server.send("POST", "/collections/none/points/scroll", "{}")
            _ = try await server.send("GET", "/coffee")
            let text = try await server.send("GET", "/metrics").text
            let lines = Set(text.split(separator: "\n"))
            let route = #"method="PUT",endpoint="/collections/{collection_name}/points",status="200""#
            for line in [
                "rest_responses_total{\(route)} 3", #"collection_points{id="c"} 3"#, #"collection_points{id="d"} 0"#,
                "collections_total 2", #"belfry_collection_points{collection="c"} 3"#,
                #"belfry_collection_last_write{collection="c"} 3"#,
                #"belfry_collection_pending_points{collection="c"} 3"#,
                #"belfry_http_request_seconds_count{route="/collections/{name}/points",status="200"} 3"#,
                #"belfry_http_request_seconds_count{route="other",status="404"} 1"#,
            ] {
                #expect(lines.contains(line[...]), "\(line)\n\(text)")
            }
            #expect(text.contains(#"belfry_collection_disk_bytes{collection="c"} "#) && !text.contains("coffee"))
            #expect(!text.contains(#"status="200",collection="#))
            // Each metric is described once.
            let types = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
            #expect(Set(types).count == types.count)

            _ = try await server.send("DELETE", "/collections/d")
            let each = try await server.send("GET", "/metrics?per_collection=true").text
            #expect(each.contains("rest_responses_total{\(route),collection=\"c\"} 3\n"), "\(each)")
            let missing = #"endpoint="/collections/{collection_name}/points/scroll",status="404"} 1"#
            #expect(each.contains(missing) && !each.contains(#"collection="d""#) && !each.contains(#"="none""#))
        }
    }

    @Test func telemetryTellsWhatThereIs() async throws {
        try await TestServer.run { server in
            _ = try await server.send("PUT", "/collections/c", "{\"vectors\": {\(dense)}}")
            let point = #"{"points": [{"id": 1, "vector": [1, 0, 0, 0]}]}"#
            _ = try await server.send("PUT", "/collections/c/points?wait=true", point)
            let plain = try await server.send("GET", "/telemetry").result
            #expect(Set(plain.names) == ["id", "app", "collections", "cluster", "requests", "quota"], "\(plain)")
            #expect(plain["app"]?["features"]?["staging"] == false)
            #expect(plain["collections"] == ["number_of_collections": 1])
            let puts = plain["requests"]?["rest"]?["responses"]?["PUT /collections/{collection_name}/points"]?["200"]
            #expect(puts?["count"] == 1 && (puts?["avg_duration_micros"]?.number ?? 0) > 0)
            #expect(plain["requests"]?["grpc"] == ["responses": [:]])
            let more = try await server.send("GET", "/telemetry?details_level=1").result
            #expect(Set(more.names).isSuperset(of: ["memory", "hardware"]) && more["memory"]?["resident_bytes"] != 0)
            let collection = more["collections"]?["collections"]?.array?.first
            #expect(collection?["vectors"] == 1 && collection?["optimizers_status"] == "ok", "\(more)")
            #expect(collection?["params"]?["vectors"]?["size"] == 4)
            let full = try await server.send("GET", "/telemetry?details_level=10").result["collections"]?["collections"]
            #expect(full?.array?.first?["id"] == "c" && full?.array?.first?["config"]?["params"] != nil)
        }
    }
}
