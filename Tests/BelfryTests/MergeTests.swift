import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// What merges choose, and what becomes of them where something is damaged.
@Suite struct MergeTests {
    /// A scan that was measured to be faster than any index is not replaced by an index that nobody has measured.
    @Test func aScanThatIsFastestStaysOne() async throws {
        try await withTemporaryDirectory { folder in
            var random = SeededGenerator()
            var description = VectorCollection.Description(dimension: 4, metric: .l2)
            // Only a scan misses nothing.
            description.recall = 1
            let collection = try VectorCollection.create(folder + "/c.belfry", description)
            try collection.mergeOnlyWhenCompacted()
            for start in stride(from: 0, to: 41_000, by: 8_200) {
                var batch: [WrittenPoint] = []
                for id in start..<start + 8_200 {
                    batch.append(
                        WrittenPoint(id: "\(id)", vector: (0..<4).map { _ in Float.random(in: -1...1, using: &random) })
                    )
                }
                try await collection.upsert(batch)
            }
            try await collection.compact()
            let made = try #require(collection.view.segments.first?.segment)
            #expect(made.rows == 41_000 && made.record.kind == .exact && made.record.scanIsFastest == true)
            try await collection.close()

            var unknown = made.record
            unknown.scanIsFastest = nil
            for (record, isMeasured) in [(made.record, true), (unknown, false)] {
                #expect(MergeJob.wantsIndex(record, rows: 41_000, dimension: 4_096, metric: .l2, nil) == !isMeasured)
                #expect(!MergeJob.wantsIndex(record, rows: 41_000, dimension: 4_096, metric: .l2, .exact))
                let rewritten = MergeJob.usualIndex(60_000, like: record, rows: 41_000)
                if case .fastestIsScan = rewritten { #expect(isMeasured) } else { #expect(!isMeasured) }
                // On three times as many rows nobody knows.
                let grown = MergeJob.usualIndex(123_000, like: record, rows: 41_000)
                if case .kind(.hnsw) = grown {} else { Issue.record("\(grown)") }
            }
        }
    }

    /// A segment that cannot be read is not merged; all others are.
    @Test func aDamagedSegmentKeepsNoOtherFromBeingMerged() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/c.belfry"
            let spaces = ["a", "b"].map {
                VectorCollection.Description.Space(VectorSpace(name: $0, dimension: 8, metric: .l2))
            }
            let collection = try VectorCollection.create(path, .init(spaces))
            func point(_ id: Int, _ space: String) -> WrittenPoint {
                WrittenPoint(id: "\(id)", vectors: [space: .dense((0..<8).map { Float(id + $0) })])
            }
            try await collection.upsert((0..<300).map { point($0, "a") })
            try await collection.compact()
            let damaged = try #require(collection.view.segments.first?.segment.number)
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: CollectionLayout(path: path).vectors(damaged)))
            try file.seek(toOffset: 2_000)
            try file.write(contentsOf: Data(repeating: 0x5A, count: 400))
            try file.close()

            // So many are dead that it would be written anew, before anything else.
            try await collection.delete((0..<150).map(String.init))
            let writer = try collection.writing()
            for part in 0..<6 {
                try await collection.upsert((0..<50).map { point(1_000 + 50 * part + $0, "b") })
                try writer.maintenance.seal(writer)
            }
            await #expect(throws: BelfryError.self) { try await collection.compact() }
            let segments = collection.view.segments
            #expect(segments.contains { $0.segment.number == damaged })
            // Two more may have come after the last merge of four.
            #expect(segments.filter { $0.segment.space == 1 }.count < 6, "\(segments.map(\.segment.rows))")
            var request = SearchRequest(.vector((0..<8).map { Float(1_007 + $0) }), k: 1)
            request.space = "b"
            #expect(try collection.search(request).hits.first?.name == "1007")
            try await collection.close()
        }
    }
}

extension MergeTests {
    /// Whoever writes faster than copies are made waits for them: segments stay few, and at rest they are few in all.
    @Test func aBurstLeavesFewSegments() async throws {
        try await withTemporaryDirectory { folder in
            let collection = try VectorCollection.create(folder + "/c.belfry", .init(dimension: 4, metric: .l2))
            let writer = try collection.writing()
            for step in 0..<80 {
                try await collection.upsert(
                    (0..<20).map { WrittenPoint(id: "\(step * 20 + $0)", vector: [Float(step), Float($0), 0, 1]) })
                try writer.maintenance.seal(writer)
                // What is in a merge is out of the count, and one more was sealed since the writer was let go.
                let busy = Set(collection.mergesUnderWay.flatMap { $0.sources.map(\.number) })
                let free = collection.view.segments.count { !busy.contains($0.segment.number) }
                #expect(free <= BackPressure.mostSegments + 2, "step \(step)")
            }
            writer.maintenance.awaitMerges()
            #expect(collection.view.segments.count <= MergePolicy.limit && collection.count == 1_600)
            var request = SearchRequest(.vector([70, 3, 0, 1]), k: 1)
            request.exact = true
            #expect(try collection.search(request).hits.first?.name == "1403")
            try await collection.close()
        }
    }

    /// A writer that is closed in a hurry gives its merges up, and the next one begins them anew.
    @Test func aClosedWriterGivesItsMergesUp() async throws {
        try await withTemporaryDirectory { folder in
            var random = SeededGenerator()
            let path = folder + "/c.belfry"
            var description = VectorCollection.Description(dimension: 24, metric: .l2)
            description.index = .hnsw
            let collection = try VectorCollection.create(path, description)
            try collection.mergeOnlyWhenCompacted()
            for start in stride(from: 0, to: 60_000, by: 10_000) {
                try await collection.upsert(
                    (start..<start + 10_000).map { id in
                        WrittenPoint(
                            id: "\(id)", vector: (0..<24).map { _ in Float.random(in: -1...1, using: &random) })
                    })
            }
            let writer = try collection.writing()
            writer.maintenance.mergesEnd.want()
            let ended = await #expect(throws: BelfryError.self) { try await collection.compact() }
            #expect(ended?.code == .cancelled)
            // Closing asks for it, too. How far a merge is by then nobody knows.
            let merging = Task { try await collection.compact() }
            try await collection.close(endingMerges: true)
            if case .failure(let error as BelfryError) = await merging.result {
                #expect(error.code == .cancelled || error.code == .conflict, "\(error)")
            }
            let again = try VectorCollection(path, for: .writing)
            #expect(again.count == 60_000)
            try await again.compact()
            #expect(again.view.segments.count == 1)
            for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
            try await again.close()
        }
    }
}
