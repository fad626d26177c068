import Belfry
import Files
import Foundation
import TestSupport
import Testing

@testable import Belfry

/// A process that writes is killed; what it had acknowledged is there, and no batch is half done.
@Suite struct WriteCrashTests {
    private static let dimension = 4
    /// So small a table is sealed every few batches, and its segments are merged every few seals; and a third of the batches
    /// are too large for the log.
    private static let environment = ["BELFRY_TABLE_ROWS": "64", "BELFRY_LARGE_BATCH": "10"]

    /// What a point is: its vector's first component and its payload both say by which batch it was written.
    private typealias Points = [Int: Int]

    /// Batches of a stream of writes, as lines, and what the collection is after each of them.
    private static func batches(_ count: Int, _ random: inout SeededGenerator) -> (lines: [String], states: [Points]) {
        var (lines, states, points) = ([String](), [Points()], Points())
        for batch in 1...count {
            var upserts: [String] = []
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let id = Int.random(in: 0..<150, using: &random)
                upserts.append("{\"id\":\(id),\"vector\":[\(batch),\(id),1,0],\"payload\":{\"batch\":\(batch)}}")
                points[id] = batch
            }
            let gone = (0..<Int.random(in: 0...3, using: &random)).map { _ in Int.random(in: 0..<150, using: &random) }
            for id in gone { points[id] = nil }
            let delete = gone.isEmpty ? "" : ",{\"delete\":[\(gone.map(String.init).joined(separator: ","))]}"
            lines.append("[{\"upsert\":[\(upserts.joined(separator: ","))]}\(delete)]")
            states.append(points)
        }
        return (lines, states)
    }

    /// What is in a collection, read in three ways that must agree.
    private static func points(_ path: String) throws -> Points {
        let collection = try VectorCollection(path)
        var (stored, searched) = (Points(), Points())
        let view = collection.view
        try view.forEachPoint { point in
            guard let id = Int(point.id.description), let batch = try point.payload()["batch"]?.integer else { return }
            #expect(try view.vectors(of: point) == ["": .dense([Float(batch), Float(id), 1, 0])])
            stored[id] = batch
        }
        var request = SearchRequest(.vector([0, 0, 0, 0]), k: 1_000)
        request.exact = true
        for hit in try collection.search(request).hits {
            if let id = Int(hit.id.description) { searched[id] = hit.payload["batch"]?.integer }
        }
        #expect(stored == searched && collection.count == stored.count)
        return stored
    }

    private static func create(_ path: String) throws {
        let made = try BelfryProcess.run(["create", path, "--dimension", "\(dimension)", "--metric", "l2"])
        #expect(made.exitCode == 0, "\(made.errors)")
    }

    /// Writes batches from where the collection is, and ends as the environment, or the clock, says.
    private static func write(
        _ path: String, _ lines: ArraySlice<String>, _ more: [String: String] = [:], killAfter: Double? = nil
    ) throws -> (acknowledged: Int, outcome: BelfryProcess.Outcome) {
        let outcome = try BelfryProcess.run(
            ["write", path], environment: environment.merging(more) { $1 }, input: lines.joined(separator: "\n") + "\n",
            killAfter: killAfter)
        let answers = outcome.output.split(separator: "\n")
        #expect(answers.allSatisfy { $0.hasPrefix("{\"changed\"") }, "\(answers.first ?? "")")
        return (answers.count, outcome)
    }

    @Test func killedAtAnyMomentNothingAcknowledgedIsLost() throws {
        var random = SeededGenerator()
        let rounds = LongRun.choose(20, long: 500)
        let (lines, states) = Self.batches(200 * rounds, &random)
        try withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            try Self.create(path)
            var done = 0
            for round in 0..<rounds where done < lines.count {
                let delay = Double.random(in: 0.01..<0.2, using: &random)
                let (acknowledged, outcome) = try Self.write(path, lines[done...], killAfter: delay)
                #expect([0, 128 + SIGKILL].contains(outcome.exitCode), "\(outcome.errors)")
                let found = try Self.points(path)
                // The batch after the last acknowledged one may be there, or not: whole in either case.
                let possible = [done + acknowledged, min(done + acknowledged + 1, lines.count)]
                let state = possible.last { states[$0] == found }
                #expect(state != nil, "round \(round), \(done) + \(acknowledged), \(random)")
                done = state ?? possible[0]
            }
            // How many depends on the machine.
            #expect(done > 0)
            for finding in try VectorCollection.check(path) {
                #expect(finding.problems.isEmpty, "\(finding.name): \(finding.problems), \(random)")
            }
        }
    }

    private static let points = CrashPoint.allCases.map(\.rawValue).filter { point in
        ["seal", "merge", "batch"].contains { point.hasPrefix($0) }
    }

    @Test(arguments: points) func killedBetweenAnyTwoStepsOfMaintenance(_ point: String) throws {
        var random = SeededGenerator()
        let (lines, states) = Self.batches(400, &random)
        try withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            try Self.create(path)
            let (acknowledged, outcome) = try Self.write(path, lines[...], ["BELFRY_CRASH_AT": "\(point):2"])
            #expect(outcome.exitCode == 128 + SIGKILL, "\(point): \(outcome.errors)")
            let found = try Self.points(path)
            let state = [acknowledged, min(acknowledged + 1, lines.count)].last { states[$0] == found }
            #expect(state != nil, "\(point), \(acknowledged), \(random)")
            // The next writer goes on, and leaves nothing that is not listed.
            let rest = try Self.write(path, lines[(state ?? 0)...])
            #expect(rest.outcome.exitCode == 0, "\(rest.outcome.errors)")
            #expect(try Self.points(path) == states.last)
            for finding in try VectorCollection.check(path) {
                #expect(finding.problems.isEmpty, "\(finding.name): \(finding.problems), \(random)")
            }
            let listed = try VectorCollection(path).view.segments.map { NumberedName.name($0.segment.number) }
            #expect(Set(try System.list(path + "/segments")) == Set(listed))
            // Of large batches only those are left that the catalogue does not have.
            #expect(try System.list(path + "/batches").count <= 4)
        }
    }

    /// A repair that dies before its last step has changed nothing, and can be done again.
    @Test func aRepairThatIsKilledLeavesTheCollectionWhereItWas() throws {
        var random = SeededGenerator()
        let (lines, states) = Self.batches(40, &random)
        try withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            try Self.create(path)
            #expect(try Self.write(path, lines[...]).outcome.exitCode == 0)
            let segment = try #require(System.list(path + "/segments").first)
            let file = URL(fileURLWithPath: "\(path)/segments/\(segment)/codes")
            var bytes = try Data(contentsOf: file)
            bytes[bytes.count - 1] ^= 1
            try bytes.write(to: file)
            let killed = try BelfryProcess.run(["repair", path], environment: ["BELFRY_CRASH_AT": "repair-named"])
            #expect(killed.exitCode == 128 + SIGKILL, "\(killed.errors)")
            #expect(try VectorCollection.check(path).contains { !$0.problems.isEmpty })
            let again = try BelfryProcess.run(["repair", path])
            #expect(again.exitCode == 0 && again.output.contains("Nothing was lost"), "\(again.output)\(again.errors)")
            #expect(try Self.points(path) == states.last)
            for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
            // The damaged one is kept, and so is what the first repair had made.
            #expect(
                try System.list(folder).sorted() == ["live.belfry", "live.belfry.damaged", "live.belfry.damaged-2"])
        }
    }

    /// A process that reads for long is not stopped by the death of one that writes.
    @Test func aReaderGoesOnWhenAWriterDiesInsideATransaction() throws {
        var random = SeededGenerator()
        let (lines, states) = Self.batches(400, &random)
        try withTemporaryDirectory { folder in
            let path = folder + "/live.belfry"
            try Self.create(path)
            #expect(try Self.write(path, lines[..<50]).outcome.exitCode == 0)
            let reader = try VectorCollection(path)
            let crashed = try Self.write(path, lines[50...], ["BELFRY_CRASH_AT": "seal-recording:1"])
            #expect(crashed.outcome.exitCode == 128 + SIGKILL)
            for (id, batch) in states[50] {
                #expect(try reader.point("\(id)").payload["batch"]?.integer == batch)
            }
            #expect(reader.count == states[50].count)
            _ = try Self.points(path)
        }
    }
}
