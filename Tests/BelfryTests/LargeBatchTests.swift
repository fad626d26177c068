import Belfry
import Files
import Foundation
import TestSupport
import Testing

@testable import Belfry

/// A batch that is too large for a record of the log is all or nothing like any other.
@Suite struct LargeBatchTests {
    private static func points(_ ids: Range<Int>, _ tag: Int) -> [WriteOperation] {
        ids.map { id in
            .upsert(WrittenPoint(id: "\(id)", vector: [Float(id), Float(tag)], payload: ["tag": .integer(Int64(tag))]))
        }
    }

    private static func expect(_ collection: VectorCollection, _ count: Int, _ tag: Int, _ ids: [Int]) throws {
        #expect(collection.count == count)
        for id in ids {
            let point = try collection.point("\(id)")
            #expect(point.payload["tag"]?.integer == tag && point.vector == [Float(id), Float(tag)])
            var request = SearchRequest(.vector([Float(id), Float(tag)]), k: 1)
            request.exact = true
            #expect(try collection.search(request).hits.first?.id.description == "\(id)")
        }
    }

    @Test func isCarriedOutWhollyAndFoundAtOnce() async throws {
        try await withTemporaryDirectory { folder in
            let (path, count) = (folder + "/live.belfry", WriteLimits.logged * 3)
            let collection = try VectorCollection.create(path, .init(dimension: 2, metric: .l2))
            try await collection.write(Self.points(0..<100, 1))
            let before = collection.view
            let result = try await collection.write(Self.points(50..<count, 2) + [.delete(["0", "1"])])
            #expect(result.changed == count - 48)
            #expect(before.count == 100)
            try Self.expect(collection, count - 2, 2, [50, 51, count - 1])
            try Self.expect(collection, count - 2, 1, [2, 49])
            // Whoever opens it has it from the log, a copy too.
            try Self.expect(VectorCollection(path), count - 2, 2, [50, count - 1])
            try CollectionCopy.make(of: path, at: folder + "/copy.belfry")
            try Self.expect(VectorCollection(folder + "/copy.belfry"), count - 2, 2, [50, count - 1])
            try await collection.write(Self.points(60..<70, 3))
            try await collection.compact()
            try await collection.close()
            // When the catalogue has it, its file goes.
            #expect(try System.list(path + "/batches") == [])
            let again = try VectorCollection(path)
            try Self.expect(again, count - 2, 3, [60, 69])
            try Self.expect(again, count - 2, 2, [50, 59, 70, count - 1])
            for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
        }
    }

    @Test func isRefusedWhollyAndLeavesNoFile() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 2, metric: .cosine))
            var batch = Self.points(1..<WriteLimits.logged * 2, 1)
            batch.append(.upsert(WrittenPoint(id: "zero", vector: [0, 0])))
            let error = await #expect(throws: BelfryError.self) { try await collection.write(batch) }
            #expect(error?.code == .invalidInput && error?.message.contains("Operation") == true)
            // One of which nothing comes is not kept either.
            let nothing = try await collection.upsert(
                (0..<WriteLimits.logged * 2).map { WrittenPoint(id: "\($0)", vector: [1, 1]) }, condition: .updateOnly)
            #expect(nothing.changed == 0 && nothing.skipped == WriteLimits.logged * 2)
            #expect(collection.count == 0)
            #expect(try System.list(path + "/batches") == [])
            try await collection.close()
        }
    }

    /// Small batches that arrive meanwhile are answered, in an order that all agree on.
    @Test func othersWriteMeanwhile() async throws {
        try await withTemporaryDirectory { folder in
            let (path, count) = (folder + "/live.belfry", WriteLimits.logged * 2)
            let collection = try VectorCollection.create(path, .init(dimension: 2, metric: .l2))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for tag in 1...2 { group.addTask { try await collection.write(Self.points(0..<count, tag)) } }
                group.addTask {
                    for id in count..<count + 200 { try await collection.write(Self.points(id..<id + 1, 7)) }
                }
                try await group.waitForAll()
            }
            let tags = Set(try (0..<count).map { try collection.point("\($0)").payload["tag"]?.integer })
            #expect(tags.count == 1 && collection.count == count + 200)
            let answer = try VectorCollection(path)
            #expect(try Set((0..<count).map { try answer.point("\($0)").payload["tag"]?.integer }) == tags)
            try await collection.close()
        }
    }

    /// Damage is found when the log is read, with the file's name.
    @Test func aDamagedFileIsFound() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let path = folder + "/batches"
            let operations = (0..<50).map { _ in random.operation() }.filter {
                if case .publish = $0 { false } else { true }
            }
            let batch = try StagedBatch(staging: operations, as: 3, in: path)
            #expect(try batch.read(from: path) == operations)
            let file = "\(path)/000003"
            let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            for _ in 0..<400 {
                var damaged = bytes
                if Bool.random(using: &random) {
                    damaged[Int.random(in: 0..<bytes.count, using: &random)] ^=
                        1 << UInt8.random(in: 0..<8, using: &random)
                } else {
                    damaged = bytes.prefix(Int.random(in: 0..<bytes.count, using: &random))
                }
                try damaged.write(to: URL(fileURLWithPath: file))
                let error = #expect(throws: BelfryError.self, "\(random)") { try batch.read(from: path) }
                #expect(error?.location?.file == file, "\(random)")
            }
            try FileManager.default.removeItem(atPath: file)
            #expect(throws: BelfryError.self) { try batch.read(from: path) }
            // Right by its checksums, and still nothing that a writer makes.
            let nested = try StagedBatch(staging: [.delete(ids: [.number(1)]), .publish(batch)], as: 4, in: path)
            let error = #expect(throws: BelfryError.self) { try nested.read(from: path) }
            #expect(error?.code == .corruptData && error?.location?.file == "\(path)/000004")
        }
    }
}
