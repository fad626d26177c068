import Belfry
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Belfry

/// The power is cut at any moment of all that is done to a collection: what the disk may have then (``DiskModel``) opens,
/// has every batch that was acknowledged, and no half of one.
@Suite(.serialized) struct PowerCutTests {
    @Test func whatWasAcknowledgedSurvivesAPowerCut() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) {
                await endingWithin(LongRun.choose(400, long: 7_000)) {
                    try await PowerCuts.check(states: LongRun.choose(300, long: 20_000), isStormy: false)
                }
            })
    }

    /// After a sync that has failed, nothing that it was for counts as written.
    @Test func andOneAfterCallsHaveFailed() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) {
                await endingWithin(LongRun.choose(400, long: 7_000)) {
                    try await PowerCuts.check(states: LongRun.choose(300, long: 20_000), isStormy: true)
                }
            })
    }
}

private enum PowerCuts {
    static func check(states count: Int, isStormy: Bool) async throws {
        CollectionBase.tableRows.store(64, ordering: .relaxed)
        var random = SeededGenerator()
        let rounds = LongRun.choose(2, long: 20)
        var (failures, done) = (0, 0)
        for round in 0..<rounds {
            let seed = random.next()
            let (events, ledger) = try await record(seed, isStormy)
            let place = "round \(round), \(random)"
            var (model, expectation) = (DiskModel(recordedRoot), DiskExpectation(ledger.contents.states))
            let facts = ledger.contents.facts
            let moments = (0..<count / rounds).map { _ in Int.random(in: 0...events.count, using: &random) }.sorted()
            var next = 0
            for moment in moments {
                while next < moment {
                    model.apply(events[next])
                    if case .note(let number) = events[next] { expectation.add(facts[number]) }
                    next += 1
                }
                done += 1
                for problem in try await problems(model, expectation, &random) {
                    failures += 1
                    Issue.record("event \(moment) of \(events.count), \(place): \(problem)")
                }
                // They are many of one kind.
                guard failures < 5 else { return }
            }
            withExtendedLifetime(model) {}
            (model, expectation) = (DiskModel(""), DiskExpectation([]))
        }
        print(
            "\(done) states after a power cut\(isStormy ? " and failed calls" : ""), \(failures) not as they should be")
    }

    /// Where the work was done, as the events say it.
    private nonisolated(unsafe) static var recordedRoot = ""

    private static func record(_ seed: UInt64, _ isStormy: Bool) async throws -> ([DiskEvent], DiskLedger) {
        try await FaultyDisk.withFolder { root in
            recordedRoot = root
            let ledger = DiskLedger(writers: DiskWorkload.writers)
            let events = try await FaultyDisk.watching(root, records: true) {
                var work = DiskWorkload(
                    root, ledger, batches: 24, isStormy: isStormy, SeededGenerator(seed: seed))
                try await work.run()
                return FaultyDisk.events()
            }
            // SQLite's files are among them.
            #expect(
                events.contains {
                    if case .open(_, "\(root)/live.belfry/catalog.sqlite-journal", _, _) = $0 { true } else { false }
                })
            return (events, ledger)
        }
    }

    /// What is wrong with one of the states that may be on the disk now.
    private static func problems(
        _ model: DiskModel, _ expectation: DiskExpectation, _ random: inout SeededGenerator
    ) async throws -> [String] {
        let seed = random.next()
        return try await FaultyDisk.withFolder { root in
            var random = SeededGenerator(seed: seed)
            try model.writeState(to: root, &random)
            var problems: [String] = []
            for (name, mustExist) in expectation.collections {
                let path = "\(root)/\(name)"
                guard System.exists(path) else {
                    if mustExist { problems.append("\(name) is not there") }
                    continue
                }
                do {
                    let found = try DiskPoints(at: path)
                    if let problem = expectation.problem(name, found) { problems.append("\(name): \(problem)") }
                    let collection = try VectorCollection(path, for: .writing)
                    let again = try DiskPoints(in: collection)
                    if again != found { problems.append("\(name) is another one when it is opened for writing") }
                    if Bool.random(using: &random) {
                        try await collection.upsert([WrittenPoint(id: "9999", vector: [1, 2, 3, 4])])
                    }
                    if Int.random(in: 0..<4, using: &random) == 0 { try await collection.compact() }
                    try await collection.close()
                    for finding in try VectorCollection.check(path) {
                        for problem in finding.problems {
                            problems.append("\(name), check of \(finding.name): \(problem)")
                        }
                    }
                } catch {
                    problems.append("\(name): \(error)")
                }
            }
            return problems
        }
    }
}
