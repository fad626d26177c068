import Belfry
import Files
import Foundation
import TestSupport
import Testing

@testable import Belfry

/// A snapshot is of one moment, whatever is written meanwhile; what was cut short or damaged is never put in a place.
@Suite struct SnapshotTests {
    /// Every batch writes all of the same twenty points, with its number: a state in between would mix numbers.
    @Test func isOfOneMomentWhileOthersWrite() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 2, metric: .l2))
            let writing = Task.detached {
                for round in 1...400 {
                    try await collection.upsert(
                        (0..<20).map {
                            WrittenPoint(
                                id: "\($0)", vector: [Float(round), Float($0)], payload: ["r": .integer(Int64(round))])
                        })
                    if round % 40 == 0 { try await collection.compact() }
                }
            }
            for number in 0..<6 {
                let copy = folder + "/copy-\(number).belfry"
                try CollectionCopy.make(of: path, at: copy)
                let found = try VectorCollection(copy)
                var rounds: Set<Int> = []
                try found.view.forEachPoint { point in
                    let round = try point.payload()["r"]?.integer ?? -1
                    #expect(try found.view.vectors(of: point)[""]?.dense?[0] == Float(round))
                    rounds.insert(round)
                }
                #expect(rounds.count <= 1 && [0, 20].contains(found.count), "\(rounds)")
            }
            try await writing.value
            try await collection.close()
            // A copy is a collection that takes writes.
            let copy = try VectorCollection(folder + "/copy-5.belfry", for: .writing)
            try await copy.upsert([WrittenPoint(id: "new", vector: [1, 1])])
            try await copy.close()
        }
    }

    @Test func isRestoredOverACollectionAndADamagedOneIsNot() async throws {
        try await withTemporaryDirectory { folder in
            let (path, copy) = (folder + "/live.belfry", folder + "/copy.belfry")
            let collection = try VectorCollection.create(path, .init(dimension: 2))
            try await collection.upsert([
                WrittenPoint(id: "a", vector: [1, 0]), WrittenPoint(id: "b", vector: [0, 1]),
            ])
            try await collection.compact()
            try await collection.upsert([WrittenPoint(id: "c", vector: [1, 1])])
            #expect(try BelfryProcess.run(["snapshot", path, "--to", copy]).output.contains("3 points"))
            try await collection.delete(["a", "b"])
            try await collection.close()
            let refused = try BelfryProcess.run(["restore", copy, "--to", path])
            #expect(refused.exitCode == 1 && refused.errors.contains("--replace"), "\(refused)")
            #expect(try BelfryProcess.run(["restore", copy, "--to", path, "--replace"]).exitCode == 0)
            #expect(try VectorCollection(path).count == 3 && VectorCollection(path).point("c").vector == [1, 1])
            #expect(try System.list(folder).sorted() == ["copy.belfry", "live.belfry"])

            // A missing file, a flipped byte, a log that was cut: the collection stays as it is.
            let files = try FileManager.default.subpathsOfDirectory(atPath: copy).filter {
                $0.hasSuffix("codes") || $0.hasSuffix("vectors.shard") || $0.hasPrefix("log/0")
            }
            #expect(files.count == 3)
            for name in files {
                let file = "\(copy)/\(name)"
                let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
                var damaged = bytes
                damaged[name.hasPrefix("log") ? 70 : damaged.count / 2] ^= 1
                try damaged.write(to: URL(fileURLWithPath: file))
                let restored = try BelfryProcess.run(["restore", copy, "--to", path, "--replace"])
                #expect(restored.exitCode == 3, "\(name): \(restored)")
                try bytes.write(to: URL(fileURLWithPath: file))
                try FileManager.default.removeItem(atPath: file)
                #expect(
                    try BelfryProcess.run(["restore", copy, "--to", path, "--replace"]).exitCode == 3, "\(name)")
                try bytes.write(to: URL(fileURLWithPath: file))
            }
            #expect(try BelfryProcess.run(["restore", copy, "--to", path, "--replace"]).exitCode == 0)
            #expect(try VectorCollection(path).count == 3)
        }
    }

    /// Whoever serves a collection is told of, not waited for; and a copy that fails leaves nothing behind.
    @Test func aCollectionInUseIsNotReplacedAndNothingIsLeft() async throws {
        try await withTemporaryDirectory { folder in
            let (path, copy) = (folder + "/live.belfry", folder + "/copy.belfry")
            let collection = try VectorCollection.create(path, .init(dimension: 2))
            try await collection.upsert([WrittenPoint(id: "a", vector: [1, 0])])
            try await collection.compact()
            try CollectionCopy.make(of: path, at: copy)
            let busy = #expect(throws: BelfryError.self) {
                try CollectionCopy.make(of: copy, at: path, replacing: true)
            }
            #expect(busy?.code == .conflict && busy?.message.contains("open for writing") == true)
            try await collection.close()
            let codes = try #require(
                try FileManager.default.subpathsOfDirectory(atPath: copy).first { $0.hasSuffix("codes") })
            try FileManager.default.removeItem(atPath: "\(copy)/\(codes)")
            #expect(throws: BelfryError.self) { try CollectionCopy.make(of: copy, at: folder + "/next.belfry") }
            #expect(try System.list(folder).sorted() == ["copy.belfry", "live.belfry"])
        }
    }

    /// What is made beside a place is made through no link, whoever makes it.
    @Test func nothingIsMadeThroughALinkBesideThePlace() async throws {
        try await withTemporaryDirectory { folder in
            let (path, elsewhere) = (folder + "/live.belfry", folder + "/elsewhere")
            try await VectorCollection.create(folder + "/source.belfry", .init(dimension: 2)).close()
            try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: path + ".building", withDestinationPath: elsewhere)
            #expect(throws: BelfryError.self) { try VectorCollection.create(path, .init(dimension: 2)) }
            #expect(throws: BelfryError.self) { try CollectionCopy.make(of: folder + "/source.belfry", at: path) }
            #expect(try System.list(elsewhere) == [])
        }
    }

    /// Points that are there all the time are exported once each, whatever comes and goes.
    @Test func anExportGoesOnWhileOthersWrite() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            let collection = try VectorCollection.create(path, .init(dimension: 2, metric: .l2))
            try await collection.upsert((0..<5_000).map { WrittenPoint(id: "\($0)", vector: [Float($0), 1]) })
            let writing = Task.detached {
                for round in 0..<40 {
                    try await collection.upsert(
                        (0..<50).map { WrittenPoint(id: "\(10_000 + round * 50 + $0)", vector: [1, 1]) })
                    try await collection.compact()
                }
            }
            for _ in 0..<5 {
                let export = try BelfryProcess.run(["export", path, "--to", folder + "/out.jsonl"])
                #expect(export.exitCode == 0, "\(export.errors)")
                let lines = try String(contentsOfFile: folder + "/out.jsonl", encoding: .utf8).split(separator: "\n")
                let ids = try lines.map { try JSON(parsing: Data($0.utf8), source: "line")["id"]?.integer ?? -1 }
                #expect(ids.filter { $0 < 5_000 } == Array(0..<5_000) && Set(ids).count == ids.count)
            }
            try await writing.value
            try await collection.close()
        }
    }
}
