import Belfry
import Testing

// A client's file, which imports Belfry alone: that it compiles is the test. The main type must not take the place of the
// standard library's `Collection`, and the members of what Belfry answers must be in reach.

extension Collection where Element == Int {
    fileprivate var total: Int { reduce(0, +) }
}

@Suite struct ClientTests {
    @Test func collectionIsStillTheStandardLibrarys() {
        #expect([1, 2, 3].total == 6 && (1...4).total == 10)
    }

    @Test func importBelfryIsEnough() throws {
        let error = #expect(throws: BelfryError.self) { try Self.titles("there is no such place", like: "lamp") }
        #expect(error?.code == .notFound && error?.location?.file.hasSuffix("catalog.sqlite") == true)
        #expect(error?.remedy?.actions == [.setting(.replacing)])
        #expect(error?.remedy?.description.contains("--") == false)
    }

    private static func titles(_ path: String, like text: String) throws(BelfryError) -> [String] {
        let collection = try VectorCollection(path)
        var request = SearchRequest(.text(text), k: 5)
        request.filter = Filter(PayloadCondition(field: "kind", value: "lamp"))
        request.quotas = [.init(PayloadCondition(field: "color", value: "red"), count: 2)]
        (request.excluding, request.recall, request.exact) = (["7"], 0.95, false)
        let response = try collection.search(request)
        guard response.trace.expectation.kinds.allSatisfy({ $0.kind == .given }), response.json["results"] != nil else {
            return []
        }
        return response.hits.map { $0.payload["title"]?.string ?? $0.id.description }
    }
}
