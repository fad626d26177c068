import Files
import Foundation
import Shards
import TestSupport
import Testing
import Towers
import Vectors

@testable import Belfry

@Suite struct CollectionTests {
    private static let quiet = CollectionBuilder.Observer(
        badRow: { _ in }, reading: { _, _ in }, progress: { _, _ in })

    /// Answers equal float64 brute force over the stored vectors; equal vectors come in the order of their ids.
    @Test(arguments: Metric.allCases, ElementType.allCases)
    func answersAreExact(_ metric: Metric, _ element: ElementType) throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 120, segmentRows: 17)
            let yaml = try String(contentsOfFile: "\(shop.recipe)/recipe.yaml", encoding: .utf8)
            // Without the description, rows repeat: many vectors are exactly equal.
            try shop.write(
                yaml.replacing("\\n{description}", with: "").replacing(
                    "segment_rows: 17", with: "segment_rows: 17, metric: \(metric), element: \(element)"),
                "shop/recipe.yaml")
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 2).build(Self.quiet)
            let collection = try Collection(shop.recipe)
            let points = try (0..<120).map { try collection.point("p-\($0)") }
            let query = try Tower.load(shop.tower).embed(["a green pump and a valve"])[0]
            let oracle = points.map { (id: $0.id, distance: Self.distance(query, $0.vector, metric)) }
                .sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }
            for k in [1, 10, 119, 120, 500] {
                let hits = try collection.search(Matrix([query]), k: k, threads: 2)[0]
                #expect(hits.count == min(k, 120))
                for (hit, expected) in zip(hits, oracle) {
                    let own = Self.distance(query, points.first { $0.id == hit.id }!.vector, metric)
                    let same = hit.id == expected.id
                    #expect(same || abs(own - expected.distance) <= 1e-6 * max(abs(own), 1e-3), "\(hit) \(expected)")
                }
                for (hit, next) in zip(hits, hits.dropFirst()) where hit.score == next.score {
                    #expect(hit.id < next.id)
                }
            }
        }
    }

    private static func distance(_ a: [Float], _ b: [Float], _ metric: Metric) -> Double {
        let (a, b) = (a.map(Double.init), b.map(Double.init))
        let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
        switch metric {
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
            let collection = try Collection(shop.collection)
            let good = [Float](repeating: 0.5, count: Shop.dimension)
            var bad = [[Float](repeating: 1, count: Shop.dimension - 1), [Float](repeating: 0, count: Shop.dimension)]
            for value in [Float.nan, .infinity] {
                bad.append(good)
                bad[bad.count - 1][7] = value
            }
            for query in bad {
                let error = #expect(throws: BelfryError.self) { try collection.search(Matrix([query]), k: 1) }
                #expect(error?.code == .invalidInput)
            }
            #expect(throws: BelfryError.self) { try collection.point("no such") }
            #expect(throws: BelfryError.self) { try collection.similar(to: "p-99", k: 1) }
            #expect(try collection.search(Matrix([good]), k: 1)[0].count == 1)
        }
    }

    @Test func whatTheCatalogueDoesNotListIsRemovedAtOpen() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 25)
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 1).build(Self.quiet)
            let before = Set(try shop.files().keys)
            let strays = [
                "segments/000009/vectors.shard", "segments/000001/codes", "towers/old.tower/tower.json", "stray",
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
            _ = try Collection(shop.collection)
            #expect(Set(try shop.files().keys) == before.union(strays))
            withExtendedLifetime(lock) {}
        }
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 25)
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 1).build(Self.quiet)
            let before = Set(try shop.files().keys)
            try FileManager.default.createDirectory(
                atPath: "\(shop.collection)/segments/000009", withIntermediateDirectories: true)
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(shop.collection)/segments/000009/ids"))
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(shop.collection)/stray"))
            #expect(try Collection(shop.collection).count == 25)
            #expect(Set(try shop.files().keys) == before)
        }
    }

    @Test func aMissingOrMixedUpFileIsNamed() throws {
        try withTemporaryDirectory { folder in
            let shop = try Shop(folder, rows: 25)
            _ = try CollectionBuilder(Recipe(folder: shop.recipe), threads: 1).build(Self.quiet)
            // Two whole segments that have changed places pass their own checksums, but not the check of the parts.
            let (first, second) = ("\(shop.collection)/segments/000001/ids", "\(shop.collection)/segments/000002/ids")
            try System.exchange(first, second)
            #expect(try Collection.check(shop.collection).contains { !$0.problems.isEmpty })
            try System.exchange(first, second)
            #expect(try Collection.check(shop.collection).allSatisfy(\.problems.isEmpty))
            try System.remove("\(shop.collection)/segments/000002/vectors.shard")
            let finding = try Collection.check(shop.collection).first { !$0.problems.isEmpty }
            #expect(finding?.name == "segments/000002/vectors.shard")
        }
    }
}
