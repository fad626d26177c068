import Belfry
import Files
import Foundation
import Neighbors
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// Merges within a limit of memory: several segments that keep a recall together.
@Suite struct CollectionMemoryTests {
    private static let dimension = 24

    /// Near one of some centers, as embeddings are; or between two of them, as queries may be.
    private static func vector(_ random: inout SeededGenerator, between: Bool = false) -> [Float] {
        func center(_ random: inout SeededGenerator) -> [Float] {
            var of = SeededGenerator(seed: UInt64(Int.random(in: 0..<300, using: &random)))
            return (0..<dimension).map { _ in Float.random(in: -1...1, using: &of) }
        }
        let (one, other) = (center(&random), center(&random))
        return (0..<dimension).map { index in
            (between ? (one[index] + other[index]) / 2 : one[index]) + Float.random(in: -0.5...0.5, using: &random)
        }
    }

    @Test func severalSegmentsKeepARecallTogether() async throws {
        var random = SeededGenerator()
        try await withTemporaryDirectory { folder in
            var description = VectorCollection.Description(dimension: Self.dimension, metric: .cosine)
            description.index = .hnsw
            let memory = SegmentMemory(dimension: Self.dimension, metric: .cosine, kind: .hnsw)
            // Room for 50,000 rows and no more.
            var limit = 128 << 20
            while MemoryBudget(limit: limit).mergedRows(memory) < 50_000 { limit += 1 << 18 }
            let collection = try VectorCollection.create(folder + "/c.belfry", description, memoryLimit: limit)
            try collection.mergeOnlyWhenCompacted()
            let points = 96_000
            for start in stride(from: 0, to: points, by: 4_000) {
                var batch: [WrittenPoint] = []
                for id in start..<start + 4_000 {
                    batch.append(WrittenPoint(id: "\(id)", vector: Self.vector(&random)))
                }
                try await collection.upsert(batch)
            }
            try await collection.compact()
            let sizes = collection.view.segments.map(\.segment.rows)
            #expect(sizes.count == 2 && sizes.reduce(0, +) == points, "\(sizes)")
            #expect(sizes.allSatisfy { $0 <= 50_500 && $0 > 40_000 }, "\(sizes)")
            #expect(collection.view.segments.allSatisfy { $0.segment.record.kind == .hnsw })

            let queries = Matrix((0..<300).map { Self.vector(&random, between: $0 % 3 == 0) })
            for k in [1, 10, 100] {
                for audit in try collection.audit(queries, k: k, targets: [0.9, 0.95, 0.99], threads: 2) {
                    let error = 2 * (0.25 / Double(k * 300)).squareRoot()
                    #expect(audit.recall >= audit.target - error, "k \(k): \(audit.recall), \(random)")
                }
            }
            // Merging again finds nothing to do.
            let before = collection.view.segments.map(\.segment.number)
            try await collection.compact()
            #expect(collection.view.segments.map(\.segment.number) == before)
            try await collection.close()
        }
    }

    @Test func theLeastThatWorksIsSaid() throws {
        let memory = SegmentMemory(dimension: 384, metric: .cosine, kind: nil)
        do {
            _ = try MemoryBudget(limit: 64 << 20).segmentRows(memory, of: 1_000_000, beside: 0)
            Issue.record("64M are too few")
        } catch {
            let text = error.remedy?.text { _ in "" } ?? ""
            let size = try #require(text.split(separator: " ").last.flatMap { ByteSize($0.dropLast()) }, "\(text)")
            let rows = try MemoryBudget(limit: size.bytes).segmentRows(memory, of: 1_000_000, beside: 0)
            #expect(rows >= 1_000_000 / 64)
        }
    }
}
