import Files
import Foundation
import TestSupport
import Testing

@testable import Belfry

/// What a user has seen, on the command line.
@Suite struct SeenCommandTests {
    private func run(_ arguments: [String]) throws -> JSON {
        let run = try BelfryProcess.run(arguments + ["--json"])
        #expect(run.exitCode == 0, "\(arguments): \(run.errors)")
        return try JSON(parsing: Data(run.output.utf8), source: "output")
    }

    private func names(_ answer: JSON) -> [String] {
        answer["results"]?.array?.compactMap { $0["id"]?.string } ?? []
    }

    @Test func itIsNotedShownAndForgotten() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/a.belfry"
            let made = try VectorCollection.create(path, .init(dimension: 2, metric: .l2))
            try await made.upsert((0..<6).map { WrittenPoint(id: "p-\($0)", vector: [Float($0), 1]) })
            try await made.close()
            let search = ["search", path, "--vector", "[0, 1]", "-k", "2"]
            #expect(try names(run(search)) == ["p-0", "p-1"])
            let noted = try run(["seen", path, "--user", "-7", "p-0", "p-2", "later", "--at", "2026-01-02"])
            #expect(noted["seen"]?.integer == 3)
            #expect(try names(run(search + ["--seen-by", "-7"])) == ["p-1", "p-3"])
            #expect(try names(run(["similar", path, "p-1", "-k", "2", "--seen-by", "-7"])) == ["p-3", "p-4"])
            let shown = try run(["seen", path, "--user", "-7"])["points"]?.array ?? []
            #expect(Set(shown.compactMap { $0["at"]?.string }) == ["2026-01-02T00:00:00Z"] && shown.count == 3)
            #expect(try run(["seen", path, "--user", "-7", "--forget", "p-0"])["seen"]?.integer == 2)
            #expect(
                try run(["seen", path, "--user", "-7", "--forget", "--before", "2026-01-02"])["seen"]?.integer == 2)
            #expect(try run(["seen", path, "--user", "-7", "--forget"])["seen"]?.integer == 0)
            #expect(try names(run(search + ["--seen-by", "-7"])) == ["p-0", "p-1"])
            for wrong in [
                ["p-1", "--at", "yesterday"], ["--at", "2026-01-01"], ["--before", "2026-01-01"],
                ["p-1", "--forget", "--at", "2026-01-01"], ["p-1", "--at", "1960-01-01"],
            ] {
                let refused = try BelfryProcess.run(["seen", path, "--user", "u"] + wrong)
                #expect(refused.exitCode != 0 && !refused.errors.isEmpty, "\(wrong)")
            }
        }
    }
}
