import Belfry
import Files
import Foundation
import TestSupport
import Testing

@testable import Belfry

/// All that is done to a collection: it is made, written to by several at once while it seals, merges, is compacted and
/// copied; closed, opened again, and replaced by a copy.
struct DiskWorkload {
    private let root: String
    private let ledger: DiskLedger
    /// Whether calls fail now and then.
    private let isStormy: Bool
    private let batches: Int
    private var writers: [DiskWriter]
    private var random: SeededGenerator
    private var path: String { root + "/live.belfry" }

    static let writers = 3

    init(_ root: String, _ ledger: DiskLedger, batches: Int, isStormy: Bool, _ random: SeededGenerator) {
        (self.root, self.ledger, self.batches, self.isStormy, self.random) = (root, ledger, batches, isStormy, random)
        writers = (0..<Self.writers).map { DiskWriter($0, seed: random.seed &* 31) }
    }

    mutating func run() async throws {
        try await VectorCollection.create(path, .init(dimension: DiskWriter.dimension, metric: .l2)).close()
        ledger.note(.made)
        try await write(copyingTo: nil)
        try copy("copy.belfry")
        let copied = writers.map(\.points)
        try await write(copyingTo: isStormy ? nil : "beside.belfry")
        // A restored collection is one batch of all writers.
        let states = writers.indices.map { ledger.begin($0, copied[$0]) }
        try CollectionCopy.make(of: root + "/copy.belfry", at: path, replacing: true)
        for (number, state) in states.enumerated() {
            ledger.note(.acknowledged(writer: number, state: state))
            writers[number].points = copied[number]
        }
        try await write(copyingTo: nil)
    }

    private func copy(_ name: String) throws {
        ledger.note(.copying(name))
        try CollectionCopy.make(of: path, at: "\(root)/\(name)")
        ledger.note(.copied(name))
    }

    /// Opens the collection, lets all write, and closes it.
    private mutating func write(copyingTo copy: String?) async throws {
        var collection = try await opened()
        for half in 0..<2 {
            let (open, work) = (collection, self)
            writers = try await withThrowingTaskGroup(of: DiskWriter?.self) { group in
                for writer in writers {
                    group.addTask { try await work.write(writer, to: open, settles: writer.number == half) }
                }
                if let copy, half == 0 {
                    group.addTask {
                        try work.copy(copy)
                        return nil
                    }
                }
                var writers: [DiskWriter] = []
                for try await writer in group { if let writer { writers.append(writer) } }
                return writers.sorted { $0.number < $1.number }
            }
            if half == 0 {
                await close(collection)
                collection = try await opened()
            }
        }
        // Fair weather: whatever has failed, writing goes on.
        FaultyDisk.heal()
        for place in writers.indices { try await certain(&writers[place], to: collection) }
        let expected = writers.reduce(into: DiskPoints()) { $0.merge($1.points) { first, _ in first } }
        #expect(try DiskPoints(in: collection) == expected)
        try await collection.close()
    }

    /// A batch of one writer after another, until all are done.
    private func write(_ writer: DiskWriter, to collection: VectorCollection, settles: Bool) async throws -> DiskWriter
    {
        var (writer, random) = (writer, SeededGenerator(seed: random.seed &+ UInt64(writer.number)))
        for batch in 0..<batches {
            if isStormy, writer.number == 0, Int.random(in: 0..<3, using: &random) == 0 { fail(&random) }
            let operations = writer.next(large: batch % 4 == 0)
            let state = ledger.begin(writer.number, writer.points)
            do {
                try await collection.write(operations)
                ledger.note(.acknowledged(writer: writer.number, state: state))
                writer.isUnsure = false
            } catch {
                try accept(error)
                writer.isUnsure = true
            }
            if settles, batch % 8 == 7 {
                do { try await collection.compact() } catch { try accept(error) }
            }
        }
        return writer
    }

    /// A batch that must succeed, and leaves no doubt.
    private func certain(_ writer: inout DiskWriter, to collection: VectorCollection) async throws {
        let operations = writer.next(large: true)
        let state = ledger.begin(writer.number, writer.points)
        try await collection.write(operations)
        ledger.note(.acknowledged(writer: writer.number, state: state))
        writer.isUnsure = false
    }

    /// Lets some calls fail from soon on.
    private func fail(_ random: inout SeededGenerator) {
        // To SQLite a page that cannot be read is damage, which is not what this is about.
        let kinds = FaultyDisk.Calls.named.map(\.calls).filter { $0 != .read }
        var calls = kinds.randomElement(using: &random) ?? .sync
        if Bool.random(using: &random) { calls.formUnion([.sync, .resize]) }
        if Int.random(in: 0..<4, using: &random) == 0 { calls = FaultyDisk.Calls(kinds) }
        FaultyDisk.fail(
            calls, nth: Int.random(in: 1...30, using: &random), count: [1, 2, 3, 8, 40].randomElement(using: &random)!,
            error: [EIO, ENOSPC, EMFILE].randomElement(using: &random)!)
    }

    /// Only a disk that fails is a reason.
    private func accept(_ error: any Error) throws {
        guard isStormy, let error = error as? BelfryError, [.io, .conflict].contains(error.code) else { throw error }
    }

    private func close(_ collection: VectorCollection) async {
        do { try await collection.close() } catch { if !isStormy { Issue.record(error) } }
    }

    private func opened() async throws -> VectorCollection {
        do {
            return try VectorCollection(path, for: .writing)
        } catch {
            try accept(error)
            FaultyDisk.heal()
            return try VectorCollection(path, for: .writing)
        }
    }
}
