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
                    try await PowerCuts.check(states: LongRun.choose(300, long: 10_000), isStormy: false)
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
                    try await PowerCuts.check(states: LongRun.choose(300, long: 10_000), isStormy: true)
                }
            })
    }

    /// Without syncs nothing of this would hold: so the test sees what it is to see.
    @Test func aDiskThatOnlySaysThatItSyncsIsNoticed() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) {
                await endingWithin(400) {
                    for lie in [DiskModel.Lie.files, .folders] { try await PowerCuts.expectNoticed(lie) }
                }
            })
    }
}

private enum PowerCuts {
    static func expectNoticed(_ lie: DiskModel.Lie) async throws {
        CollectionBase.tableRows.store(64, ordering: .relaxed)
        var random = SeededGenerator()
        let record = try await record(random.next(), isStormy: false)
        var cuts = Cuts(record, lie)
        for moment in stride(from: record.events.count / 10, to: record.events.count, by: record.events.count / 50) {
            cuts.advance(to: moment)
            if try await !cuts.problems(&random).isEmpty { return }
        }
        Issue.record("nobody notices that \(lie) are not synced, \(random)")
    }

    static func check(states count: Int, isStormy: Bool) async throws {
        CollectionBase.tableRows.store(64, ordering: .relaxed)
        var random = SeededGenerator()
        let rounds = LongRun.choose(2, long: 20)
        var (failures, done) = (0, 0)
        for round in 0..<rounds {
            let record = try await record(random.next(), isStormy: isStormy)
            let end = record.events.count
            var cuts = Cuts(record)
            for moment in (0..<count / rounds).map({ _ in Int.random(in: 0...end, using: &random) }).sorted() {
                cuts.advance(to: moment)
                done += 1
                for problem in try await cuts.problems(&random) {
                    failures += 1
                    Issue.record("event \(moment) of \(end), round \(round), \(random): \(problem)")
                }
                // They are many of one kind.
                guard failures < 5 else { return }
            }
        }
        print(
            "\(done) states after a power cut\(isStormy ? " and failed calls" : ""): \(failures) are not whole. \(random)"
        )
    }

    /// What was done to a folder.
    struct Record {
        let root: String
        let events: [DiskEvent]
        let facts: [DiskLedger.Fact]
        let states: [[DiskPoints]]
    }

    private static func record(_ seed: UInt64, isStormy: Bool) async throws -> Record {
        try await FaultyDisk.withFolder { root in
            let ledger = DiskLedger(writers: DiskWorkload.writers)
            let events = try await FaultyDisk.watching(root, records: true) {
                var work = DiskWorkload(root, ledger, batches: 24, isStormy: isStormy, SeededGenerator(seed: seed))
                try await work.run()
                return FaultyDisk.events()
            }
            // What SQLite does is among them.
            let journal = root + "/live.belfry/catalog.sqlite-journal"
            #expect(events.contains { if case .open(_, journal, _, _) = $0 { true } else { false } })
            let (facts, states) = ledger.contents
            return Record(root: root, events: events, facts: facts, states: states)
        }
    }

    /// Goes through what was done, and cuts the power.
    struct Cuts {
        private let record: Record
        private let model: DiskModel
        private var expectation: DiskExpectation
        private var next = 0

        init(_ record: Record, _ lie: DiskModel.Lie = .none) {
            self.record = record
            (model, expectation) = (DiskModel(record.root, lie), DiskExpectation(record.states))
        }

        mutating func advance(to moment: Int) {
            while next < moment {
                model.apply(record.events[next])
                if case .note(let number) = record.events[next] { expectation.add(record.facts[number]) }
                next += 1
            }
        }

        /// What is wrong with one of the states that may be on the disk now.
        func problems(_ random: inout SeededGenerator) async throws -> [String] {
            var state = SeededGenerator(seed: random.next())
            return try await FaultyDisk.withFolder { root in
                try model.writeState(to: root, &state)
                var problems: [String] = []
                for (name, mustExist) in expectation.collections {
                    // A copy that is done does not change any more.
                    if name != "live.belfry", mustExist, Int.random(in: 0..<8, using: &state) > 0 { continue }
                    if System.exists("\(root)/\(name)") {
                        problems += await self.problems(name, in: root, &state).map { "\(name): \($0)" }
                    } else if mustExist {
                        problems.append("\(name) is not there")
                    }
                }
                return problems
            }
        }

        /// What is wrong with a collection, which is opened for reading and for writing, written to, and checked.
        private func problems(_ name: String, in root: String, _ random: inout SeededGenerator) async -> [String] {
            let path = "\(root)/\(name)"
            var problems: [String] = []
            do {
                let found = try DiskPoints(at: path)
                if let problem = expectation.problem(name, found) { problems.append(problem) }
                let collection = try VectorCollection(path, for: .writing)
                if try DiskPoints(in: collection) != found { problems.append("it is another one for a writer") }
                if Int.random(in: 0..<4, using: &random) == 0 { problems += try check(path, "while it is open") }
                if Bool.random(using: &random) {
                    try await collection.upsert([WrittenPoint(id: "9999", vector: [1, 2, 3, 4])])
                }
                if Int.random(in: 0..<4, using: &random) == 0 { try await collection.compact() }
                try await collection.close()
                problems += try check(path, "when it is closed")
            } catch {
                problems.append("\(error)")
            }
            return problems
        }

        private func check(_ path: String, _ moment: String) throws -> [String] {
            try VectorCollection.check(path).flatMap { finding in
                finding.problems.map { "check of \(finding.name) \(moment): \($0)" }
            }
        }
    }
}
