import Files
import HTTPTypes
import Testing

@testable import BelfryServer

@Suite struct WireTests {
    @Test func percentSignsAreDecodedStrictly() {
        #expect(PercentCoding.decoded("a%20b%C3%BC") == "a bü")
        for wrong in ["%", "%2", "%zz", "%ff", "a%"] { #expect(PercentCoding.decoded(wrong[...]) == nil, "\(wrong)") }
        #expect(QueryParameters("a=1&b=%26+x&c")["b"] == "& x")
    }

    @Test func partsOfPayloads() throws {
        let payload: JSON = ["a": ["b": 1, "c": 2], "list": [["x": 1, "y": 2], ["x": 3]], "d": 4]
        func part(_ json: JSON) throws -> JSON { try PayloadSelector(json, default: .none).part(of: payload) }
        #expect(try part(true) == payload)
        #expect(try part(false) == [:])
        #expect(try part(["a.b", "d"]) == ["a": ["b": 1], "d": 4])
        #expect(try part(["include": ["list[].x"]]) == ["list": [["x": 1], ["x": 3]]])
        #expect(try part(["include": ["list[0]"]]) == ["list": [["x": 1, "y": 2]]])
        #expect(try part(["exclude": ["a.c", "list"]]) == ["a": ["b": 1], "d": 4])
        #expect(try part(["none"]) == [:])
        #expect(throws: (any Error).self) { try part(["include": 3]) }
    }

    @Test func aPathFindsTheRouteWithMostPartsOfItsOwn() {
        func template(_ method: String, _ path: String) -> String? {
            guard case .route(let route, _) = RouteTable.find(.init(method)!, path[...]) else { return nil }
            return route.template
        }
        #expect(template("POST", "/collections/aliases") == "/collections/aliases")
        #expect(template("GET", "/collections/aliases") == "/collections/{name}")
        #expect(template("POST", "/collections/a/points/delete") == "/collections/{name}/points/delete")
        #expect(template("GET", "/collections/a/points/delete") == "/collections/{name}/points/{id}")
        #expect(template("GET", "/") == "/" && template("GET", "/a") == nil)
        // No two routes are the same.
        let names = RouteTable.all.map { "\($0.method) \($0.template)" }
        #expect(Set(names).count == names.count)
    }

    @Test func directionsKeepTheirLength() {
        #expect(VectorReader.unit([3, 4]) == [0.6, 0.8])
        #expect(VectorReader.unit([0, 0]) == [0, 0])
        let unit = VectorReader.unit([0.3, -0.7, 0.1])
        #expect(VectorReader.unit(unit) == unit)
    }

    @Test func aModelHasOneNameHoweverItIsWritten() {
        for name in ["minilm", "MiniLM", "vendor/minilm", "minilm.tower"] { #expect(ModelName.key(name) == "minilm") }
        #expect(ModelName.shown("a.b.tower") == "a.b")
    }

    @Test func timesAreCounted() {
        let metrics = RequestMetrics()
        metrics.note("GET", "/a", 200, .milliseconds(3))
        metrics.note("PUT", "/a", 200, .seconds(20))
        // By route, whatever the method is.
        let text = metrics.text()
        #expect(text.contains(#"belfry_http_request_seconds_count{route="/a",status="200"} 2"#))
        #expect(text.contains(#"le="0.005"} 1"#) && text.contains(#"le="+Inf"} 2"#))
    }
}
