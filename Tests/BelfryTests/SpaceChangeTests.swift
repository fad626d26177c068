import Files
import Foundation
import Shards
import Synchronization
import TestSupport
import Testing
import Vectors

@testable import Belfry

/// Kinds of vector that come and go while a collection lives.
@Suite struct SpaceChangeTests {
    /// What tasks tell each other.
    private final class Shared: Sendable {
        let isDone = Atomic(false)
        let acknowledged = Atomic(0)
    }

    private static func vector(_ id: Int, _ dimension: Int) -> [Float] {
        (0..<dimension).map { Float((id * 7_919 + $0 * 104_729) % 10_007) + 1 }
    }

    private static func names(_ collection: VectorCollection, _ id: Int, _ space: String, _ dimension: Int) throws
        -> [String]
    {
        var request = SearchRequest(.vector(vector(id, dimension)), k: 1)
        request.space = space
        return try collection.search(request).hits.map(\.name)
    }

    private static func expectWhole(_ path: String) throws {
        for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
    }

    @Test func aKindOfVectorComesAndGoes() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/c.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 5, metric: .l2))
            try await collection.upsert((0..<300).map { WrittenPoint(id: "\($0)", vector: Self.vector($0, 5)) })
            try await collection.compact()
            try await collection.upsert((250..<350).map { WrittenPoint(id: "\($0)", vector: Self.vector($0, 5)) })
            // Opened before: it shows what was there, and later what is there.
            let reader = try VectorCollection(path)

            try await collection.add(.init(VectorSpace(name: "image", dimension: 3, metric: .l2, element: .f16)))
            try await collection.add(.init(.sparse("words")))
            #expect(collection.configuration.spaces.map(\.name) == ["", "image", "words"])
            #expect(try Self.names(collection, 320, "", 5) == ["320"] && Self.names(collection, 1, "image", 3).isEmpty)
            #expect(try Self.names(reader, 320, "", 5) == ["320"])
            try Self.expectWhole(path)

            try await collection.write((0..<200).map { .setVectors("\($0)", ["image": .dense(Self.vector($0, 3))]) })
            try await collection.write([
                .setVectors("7", ["words": .sparse(SparseVector(indices: [3, 9], values: [1, 2]))])
            ])
            for isSealed in [false, true] {
                if isSealed { try await collection.compact() }
                for one in [collection, try VectorCollection(path)] {
                    #expect(try Self.names(one, 20, "image", 3) == ["20"], "sealed: \(isSealed)")
                    #expect(try Self.names(one, 320, "", 5) == ["320"] && one.count == 350)
                    #expect(try one.point("7").vectors.count == 3 && one.point("340").vectors.count == 1)
                }
            }
            // Its catalogue was brought up to date: it takes the newer view, with the kinds of vector of that.
            #expect(try reader.point("7").vectors.count == 3 && Self.names(reader, 20, "image", 3) == ["20"])
            try Self.expectWhole(path)
            try CollectionCopy.make(of: path, at: folder + "/copy.belfry")
            #expect(try Self.names(VectorCollection(folder + "/copy.belfry"), 20, "image", 3) == ["20"])

            // The first one goes: the others move up.
            try await collection.drop(space: "")
            #expect(collection.configuration.spaces.map(\.name) == ["image", "words"])
            #expect(try Self.names(collection, 20, "image", 3) == ["20"] && collection.count == 350)
            #expect(try Self.names(reader, 320, "", 5) == ["320"], "what is open stays open")
            try await collection.upsert([WrittenPoint(id: "new", vectors: ["image": .dense([500, 500, 500])])])
            try await collection.drop(space: "words")
            try await collection.compact()
            try await collection.close()
            let last = try VectorCollection(path)
            #expect(last.configuration.spaces.map(\.name) == ["image"] && last.count == 351)
            #expect(try Self.names(last, 20, "image", 3) == ["20"] && last.point("new").vectors.count == 1)
            try Self.expectWhole(path)
        }
    }

    @Test func whatCannotBeIsRefusedAndChangesNothing() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/c.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 5))
            let wrong: [(VectorCollection.Description.Space, BelfryError.Code)] = [
                (.init(VectorSpace(dimension: 5)), .conflict),
                (.init(VectorSpace(name: "x", dimension: 0)), .invalidInput),
                (.init(VectorSpace(name: "x", dimension: 70_000)), .invalidInput),
                (.init(VectorSpace(name: "x", dimension: 3), tower: folder + "/none"), .notFound),
            ]
            for (space, code) in wrong {
                let error = await #expect(throws: BelfryError.self) { try await collection.add(space) }
                #expect(error?.code == code, "\(space): \(error?.description ?? "")")
            }
            let last = await #expect(throws: BelfryError.self) { try await collection.drop(space: "") }
            #expect(last?.code == .invalidInput)
            let missing = await #expect(throws: BelfryError.self) { try await collection.drop(space: "image") }
            #expect(missing?.code == .notFound)
            for (name, code) in [("", BelfryError.Code.invalidInput), ("words", .notFound)] {
                let unweighed = await #expect(throws: BelfryError.self) {
                    try await collection.weighRareTerms(true, ofSpace: name)
                }
                #expect(unweighed?.code == code)
            }
            let reader = try VectorCollection(path)
            let refused = await #expect(throws: BelfryError.self) { try await reader.drop(space: "") }
            #expect(refused?.code == .conflict)
            #expect(collection.configuration.spaces.count == 1)
            #expect(try System.list(path + "/towers").isEmpty)
            try await collection.close()
            let closed = await #expect(throws: BelfryError.self) {
                try await collection.add(.init(VectorSpace(name: "x", dimension: 3)))
            }
            #expect(closed?.code == .conflict)
            try Self.expectWhole(path)
        }
    }

    /// Kinds of vector come and go beside writers, readers and merges: what stays is never touched.
    @Test func othersGoOnMeanwhile() async throws {
        var random = SeededGenerator()
        try await withTemporaryDirectory { folder in
            let path = folder + "/c.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 5, metric: .l2))
            let shared = Shared()
            let seed = UInt64.random(in: 0...UInt64.max, using: &random)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var id = 0
                    while !shared.isDone.load(ordering: .relaxed), !Task.isCancelled {
                        await Task.yield()
                        try await collection.upsert(
                            (id..<id + 20).map { WrittenPoint(id: "\($0)", vector: Self.vector($0, 5)) })
                        id += 20
                        shared.acknowledged.store(id, ordering: .relaxed)
                    }
                }
                // Writes to what may be gone: all of a batch, or a refusal that says so.
                group.addTask {
                    var random = SeededGenerator(seed: seed)
                    while !shared.isDone.load(ordering: .relaxed), !Task.isCancelled {
                        await Task.yield()
                        let known = shared.acknowledged.load(ordering: .relaxed)
                        guard known > 0 else { continue }
                        let id = Int.random(in: 0..<known, using: &random)
                        do {
                            try await collection.write([.setVectors("\(id)", ["x": .dense(Self.vector(id, 3))])])
                        } catch let error as BelfryError {
                            #expect([.invalidInput, .conflict].contains(error.code), "\(error)")
                        }
                    }
                }
                for _ in 0..<2 {
                    group.addTask {
                        let reader = try VectorCollection(path)
                        var random = SeededGenerator(seed: seed)
                        while !shared.isDone.load(ordering: .relaxed), !Task.isCancelled {
                            await Task.yield()
                            let known = shared.acknowledged.load(ordering: .relaxed)
                            guard known > 0 else { continue }
                            let id = Int.random(in: 0..<known, using: &random)
                            var request = SearchRequest(.vector(Self.vector(id, 5)), k: 1)
                            request.exact = true
                            #expect(try collection.search(request).hits.first?.score == 0)
                            _ = try reader.search(request)
                            request.query = .vector(Self.vector(id, 3))
                            request.space = "x"
                            do {
                                _ = try collection.search(request)
                                _ = try reader.search(request)
                            } catch let error as BelfryError {
                                #expect(error.code == .invalidInput, "\(error)")
                            }
                        }
                    }
                }
                for round in 0..<20 {
                    try await collection.add(.init(VectorSpace(name: "x", dimension: 3, metric: .l2)))
                    try await Task.sleep(for: .milliseconds(20))
                    if round % 5 == 0 { try await collection.compact() }
                    try await collection.drop(space: "x")
                }
                shared.isDone.store(true, ordering: .relaxed)
                try await group.waitForAll()
            }
            try await collection.close()
            let last = try VectorCollection(path)
            #expect(last.count == shared.acknowledged.load(ordering: .relaxed), "\(random)")
            #expect(last.configuration.spaces.count == 1)
            try Self.expectWhole(path)
        }
    }
}
