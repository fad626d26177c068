import Belfry
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Belfry

/// Every call on a file of a collection fails once, with each of three errors: nobody crashes or hangs, nothing that was
/// acknowledged is missing, what fails says which file, and writing goes on afterwards without opening anew.
@Suite(.serialized) struct FailingCallTests {
    @Test func create() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) { await sweep(.create) })
    }

    @Test func write() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) { await sweep(.write) })
    }

    @Test func seal() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) { await sweep(.seal) })
    }

    @Test func merge() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) { await sweep(.merge) })
    }

    @Test func snapshot() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) { await sweep(.snapshot) })
    }

    @Test func restore() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) { await sweep(.restore) })
    }

    @Test func build() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) { await sweep(.build) })
    }
}

/// Lets calls of a script fail: a few of each kind, or all of them.
private func sweep(_ script: FailingScript) async {
    await endingWithin(LongRun.choose(300, long: 5_000)) { try await sweepOrThrow(script) }
}

private func sweepOrThrow(_ script: FailingScript) async throws {
    CollectionBase.tableRows.store(64, ordering: .relaxed)
    var random = SeededGenerator()
    try await FaultyDisk.withFolder { root in
        let prepared = root + "/prepared"
        try FileManager.default.createDirectory(atPath: prepared, withIntermediateDirectories: true)
        let writer = try await script.prepare(prepared)
        var sweep = FailingSweep(script: script, root: root, writer: writer)
        for (name, calls) in FaultyDisk.Calls.named {
            let count = try await sweep.count(calls)
            if LongRun.isLong {
                for error in [EIO, ENOSPC, EMFILE] {
                    var nth = 1
                    // What runs beside it makes the number of calls differ a little.
                    while try await sweep.run(calls, nth: nth, error: error) || nth < count { nth += 1 }
                }
            } else if count > 0 {
                for _ in 0..<min(count, 5) {
                    let error = [EIO, ENOSPC, EMFILE].randomElement(using: &random) ?? EIO
                    _ = try await sweep.run(calls, nth: Int.random(in: 1...count, using: &random), error: error)
                }
            }
            print("\(script): \(name), \(count) calls")
        }
        print("\(script): \(sweep.runs) runs, in \(sweep.failures) of which a call failed. \(random)")
        #expect(sweep.failures > 0)
    }
}

/// Runs of one script, each in a fresh copy of the folder that was prepared.
private struct FailingSweep {
    let script: FailingScript
    let root: String
    let writer: DiskWriter
    private(set) var runs = 0
    private(set) var failures = 0
    private var problems = 0

    init(script: FailingScript, root: String, writer: DiskWriter) {
        (self.script, self.root, self.writer) = (script, root, writer)
    }

    private func fresh() throws -> String {
        let folder = root + "/run"
        try System.remove(folder)
        try FileManager.default.copyItem(atPath: root + "/prepared", toPath: folder)
        return folder
    }

    /// How many calls of a kind the script makes.
    func count(_ calls: FaultyDisk.Calls) async throws -> Int {
        let folder = try fresh()
        return await FaultyDisk.watching(folder, records: false) {
            FaultyDisk.fail(calls, nth: .max, error: EIO)
            let outcome = await script.run(folder, writer)
            for error in outcome.errors { Issue.record(error, "\(script) without a failing call") }
            return FaultyDisk.calls
        }
    }

    /// Lets one call fail. Returns whether there were so many.
    mutating func run(_ calls: FaultyDisk.Calls, nth: Int, error: Int32) async throws -> Bool {
        let folder = try fresh()
        let (outcome, path) = await FaultyDisk.watching(folder, records: false) {
            FaultyDisk.fail(calls, nth: nth, error: error)
            let outcome = await script.run(folder, writer)
            return (outcome, FaultyDisk.failures > 0 ? FaultyDisk.lastFailure : nil)
        }
        runs += 1
        guard let path else { return false }
        failures += 1
        let place =
            "\(script): \(calls) \(nth) fails with \(String(cString: strerror(error))), of "
            + "\(path.dropFirst(folder.count + 1))"
        for problem in await found(calls, outcome, folder) {
            problems += 1
            Issue.record("\(place): \(problem)")
        }
        if problems > 12 { throw DiskMismatch("\(script): these are many; \(runs) runs until here") }
        return true
    }

    private func found(
        _ calls: FaultyDisk.Calls, _ outcome: FailingScript.Outcome, _ folder: String
    ) async -> [String] {
        var problems: [String] = []
        for error in outcome.errors {
            guard let error = error as? BelfryError, error.location?.file.isEmpty == false else {
                problems.append("no error with a file: \(error)")
                continue
            }
            // Nothing is damaged; but a page that cannot be read is damage to SQLite.
            if error.code != .io, error.code != .corruptData || !calls.contains(.read) {
                problems.append("said to be \(error.code): \(error)")
            }
        }
        if outcome.errors.count > 1 {
            problems.append("one call, and \(outcome.errors.count) errors: \(outcome.errors)")
        }
        do {
            try await verify(script.path(folder), outcome)
            for (name, points) in outcome.copies where try DiskPoints(at: "\(folder)/\(name)") != points {
                problems.append("\(name) has other points")
            }
            if runs % 50 == 0, System.exists(script.path(folder)) {
                let check = try BelfryProcess.run(["check", script.path(folder)])
                if check.exitCode != 0 { problems.append("another process: \(check)") }
            }
        } catch {
            problems.append("\(error)")
        }
        let open = openFiles(below: folder)
        if !open.isEmpty { problems.append("left open: \(open)") }
        return problems
    }

    /// The collection has what was acknowledged, is whole, and takes writes.
    private func verify(_ path: String, _ outcome: FailingScript.Outcome) async throws {
        guard System.exists(path) || outcome.mustExist else { return }
        if script == .build { return try verifyBuild(path) }
        let found = try DiskPoints(at: path)
        guard outcome.expected.contains(found) else {
            let state = outcome.states.lastIndex(of: found)
            throw DiskMismatch(
                "\(found.count) points, state \(state ?? -1) of \(outcome.states.count), acknowledged "
                    + "\(outcome.acknowledged)")
        }
        try requireWhole(path)
        let collection = try VectorCollection(path, for: .writing)
        guard try DiskPoints(in: collection) == found else { throw DiskMismatch("other points for a writer") }
        try await collection.upsert([WrittenPoint(id: "9999", vector: [1, 2, 3, 4])])
        try await collection.compact()
        try await collection.close()
        try requireWhole(path)
    }

    /// The old rows or the new ones; and a build goes on.
    private func verifyBuild(_ path: String) throws {
        let count = try VectorCollection(path).count
        guard count == 20 || count == 19 else { throw DiskMismatch("\(count) points") }
        try requireWhole(path)
        let folder = System.parent(of: System.parent(of: path))
        let outcome = try script.buildAgain(folder)
        guard try VectorCollection(path).count == 19 else { throw DiskMismatch("built again: \(outcome)") }
        try requireWhole(path)
    }

    private func requireWhole(_ path: String) throws {
        for finding in try VectorCollection.check(path) {
            if let problem = finding.problems.first { throw DiskMismatch("check of \(finding.name): \(problem)") }
        }
    }

    /// What this process has open below a folder, when all is done: what works behind may need a moment.
    private func openFiles(below folder: String) -> [String] {
        var open: [String] = []
        for _ in 0..<200 {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
            open = names.compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
            }
            .filter { $0.hasPrefix(folder) }
            if open.isEmpty { break }
            usleep(5_000)
        }
        return open
    }
}
