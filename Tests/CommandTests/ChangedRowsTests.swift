import Belfry
import Files
import Foundation
import Recipes
import TestSupport
import Testing

@testable import Belfry

/// A build over a collection whose rows have changed costs what changed, and touches nothing that is not its own.
@Suite struct ChangedRowsTests {
    private func build(_ shop: Shop, _ arguments: [String] = []) throws -> JSON {
        let build = try BelfryProcess.run(["build", shop.recipe, "--json"] + arguments)
        #expect(build.exitCode == 0, "\(build.errors)")
        return try JSON(parsing: Data(build.output.utf8), source: "build")
    }

    private func rows(_ shop: Shop, _ change: ([String]) -> [String]) throws {
        let lines = try String(contentsOfFile: "\(shop.recipe)/products.csv", encoding: .utf8)
            .split(separator: "\n").map { String($0) }
        try shop.write(
            ([lines[0]] + change(Array(lines.dropFirst()))).joined(separator: "\n") + "\n", "shop/products.csv")
    }

    @Test(arguments: ["auto", "hnsw"]) func onlyWhatChangedIsEmbeddedAndOthersStay(_ index: String) async throws {
        try await withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: index == "auto" ? 50 : 1_500, segmentRows: 400, index: index)
            let count = try build(shop)["points"]?.integer ?? 0

            // Three rows go, two change their texts, one its price alone, one comes.
            try rows(shop) { rows in
                var rows = rows
                rows[5] = "p-5,purple lamp,a new text,5.5"
                rows[6] = "p-6,purple desk,another one,6.5"
                rows[7] = rows[7].replacing(",7.5", with: ",70")
                rows.removeSubrange(0..<3)
                return rows + ["p-new,new thing,a thing,1"]
            }
            let changed = try build(shop)
            #expect(
                changed["points"]?.integer == count - 2 && changed["kept_points"]?.integer == count - 5, "\(changed)")
            var collection = try VectorCollection(shop.collection)
            #expect(try collection.point("p-7").payload["price"] == 70)
            #expect(throws: BelfryError.self) { try collection.point("p-1") }
            let fresh = try Shop(folder + "/fresh", rows: 1, index: index)
            try FileManager.default.removeItem(atPath: "\(fresh.recipe)/products.csv")
            try FileManager.default.copyItem(
                atPath: "\(shop.recipe)/products.csv", toPath: "\(fresh.recipe)/products.csv")
            _ = try build(fresh)
            let expected = try VectorCollection(fresh.collection)
            for name in ["p-5", "p-6", "p-7", "p-9", "p-new"] {
                #expect(try collection.point(name).vector == expected.point(name).vector, "\(name)")
                #expect(try collection.point(name).payload == expected.point(name).payload, "\(name)")
            }

            // Others write: a point of theirs, one in the place of a row's, a payload of a row's; and delete a row's.
            let writer = try VectorCollection(shop.collection, for: .writing)
            let vector = try #require(writer.point("p-9").vector)
            try await writer.upsert([
                WrittenPoint(id: "theirs", vector: vector, payload: ["title": "theirs"]),
                WrittenPoint(id: "p-8", vector: vector, payload: ["title": "taken"]),
                WrittenPoint(id: "bare", vectors: [:], payload: ["title": "without a vector"]),
                WrittenPoint(id: "p-9", vectors: [:], payload: ["title": "without its vector"]),
            ])
            let version = try writer.point("theirs").version
            try await writer.write([.setPayload(["p-10"], ["title": "changed"]), .delete(["p-11"])])
            try await writer.index([IndexedField(JSONPath("title"), .keyword), IndexedField(JSONPath("price"), .float)])
            #expect(
                try BelfryProcess.run(["build", shop.recipe, "--replace"]).exitCode == 0, "nothing of the rows changed")
            try rows(shop) { $0 + ["p-last,last thing,a thing,1"] }
            let refused = try BelfryProcess.run(["build", shop.recipe])
            #expect(refused.exitCode == 1 && refused.errors.contains("open for writing"), "\(refused)")
            try await writer.close()
            let again = try build(shop)
            #expect(again["others_points"]?.integer == 2 && again["points"]?.integer == count + 1, "\(again)")
            collection = try VectorCollection(shop.collection)
            // Field indexes stay, and know all points.
            #expect(collection.indexedFields.count == 2)
            for filter in [
                "title = 'theirs'", "title = 'without a vector'", "title = 'last thing'", "price < 20",
                "not title = 'red lamp'",
            ] {
                let filter = try Filter(parsing: filter)
                var matching = 0
                try collection.view.forEachPoint { point in
                    if filter.matches(FilteredPoint(id: point.id, payload: try point.payload())) { matching += 1 }
                }
                let found = try collection.view.slots(where: filter).count
                #expect(matching > 0 && found == matching, "\(filter)")
            }
            #expect(
                try collection.point("theirs").payload["title"] == "theirs"
                    && collection.point("theirs").version == version
            )
            #expect(try collection.point("bare").vectors.isEmpty && collection.point("bare").version == version)
            // What the rows say is the rows' again.
            #expect(try collection.point("p-9").vector == vector)
            #expect(try collection.point("p-8").payload["title"] != "taken" && collection.point("p-8").vector != vector)
            #expect(try collection.point("p-10").payload["title"] != "changed")
            _ = try collection.point("p-11")
            #expect(try VectorCollection.check(shop.collection).allSatisfy(\.problems.isEmpty))
            // Writing goes on, with higher numbers.
            let later = try VectorCollection(shop.collection, for: .writing)
            #expect(try await later.delete(["theirs"]).lsn > version + 1)
            try await later.upsert([WrittenPoint(id: "another", vector: vector)])
            try await later.markSeen(["p-9", "bare", "p-2", "p-more"], by: "ann")
            try await later.compact()
            try await later.markSeen(["p-8"], by: "ann")
            try await later.markSeen(["p-10"], by: "bob")
            try await later.close()
            try rows(shop) { $0 + ["p-more,one more thing,a thing,1"] }
            let last = try build(shop)
            #expect(last["others_points"]?.integer == 2 && last["points"]?.integer == count + 2, "\(last)")
            collection = try VectorCollection(shop.collection)
            #expect(try collection.point("bare").payload["title"] == "without a vector")
            // What users have seen stays, of rows that are gone and of one that comes now as well.
            let seen = ["p-9", "p-8", "p-more", "bare"]
            let ids = Set(seen + ["p-2"]).map { PointName($0).id }
            #expect(try Set(collection.seen(by: "ann").map { PointName($0.id).id }) == Set(ids))
            #expect(try collection.seen(by: "bob").map(\.id) == ["p-10"])
            let places = try collection.view.catalogue.read { try $0.seen(by: "ann") }
            #expect(places?.marks.count { $0.slot != nil } == 4, "where they are is known")
            var request = SearchRequest(.vector(vector), k: 10_000)
            (request.seenBy, request.exact) = ("ann", true)
            let found = try collection.search(request).hits.map(\.name)
            #expect(found.count == count - 2 && Set(seen).isDisjoint(with: found), "\(found.count) of \(count - 2)")
            #expect(try VectorCollection.check(shop.collection).allSatisfy(\.problems.isEmpty))
        }
    }
}
