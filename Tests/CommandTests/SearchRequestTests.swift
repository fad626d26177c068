import Files
import Foundation
import Neighbors
import TestSupport
import Testing
import Vectors

@testable import Belfry
@testable import Recipes

/// The one entrance: everything that a request can say, and what the response says of it.
@Suite struct SearchRequestTests {
    private static let quiet = CollectionBuilder.Observer(
        badRow: { _ in }, reading: { _, _ in }, progress: { _, _ in })

    private func withShop(
        index: String = "exact", rows: Int = 60, _ body: (Shop, VectorCollection) throws -> Void
    ) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: rows, segmentRows: 1_000, index: index)
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 2).build(Self.quiet)
            try body(shop, try VectorCollection(shop.collection))
        }
    }

    @Test func aVectorFindsWhatItsPointFinds() throws {
        try withShop { _, collection in
            let vector = try #require(collection.point("p-7").vector)
            let own = try collection.search(SearchRequest(.vector(vector), k: 60))
            // The vector is the point's own, and nobody has said that it must not be found. Other points may have it, too.
            #expect(own.hits.count == 60 && own.recall == 1 && own.note == nil)
            let itself = try #require(own.hits.first { $0.name == "p-7" })
            #expect(itself.score == own.hits[0].score)
            let similar = try collection.search(SearchRequest(.point("p-7"), k: 59))
            #expect(similar.hits.map(\.name) == own.hits.map(\.name).filter { $0 != "p-7" })
            for vector in [[], Array(vector.dropLast()), vector + [0]] {
                let error = #expect(throws: BelfryError.self) {
                    try collection.search(SearchRequest(.vector(vector), k: 1))
                }
                #expect(error?.code == .invalidInput && error?.message.contains("36") == true)
            }
        }
    }

    @Test(arguments: [("exact", 60), ("hnsw", 2_400)])
    func whatIsLeftOutIsNotAnswered(_ index: String, _ rows: Int) throws {
        try withShop(index: index, rows: rows) { _, collection in
            var request = SearchRequest(.text("a red lamp"), k: 10)
            request.exact = true
            let all = try collection.search(request).hits.map(\.name)
            request.k = 7
            request.excluding = [all[0], all[4], all[5], "no such point"]
            #expect(try collection.search(request).hits.map(\.name) == [1, 2, 3, 6, 7, 8, 9].map { all[$0] })
        }
    }

    @Test func quotasAndConditionsHoldTogether() throws {
        try withShop { _, collection in
            var request = SearchRequest(.text("a lamp"), k: 1)
            request.quotas = [
                .init(PayloadCondition(field: "title", value: "red lamp"), count: 2),
                .init(PayloadCondition(field: "title", value: "green desk"), count: 3),
            ]
            let titles = try collection.search(request).hits.compactMap { $0.payload["title"]?.string }
            #expect(titles.count { $0 == "red lamp" } == 2 && titles.count { $0 == "green desk" } == 2)
            #expect(titles.count == 4)
            request.filter = Filter(PayloadCondition(field: "title", value: "red lamp"))
            #expect(
                try collection.search(request).hits.compactMap { $0.payload["title"]?.string } == [
                    "red lamp", "red lamp",
                ])
            request.filter = Filter(PayloadCondition(field: "title", value: "no such title"))
            #expect(try collection.search(request).hits.isEmpty)
        }
    }

    @Test func theTraceSaysWhatASearchDid() throws {
        try withShop { _, collection in
            let response = try collection.search(SearchRequest(.text("a red lamp"), k: 5))
            let trace = response.trace
            #expect(trace.index == "exact" && trace.isScanned && trace.recall == 1 && trace.answers == 5)
            #expect(trace.evaluations == 60 && trace.exactlyReranked == nil && trace.scored == 0)
            #expect(trace.embedMilliseconds != nil && trace.searchMilliseconds > 0)
            #expect(try collection.search(SearchRequest(.point("p-1"), k: 5)).trace.embedMilliseconds == nil)
            var within = SearchRequest(.text("a red lamp"), k: 5)
            within.filter = Filter(PayloadCondition(field: "title", value: "red lamp"))
            #expect(try collection.search(within).trace.evaluations == 2)
        }
    }

    @Test func anIndexCountsWhatItLooksAt() throws {
        try withShop(index: "hnsw", rows: 2_400) { _, collection in
            let request = SearchRequest(.point("p-7"), k: 5)
            let (first, second) = (try collection.search(request).trace, try collection.search(request).trace)
            #expect(first.index == "hnsw")
            // What a searcher has counted before is not this search's.
            #expect(first.evaluations == second.evaluations && first.evaluations > 0)
            #expect(first.reranked == second.reranked && first.exactlyReranked == second.exactlyReranked)
        }
    }

    @Test func theResponseWritesItsOwnJSON() throws {
        try withShop { shop, collection in
            let response = try collection.search(SearchRequest(.text("a red lamp"), k: 3))
            let said = try BelfryProcess.run(["search", shop.recipe, "a red lamp", "-k", "3", "--json"])
            #expect(said.output == response.json.text() + "\n", "\(said)")
            #expect(response.json["recall"] == .integer(1) || response.json["recall"] == .number(1))
        }
    }

    @Test func collectionsAreSearchedAsOne() throws {
        try withShop { shop, collection in
            try shop.change("id: id", to: "id: id\nname: other")
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), limit: 20, threads: 2).build(Self.quiet)
            var request = SearchRequest(.text("a red lamp"), k: 80)
            request.others = [try VectorCollection(shop.recipe + "/other.belfry")]
            let hits = try collection.search(request).hits
            #expect(hits.count { $0.collection == "shop" } == 60 && hits.count { $0.collection == "other" } == 20)
            // Points at the same distance come in the order of the collections.
            for (hit, next) in zip(hits, hits.dropFirst()) {
                #expect(hit.score > next.score || hit.score == next.score && hit.collection >= next.collection)
            }
            request.others = [collection]
            #expect(#expect(throws: BelfryError.self) { try collection.search(request) }?.code == .invalidInput)
        }
    }
}
