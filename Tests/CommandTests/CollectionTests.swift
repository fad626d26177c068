import Files
import Foundation
import Neighbors
import Shards
import TestSupport
import Testing
import Towers
import Vectors

@testable import Belfry
@testable import Recipes

@Suite struct CollectionTests {
    private static let quiet = CollectionBuilder.Observer(
        badRow: { _ in }, reading: { _, _ in }, progress: { _, _ in })

    /// Answers of an exact search equal float64 brute force over the stored vectors, whatever the index and the order of
    /// rows that it brings; equal vectors come in the order of their ids, also where only some of them are answered.
    @Test(arguments: Metric.indexed, ElementType.allCases)
    func answersAreExact(_ metric: Metric, _ element: ElementType) throws {
        for index in [IndexRequest.exact, .hnsw, .ivf] { try answersAreExact(metric, element, index) }
    }

    private func answersAreExact(_ metric: Metric, _ element: ElementType, _ index: IndexRequest) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 120, segmentRows: 17, index: index.rawValue)
            let yaml = try String(contentsOfFile: "\(shop.recipe)/recipe.yaml", encoding: .utf8)
            // Without the description, rows repeat: many vectors are exactly equal.
            try shop.write(
                yaml.replacing("\\n{description}", with: "").replacing(
                    "segment_rows: 17", with: "segment_rows: 17, metric: \(metric), element: \(element)"),
                "shop/recipe.yaml")
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 2).build(Self.quiet)
            let collection = try VectorCollection(at: shop.recipe)
            let points = try (0..<120).map { number in
                let point = try collection.point("p-\(number)")
                return (id: point.id, vector: try #require(point.vector))
            }
            let query = try Tower.load(shop.tower).embed(["a green pump and a valve"])[0]
            let oracle = points.map { (id: $0.id, distance: Self.distance(query, $0.vector, metric)) }
                .sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }
            for k in [1, 10, 11, 119, 120, 500] {
                let hits = try collection.hits(Matrix([query]), k: k, exact: true, threads: 2)[0]
                #expect(hits.count == min(k, 120))
                for (hit, expected) in zip(hits, oracle) {
                    let own = Self.distance(query, points.first { $0.id == hit.id }!.vector, metric)
                    let same = hit.id == expected.id
                    #expect(same || abs(own - expected.distance) <= 1e-6 * max(abs(own), 1e-3), "\(hit) \(expected)")
                }
                for (hit, next) in zip(hits, hits.dropFirst()) where hit.score == next.score {
                    #expect(hit.id < next.id)
                }
                // Of equal vectors at the k-th place, those with the smaller ids are answered.
                guard let last = hits.last, let vector = points.first(where: { $0.id == last.id })?.vector else {
                    continue
                }
                let answered = Set(hits.map(\.id))
                for point in points where point.vector == vector && !answered.contains(point.id) {
                    #expect(point.id > last.id, "k \(k), \(index)")
                }
            }
        }
    }

    private static func distance(_ a: [Float], _ b: [Float], _ metric: Metric) -> Double {
        let (a, b) = (a.map(Double.init), b.map(Double.init))
        let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
        switch metric {
        case .l1: return zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) }
        case .l2: return zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        case .ip: return -product
        case .cosine:
            return -product / (a.reduce(0) { $0 + $1 * $1 } * b.reduce(0) { $0 + $1 * $1 }).squareRoot()
        }
    }

    @Test func badQueriesAreRefused() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 5)
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 1).build(Self.quiet)
            let collection = try VectorCollection(shop.collection)
            let good = [Float](repeating: 0.5, count: Shop.dimension)
            var bad = [[Float](repeating: 1, count: Shop.dimension - 1), [Float](repeating: 0, count: Shop.dimension)]
            for value in [Float.nan, .infinity] {
                bad.append(good)
                bad[bad.count - 1][7] = value
            }
            for query in bad {
                let error = #expect(throws: BelfryError.self) { try collection.hits(Matrix([query]), k: 1) }
                #expect(error?.code == .invalidInput)
            }
            #expect(throws: BelfryError.self) { try collection.point("no such") }
            #expect(throws: BelfryError.self) { try collection.hits(.point("p-99"), k: 1) }
            #expect(try collection.hits(Matrix([good]), k: 1)[0].count == 1)
        }
    }

    @Test func whatTheCatalogueDoesNotListIsPassedOver() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 25)
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 1).build(Self.quiet)
            let before = Set(try shop.files().keys)
            let segment = try shop.segment.dropFirst(shop.collection.count + 1)
            let strays = [
                "segments/000009/vectors.shard", "\(segment)/old", "towers/old.tower/tower.json", "stray",
            ]
            for stray in strays {
                let path = URL(fileURLWithPath: "\(shop.collection)/\(stray)")
                try FileManager.default.createDirectory(
                    at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data("x".utf8).write(to: path)
            }
            // While another process holds the writer's lock, its unlisted files are its own.
            let lock = try WriterLock("\(shop.collection)/lock")
            #expect(lock != nil)
            _ = try VectorCollection(shop.collection)
            #expect(Set(try shop.files().keys) == before.union(strays))
            withExtendedLifetime(lock) {}
        }
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 25)
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 1).build(Self.quiet)
            let before = Set(try shop.files().keys)
            // An index that the catalogue does not list is none, in whatever state it is.
            let graph = try shop.segment + "/graph"
            try Data("x".utf8).write(to: URL(fileURLWithPath: graph))
            try FileManager.default.createDirectory(
                atPath: "\(shop.collection)/segments/000009", withIntermediateDirectories: true)
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(shop.collection)/segments/000009/ids"))
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(shop.collection)/stray"))
            #expect(try VectorCollection(shop.collection).count == 25)
            let strays = [String(graph.dropFirst(shop.collection.count + 1)), "segments/000009/ids", "stray"]
            #expect(Set(try shop.files().keys) == before.union(strays))
            // The next writer removes what is Belfry's.
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 1).build(Self.quiet)
            #expect(Set(try shop.files().keys) == before.union(["stray"]))
        }
    }

    /// Whole files of another collection pass their own checksums, but not the check of the parts together.
    @Test(arguments: [(IndexRequest.exact, 60), (.hnsw, 2_400), (.ivf, 2_400)])
    func aMissingOrMixedUpFileIsNamed(_ index: IndexRequest, _ rows: Int) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop("\(folder)/one", rows: rows, segmentRows: 1_000, index: index.rawValue)
            let other = try Shop("\(folder)/two", rows: rows, segmentRows: 1_000, index: index.rawValue)
            // The same number of points, with other ids and other texts.
            let csv = try String(contentsOfFile: "\(other.recipe)/products.csv", encoding: .utf8)
            let colors = csv.replacing("p-", with: "q-").replacing("the ", with: "oven 7 ").replacing(
                "red", with: "pump")
            try other.write(colors, "shop/products.csv")
            for shop in [shop, other] {
                _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 2).build(Self.quiet)
                #expect(try VectorCollection.check(shop.collection).allSatisfy(\.problems.isEmpty))
            }
            // Another calibration, and another shape of lists or graph, could not be told from this one's.
            for name in try System.list(shop.segment) where name != "calibration" {
                let (file, foreign) = (try shop.segment + "/" + name, try other.segment + "/" + name)
                try System.exchange(file, foreign)
                let findings = try VectorCollection.check(shop.collection).filter { !$0.problems.isEmpty }
                // Of points in the same order the slots are the same.
                let isSame = try System.read(file) == System.read(foreign)
                #expect(findings.isEmpty == isSame, "\(name) of \(index)")
                try System.exchange(file, foreign)
                try System.rename(file, to: file + ".away")
                let finding = try VectorCollection.check(shop.collection).first { !$0.problems.isEmpty }
                #expect(finding?.name.hasSuffix("/" + name) == true)
                #expect(throws: BelfryError.self) { try VectorCollection(shop.collection) }
                try System.rename(file + ".away", to: file)
            }
            #expect(try VectorCollection.check(shop.collection).allSatisfy(\.problems.isEmpty))
        }
    }
}
