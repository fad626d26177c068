import Belfry
import Files
import Foundation
import TestSupport
import Testing

@testable import Belfry

/// The recall that is promised holds while points come and go, over an index and what is not in it yet.
@Suite struct ChurnTests {
    private static let dimension = 16

    /// Near one of some centers, as embeddings are.
    private static func vector(_ random: inout SeededGenerator, center: Int? = nil) -> [Float] {
        var of = SeededGenerator(seed: UInt64(center ?? Int.random(in: 0..<200, using: &random)))
        return (0..<dimension).map { _ in
            Float.random(in: -1...1, using: &of) + Float.random(in: -0.4...0.4, using: &random)
        }
    }

    private static func recall(_ collection: VectorCollection, _ random: inout SeededGenerator) throws -> Double {
        var found = 0.0
        let queries = 200
        for _ in 0..<queries {
            var request = SearchRequest(.vector(vector(&random)), k: 10)
            let answer = try collection.search(request)
            request.exact = true
            let truth = try collection.search(request).hits
            found += Double(answer.hits.count { $0.score <= truth[truth.count - 1].score }) / 10
        }
        return found / Double(queries)
    }

    private enum Kind: CaseIterable { case random, window, clusters }

    @Test(arguments: Kind.allCases) private func recallHoldsWhilePointsComeAndGo(_ kind: Kind) async throws {
        var random = SeededGenerator()
        try await withTemporaryDirectory { folder in
            var description = VectorCollection.Description(dimension: Self.dimension, metric: .l2)
            description.index = .hnsw
            let collection = try VectorCollection.create(folder + "/churn.belfry", description)
            let points = 42_000
            var alive: [Int: Int] = [:]
            func write(_ ids: [Int]) async throws {
                for start in stride(from: 0, to: ids.count, by: 5_000) {
                    var batch: [WrittenPoint] = []
                    for id in ids[start..<min(start + 5_000, ids.count)] {
                        let center = Int.random(in: 0..<200, using: &random)
                        alive[id] = center
                        batch.append(WrittenPoint(id: "\(id)", vector: Self.vector(&random, center: center)))
                    }
                    try await collection.upsert(batch)
                }
            }
            func delete(_ ids: [Int]) async throws {
                for id in ids { alive[id] = nil }
                for start in stride(from: 0, to: ids.count, by: 5_000) {
                    try await collection.delete(ids[start..<min(start + 5_000, ids.count)].map { "\($0)" })
                }
            }
            try await write(Array(0..<points))
            try await collection.compact()
            #expect(collection.view.indexKind() == .hnsw)
            var next = points
            for round in 0..<LongRun.choose(4, long: 50) {
                let gone: [Int] =
                    switch kind {
                    case .random: Array(alive.keys.shuffled(using: &random).prefix(points / 50))
                    case .window: Array(alive.keys.sorted().prefix(points / 50))
                    case .clusters: alive.filter { $0.value / 4 == round % 50 }.map(\.key)
                    }
                try await delete(gone)
                try await write(Array(next..<next + gone.count))
                next += gone.count
                let recall = try Self.recall(collection, &random)
                #expect(recall >= 0.945, "\(kind), round \(round), \(random)")
                #expect(collection.count == points)
            }
            try await collection.close()
            #expect(try VectorCollection.check(collection.path).allSatisfy(\.problems.isEmpty))
        }
    }
}
