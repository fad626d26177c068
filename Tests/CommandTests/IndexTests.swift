import Files
import Foundation
import Neighbors
import TestSupport
import Testing
import Vectors

@testable import Belfry
@testable import Recipes

/// A collection that is searched by an index, asked by recall.
@Suite struct IndexTests {
    private static let quiet = CollectionBuilder.Observer(
        badRow: { _ in }, reading: { _, _ in }, progress: { _, _ in })
    /// So many that the index is calibrated.
    private static let rows = 2_400

    private static func build(
        _ folder: String, _ index: IndexRequest, threads: Int = 2, segmentRows: Int = 1_000
    ) throws -> Shop {
        let shop = try Shop(folder, rows: 0, segmentRows: segmentRows, index: index.rawValue)
        // Random texts: few vectors are equal.
        var random = SeededGenerator(seed: 7)
        let words = Shop.products + Shop.colors
        let lines = (0..<rows).map { row in
            let text = (0..<8).map { _ in words.randomElement(using: &random)! }.joined(separator: " ")
            return "p-\(row),\(text),,\(row)\n"
        }
        try shop.write("id,title,description,price\n" + lines.joined(), "shop/products.csv")
        _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: threads).build(quiet)
        return shop
    }

    private static func queries(_ collection: VectorCollection, _ names: [Int]) throws -> Matrix {
        Matrix(try names.map { try #require(collection.point("p-\($0)").vector) })
    }

    @Test(arguments: [IndexRequest.hnsw, .ivf, .exact])
    func theSameRecipeGivesTheSameBytes(_ index: IndexRequest) throws {
        try withTemporaryDirectory { folder in
            let one = try Self.build("\(folder)/one", index, threads: 1)
            let two = try Self.build("\(folder)/two", index, threads: 2)
            let (first, second) = (try one.files(), try two.files())
            let names = first.keys.filter { $0.hasPrefix("segments/") }
            #expect(Set(first.keys) == Set(second.keys))
            #expect(names.count >= 3)
            for name in names { #expect(first[name] == second[name], "\(name)") }
        }
    }

    /// What a search finds when it is asked again exactly is what both answers say.
    @Test(arguments: [IndexRequest.hnsw, .ivf])
    func aSearchIsAskedAgain(_ index: IndexRequest) throws {
        try withTemporaryDirectory { folder in
            let collection = try VectorCollection(Self.build(folder, index).collection)
            var lowest = 1.0
            for point in stride(from: 0, to: Self.rows, by: 40) {
                var request = SearchRequest(.point("p-\(point)"), k: 20)
                request.recall = 0.3
                var exact = request
                (exact.recall, exact.exact) = (nil, true)
                let (found, best) = (try collection.search(request).hits, try collection.search(exact).hits)
                let last = try #require(best.last?.score)
                let expected = Double(found.count { $0.score >= last }) / Double(best.count)
                #expect(try collection.recall(of: request) == expected, "p-\(point)")
                lowest = min(lowest, expected)
            }
            // Of nothing missed, nothing would be seen.
            #expect(lowest < 1)
            var grouped = SearchRequest(.point("p-1"), k: 5)
            grouped.groups = .init(by: try JSONPath("price"))
            #expect(try collection.recall(of: grouped) == nil)
            var endless = SearchRequest(.point("p-1"), k: .max)
            endless.offset = .max
            #expect(try collection.recall(of: endless) == nil)
        }
    }

    @Test(arguments: [IndexRequest.hnsw, .ivf])
    func findsWhatItPromises(_ index: IndexRequest) throws {
        try withTemporaryDirectory { folder in
            let collection = try VectorCollection(Self.build(folder, index).collection)
            #expect(collection.view.calibrationSource().text?.contains("rows of the data") == true)
            let queries = try Self.queries(collection, Array(stride(from: 0, to: 2_400, by: 12)))
            let exact = try collection.hits(queries, k: 10, exact: true, threads: 2)
            // A recall of 1 is an exact search, to the last score.
            let all = try collection.hits(queries, k: 10, recall: 1, threads: 2)
            #expect(all.map { $0.map(\.id) } == exact.map { $0.map(\.id) })
            #expect(all.map { $0.map(\.score) } == exact.map { $0.map(\.score) })
            #expect(try collection.view.expectation(k: 10, recall: 1).isExact)
            var cost = 0.0
            for target in [0.5, 0.9, 0.97] {
                let expectation = try collection.view.expectation(k: 10, recall: target)
                let found = try collection.hits(queries, k: 10, recall: target, threads: 2)
                var right = 0
                for (found, exact) in zip(found, exact) {
                    // As near as the true k-th is right: many rows are alike.
                    let last = try #require(exact.last?.score)
                    right += found.count { $0.score >= last }
                    #expect(found.count == 10 && Set(found.map(\.id)).count == 10)
                    // The scores are those of the stored vectors, and sorted.
                    for (hit, next) in zip(found, found.dropFirst()) {
                        #expect(hit.score > next.score || (hit.score == next.score && hit.id < next.id))
                    }
                    let scores = Dictionary(uniqueKeysWithValues: exact.map { ($0.id, $0.score) })
                    for hit in found { #expect(scores[hit.id] ?? hit.score == hit.score) }
                }
                #expect(Double(right) / Double(10 * queries.rows) >= target - 0.02, "\(index) at \(target)")
                if !expectation.isExact { #expect(expectation.recall ?? 0 >= target) }
                #expect(expectation.evaluations ?? 0 >= cost)
                cost = expectation.evaluations ?? 0
            }
            // One at a time, on one thread, finds the same.
            let together = try collection.hits(queries, k: 10, recall: 0.9, threads: 2)
            for query in stride(from: 0, to: queries.rows, by: 10) {
                let alone = try collection.hits(Matrix([queries[query]]), k: 10, recall: 0.9)[0]
                #expect(alone.map(\.id) == together[query].map(\.id))
            }
        }
    }

    @Test(arguments: [IndexRequest.hnsw, .ivf])
    func aPointIsNotSimilarToItself(_ index: IndexRequest) throws {
        try withTemporaryDirectory { folder in
            let collection = try VectorCollection(Self.build(folder, index).collection)
            for name in stride(from: 0, to: 2_400, by: 97) {
                for (k, recall) in [(1, 0.5), (10, 0.9), (100, 0.9), (149, 0.9), (2_399, 1), (2_400, 0.9)] {
                    let hits = try collection.hits(.point("p-\(name)"), k: k, recall: recall)
                    #expect(hits.count == min(k, 2_399) && !hits.contains { $0.key == "p-\(name)" })
                }
            }
            #expect(throws: BelfryError.self) { try collection.hits(.point("p-1"), k: 1, recall: 0) }
            #expect(throws: BelfryError.self) { try collection.hits(.point("p-1"), k: 1, recall: 1.5) }
            #expect(throws: BelfryError.self) { try collection.hits(.point("p-1"), k: 1, recall: .nan) }
            // Nobody has measured so large a k; where its neighbor could not be promised either, all is scanned.
            let large = try collection.view.expectation(k: 120, recall: 0.9)
            #expect(large.recall == (large.isExact ? 1 : nil))
            #expect(try collection.view.expectation(k: 1_000, recall: 0.9).recall == 1)
        }
    }

    /// Whatever a file of the segment says, a search is an answer or an error with a place, and `check` sees it.
    @Test(arguments: [IndexRequest.hnsw, .ivf])
    func aDamagedIndexIsFoundAndSearchedSafely(_ index: IndexRequest) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let shop = try Self.build(folder, index)
            let queries = try Self.queries(VectorCollection(shop.collection), [1, 700, 1_500])
            for name in try System.list(shop.segment) {
                let path = try shop.segment + "/" + name
                let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
                for round in 0..<12 {
                    var bytes = whole
                    let start = Int.random(in: 0..<bytes.count, using: &random)
                    let end = min(bytes.count, start + (round % 2 == 0 ? 1 : 2_000))
                    for place in start..<end { bytes[place] ^= UInt8.random(in: 1...255, using: &random) }
                    try Data(bytes).writeAnew(to: path)
                    do {
                        let collection = try VectorCollection(shop.collection)
                        for recall in [0.9, 1] {
                            #expect(try collection.hits(queries, k: 10, recall: recall).allSatisfy { $0.count <= 10 })
                        }
                    } catch let error as BelfryError {
                        #expect(error.code == .corruptData || error.code == .unsupported, "\(error), \(random)")
                        #expect(error.location != nil)
                    }
                    if round < 4 {
                        let finding = try VectorCollection.check(shop.collection).first { !$0.problems.isEmpty }
                        #expect(finding?.name.hasSuffix("/" + name) == true, "\(name), \(random)")
                    }
                }
                try Data(whole).writeAnew(to: path)
            }
            #expect(try VectorCollection.check(shop.collection).allSatisfy(\.problems.isEmpty))
        }
    }

    @Test func autoSaysWhy() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.build(folder, .auto)
            // So few rows are scanned in a moment.
            let scanned = try VectorCollection(shop.collection).statistics()
            #expect(scanned.index == "exact" && scanned.recall == 1 && scanned.indexChoice?.candidates.isEmpty == true)
            #expect(scanned.indexReason?.contains("millisecond") == true, "\(scanned)")
            try shop.change("index: auto", to: "index: auto\nrecall: 0.95")
            #expect(try BelfryProcess.run(["build", shop.recipe, "--replace"]).exitCode == 0)
            let statistics = try VectorCollection(shop.collection).statistics()
            #expect(statistics.indexRequest == "auto at recall 0.95, calibrated on its texts")
            #expect(statistics.indexChoice?.candidates.count == 3)
            #expect(statistics.indexChoice?.kind.rawValue == statistics.index)
            #expect(statistics.indexReason?.contains(statistics.index) == true)
            #expect(statistics.expectations.count == 12)
            let table = try BelfryProcess.run(["stats", shop.recipe]).output
            #expect(table.contains("why") && table.contains("bytes per vector"))
        }
    }

    /// Any recall is answered without a build, but auto's choice was made for one.
    @Test func aChangedRecallNeedsNoBuildWhereTheIndexIsFixed() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, index: "hnsw\nrecall: 0.8")
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            #expect(try VectorCollection(at: shop.recipe).configuration.recall == 0.8)
            let before = try shop.files().filter { $0.key.hasPrefix("segments/") }
            try shop.change("recall: 0.8", to: "recall: 0.9")
            #expect(try BelfryProcess.run(["build", shop.recipe]).output.contains("is up to date"))
            #expect(try VectorCollection(at: shop.recipe).configuration.recall == 0.9)
            #expect(try shop.files().filter { $0.key.hasPrefix("segments/") } == before)
            #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)

            try shop.change("index: hnsw", to: "index: auto")
            let refused = try BelfryProcess.run(["build", shop.recipe])
            #expect(refused.errors.contains("is now auto at recall 0.9"), "\(refused)")
            let replaced = try BelfryProcess.run(["build", shop.recipe, "--replace", "--json"])
            #expect(replaced.output.contains("\"resumed_points\":50"), "\(replaced)")
            try shop.change("recall: 0.9", to: "recall: 0.99")
            let again = try BelfryProcess.run(["build", shop.recipe])
            #expect(again.exitCode == 1 && again.errors.contains("nothing is embedded"))
        }
    }

    /// Where only the index changes, the vectors are taken over, however often that is interrupted.
    @Test(arguments: [
        nil, "vectors-adopted", "catalogue-copied-adopted", "catalogue-adopted", "index-built", "index-listed",
        "swapped",
    ])
    func anotherIndexTakesOverTheVectors(_ crash: String?) throws {
        try withTemporaryDirectory { folder in
            let whole = try Shop("\(folder)/whole", index: "ivf")
            let shop = try Shop("\(folder)/changed", index: "hnsw")
            for shop in [whole, shop] { #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0) }
            try shop.change("index: hnsw", to: "index: ivf")
            if let crash {
                let crashed = try BelfryProcess.run(
                    ["build", shop.recipe, "--replace"], environment: ["BELFRY_CRASH_AT": crash])
                #expect(crashed.exitCode == 128 + SIGKILL)
                #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)
            }
            let next = try BelfryProcess.run(["build", shop.recipe, "--replace", "--json"])
            #expect(next.output.contains(crash == "swapped" ? "\"was_up_to_date\":true" : "\"resumed_points\":50"))
            #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)
            #expect(!FileManager.default.fileExists(atPath: shop.collection + ".building"))
            for name in try System.list(whole.segment) {
                let (expected, found) = (try whole.segment + "/" + name, try shop.segment + "/" + name)
                #expect(FileManager.default.contentsEqual(atPath: expected, andPath: found), "\(name)")
            }
            // A damaged collection is not taken over.
            let path = try shop.segment + "/vectors.shard"
            var data = try Data(contentsOf: URL(fileURLWithPath: path))
            data[data.count / 2] ^= 1
            try data.writeAnew(to: path)
            try shop.change("index: ivf", to: "index: exact")
            let anew = try BelfryProcess.run(["build", shop.recipe, "--replace", "--json"])
            #expect(anew.output.contains("\"resumed_points\":0"), "\(anew)")
            #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)
        }
    }

    /// What was embedded stays, also for another index than the one that the interrupted build was asked for.
    @Test(arguments: ["index-built", "index-listed", "configuration-written"])
    func anotherIndexGoesOnFromWhatIsEmbedded(_ point: String) throws {
        try withTemporaryDirectory { folder in
            let whole = try Shop("\(folder)/whole", index: "ivf")
            #expect(try BelfryProcess.run(["build", whole.recipe]).exitCode == 0)
            let shop = try Shop("\(folder)/crashed", index: "hnsw")
            let crashed = try BelfryProcess.run(["build", shop.recipe], environment: ["BELFRY_CRASH_AT": point])
            #expect(crashed.exitCode == 128 + SIGKILL)
            try shop.change("index: hnsw", to: "index: ivf")
            let next = try BelfryProcess.run(["build", shop.recipe, "--json"])
            #expect(next.output.contains("\"resumed_points\":50"), "\(next)")
            #expect(try BelfryProcess.run(["check", shop.recipe]).exitCode == 0)
            for name in try System.list(whole.segment) {
                let (expected, found) = (try whole.segment + "/" + name, try shop.segment + "/" + name)
                #expect(FileManager.default.contentsEqual(atPath: expected, andPath: found), "\(name)")
            }
        }
    }

    @Test func aCollectionOfAnOlderFormatIsRefused() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder)
            #expect(try BelfryProcess.run(["build", shop.recipe]).exitCode == 0)
            let catalogue = try Catalogue("\(shop.collection)/catalog.sqlite", .create)
            try catalogue.write { try $0.put("collection", ["format": 1]) }
            try catalogue.close()
            let refused = try BelfryProcess.run(["search", shop.recipe, "lamp"])
            #expect(refused.exitCode == 1 && refused.errors.contains("format 1"), "\(refused)")
            #expect(refused.errors.contains("belfry build") && refused.errors.contains("--replace"))
            #expect(try BelfryProcess.run(["build", shop.recipe, "--replace"]).exitCode == 0)
            #expect(try BelfryProcess.run(["search", shop.recipe, "lamp"]).exitCode == 0)
        }
    }

    /// Which queries a calibration used, and why not those that the recipe names.
    @Test func theCommandsSayWhatWasCalibratedOn() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.build(folder, .ivf)
            try shop.change("index: ivf", to: "index: ivf\ncalibrate: {file: queries.jsonl, text: q}")
            for (count, says, fallback) in [
                (150, ", 150 queries of the recipe", nil),
                (
                    12, " rows of the data\n",
                    "only 12 of them could be used, and a calibration needs 100"
                ),
                (0, " rows of the data\n", "none of them could be used"),
            ] {
                let queries = (0..<count).map {
                    "{\"q\": \"\(Shop.colors[$0 % 5]) \(Shop.products[$0 % 10]) \($0)\"}\n"
                }
                try shop.write(queries.joined(), "shop/queries.jsonl")
                #expect(try BelfryProcess.run(["build", shop.recipe, "--replace"]).exitCode == 0)
                let stats = try BelfryProcess.run(["stats", shop.recipe]).output
                let explain = try BelfryProcess.run(["explain", shop.recipe, "red lamp"]).output
                #expect(explain.contains(says), "\(explain)")
                for output in [stats, explain] {
                    #expect(output.contains("stand in for the recipe's queries") == (fallback != nil), "\(output)")
                    if let fallback { #expect(output.contains(fallback), "\(output)") }
                }
            }
        }
    }

    @Test func theCommandsSpeakOfRecall() throws {
        try withTemporaryDirectory { folder in
            let shop = try Self.build(folder, .hnsw)
            // Words of a text of the collection, as those of the calibration are.
            let title = try VectorCollection(at: shop.recipe).point("p-7").payload["title"]?.string ?? ""
            let known = title.split(separator: " ").prefix(5).joined(separator: " ")
            func recall(_ arguments: String...) throws -> JSON? {
                let search = try BelfryProcess.run(["search", shop.recipe, known, "--json"] + arguments)
                return try JSON(parsing: Data(search.output.utf8), source: "search")["recall"]
            }
            let expected = try VectorCollection(at: shop.recipe).view.expectation(k: 10, styles: QueryStyle.texts)
            #expect(expected.kinds.contains { $0.kind == .phrases }, "\(expected)")
            #expect(try recall()?.number == expected.recall)
            #expect(try recall("--exact")?.number == 1)
            #expect(try recall("--recall", "1")?.number == 1)
            #expect(try recall("--recall", "0.8")?.number ?? 0 >= 0.8)
            #expect(try recall("-k", "120", "--recall", "0.5") == .null)

            for arguments in [["red lamp"], ["--like", "p-7"], ["red lamp", "--exact"]] {
                let explain = try BelfryProcess.run(["explain", shop.recipe] + arguments)
                #expect(explain.exitCode == 0, "\(explain)")
                for name in ["effort", "expected recall", "distances", "reranked exactly", "search", "payload"] {
                    #expect(explain.output.contains("\n\(name) "), "\(name): \(explain.output)")
                }
            }
            let explain = try BelfryProcess.run(["explain", shop.recipe, "--like", "p-7", "--json"])
            let answer = try JSON(parsing: Data(explain.output.utf8), source: "explain")
            #expect(answer["index"]?.string == "hnsw" && answer["evaluations"]?.number ?? 0 > 0)
            let stats = try BelfryProcess.run(["stats", shop.recipe]).output
            #expect(stats.contains("rows of the data") && stats.contains("nearest missed"), "\(stats)")
            for arguments in [["--recall", "0"], ["--recall", "1.1"], ["--recall", "0.9", "--exact"]] {
                #expect(try BelfryProcess.run(["search", shop.recipe, "lamp"] + arguments).exitCode == 2)
            }
            #expect(try BelfryProcess.run(["explain", shop.recipe]).exitCode == 2)
            #expect(try BelfryProcess.run(["explain", shop.recipe, "lamp", "--like", "p-1"]).exitCode == 2)
        }
    }
}
