import Belfry
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Belfry

/// A disk that is really full: writes end in an error that says what, where, and how to mend it; reads go on; when there
/// is room again, writes go on without opening anew; and nothing that was acknowledged is lost.
@Suite struct FullDiskTests {
    @Test func writesGoOnWhenThereIsRoomAgain() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) {
                await endingWithin(LongRun.choose(200, long: 2_000)) {
                    try await FaultyDisk.withFolder { folder in
                        guard mount(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder]) else {
                            print("skipped: no file system can be mounted here, so no disk was really full")
                            return
                        }
                        // What still has a file open lets go of it when the process ends.
                        defer { #expect(mount(["umount", "-l", folder])) }
                        var disk = FullDisk(folder)
                        try await disk.run(rounds: LongRun.choose(8, long: 50))
                    }
                }
            })
    }
}

private func mount(_ words: [String]) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}

/// A collection on a small disk, which is filled up and emptied again.
private struct FullDisk {
    private let folder: String
    private var path: String { folder + "/live.belfry" }
    private var ballast: String { folder + "/ballast" }
    private let ledger = DiskLedger(writers: 1)
    private var writer = DiskWriter(0, seed: SeededGenerator().seed)
    private var random = SeededGenerator()
    /// By what was full.
    private var errors: [String: Int] = [:]
    private let filling = String(repeating: "to be stored ", count: 600)

    init(_ folder: String) { self.folder = folder }

    mutating func run(rounds: Int) async throws {
        CollectionBase.tableRows.store(64, ordering: .relaxed)
        var collection = try VectorCollection.create(path, .init(dimension: DiskWriter.dimension, metric: .l2))
        for round in 0..<rounds {
            let place = "round \(round), \(random)"
            let room = [0, 4_096, 20_000, 65_536, 200_000, 600_000].randomElement(using: &random)!
            var isFull = false
            for batch in 0..<400 where !isFull {
                // What seals and merges have given back is taken away again, and a little more.
                if batch % 8 == 0 { try fill(leaving: room / (1 + batch / 40)) }
                isFull = try await !writes(to: collection, place)
                if batch % 20 == 19, !isFull {
                    do { try await collection.compact() } catch { expectFull(error, place) }
                }
            }
            #expect(isFull, "\(place)")
            try expectReadable(collection, place)
            // Closed and opened again on a full disk: that works, or says why not.
            if round % 3 == 2 {
                do { try await collection.close() } catch { expectFull(error, place) }
                do { collection = try VectorCollection(path, for: .writing) } catch {
                    expectFull(error, place)
                    unlink(ballast)
                    collection = try VectorCollection(path, for: .writing)
                }
                try expectReadable(collection, place)
            }
            unlink(ballast)
            #expect(try await writes(to: collection, place), "there is room again, \(place)")
            try expectReadable(collection, place)
            try await collection.compact()
            try expectReadable(collection, place)
            // So that the points alone never fill it.
            try await collection.write([.clearPayload(.ids((0..<40).map { "\($0)" }))])
            for id in writer.points.keys { writer.points[id]?.payload = [:] }
            ledger.note(.acknowledged(writer: 0, state: ledger.begin(0, writer.points)))
        }
        try await collection.close()
        for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding.problems)") }
        print("\(rounds) rounds; full were \(errors.sorted { $0.key < $1.key })")
    }

    private func fill(leaving room: Int) throws {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { throw CocoaError(.fileReadUnknown) }
        let size = Int(status.f_bavail) * Int(status.f_bsize) - room
        guard size > 0 else { return }
        let descriptor = open(ballast, O_WRONLY | O_CREAT, 0o644)
        defer { close(descriptor) }
        // Another thread may be faster.
        _ = posix_fallocate(descriptor, lseek(descriptor, 0, SEEK_END), off_t(size))
    }

    /// One batch, with payloads that take room. Returns whether it was acknowledged.
    private mutating func writes(to collection: VectorCollection, _ place: String) async throws -> Bool {
        var batch = writer.next(large: true)
        for (id, point) in writer.points where point.payload["filling"] == nil {
            guard case .object(var members) = point.payload else { continue }
            members["filling"] = .string(filling)
            writer.points[id]?.payload = .object(members)
            batch.append(.setPayload(["\(id)"], ["filling": .string(filling)]))
        }
        let state = ledger.begin(0, writer.points)
        do {
            try await collection.write(batch)
            ledger.note(.acknowledged(writer: 0, state: state))
            writer.isUnsure = false
            return true
        } catch {
            expectFull(error, place)
            writer.isUnsure = true
            return false
        }
    }

    private mutating func expectFull(_ error: any Error, _ place: String) {
        guard let error = error as? BelfryError, error.code == .io, let file = error.location?.file else {
            Issue.record("\(error), \(place)")
            return
        }
        let isClear = error.message.contains("full") || error.message.contains("No space left")
        #expect(isClear && error.remedy?.contains("Free some") == true, "\(error), \(place)")
        errors[String(file.split(separator: "/").last ?? "?"), default: 0] += 1
    }

    /// By the collection that is open, and by one that is opened now.
    private func expectReadable(_ collection: VectorCollection, _ place: String) throws {
        let (facts, states) = ledger.contents
        var expectation = DiskExpectation(states)
        for fact in facts { expectation.add(fact) }
        let found = try DiskPoints(in: collection)
        #expect(expectation.problem("live.belfry", found) == nil, "\(place)")
        #expect(try DiskPoints(at: path) == found, "\(place)")
    }
}
