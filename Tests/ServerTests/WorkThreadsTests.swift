import Files
import Foundation
import HTTPTypes
import Testing

@testable import BelfryServer

/// Work is done on the threads that are there for it, and refused where there is too much of it.
@Suite struct WorkThreadsTests {
    @Sendable private static func computed() throws -> String { WorkThreads.current ?? "" }

    @Sendable private static func awaited() async throws -> String {
        let first = try computed()
        try await Task.sleep(for: .milliseconds(1))
        return try computed() == first.prefix(7) + "0" ? first : "another"
    }

    @Test func workIsDoneOnThem() async throws {
        let threads = WorkThreads("tested", count: 1, most: 10)
        // As a route has it: one that computes.
        let route = Route(.get, "/", .reading) { _, _ in Answer(.string(try Self.computed())) }
        guard case .computed = route.response else {
            Issue.record("what computes is known as such")
            return
        }
        let (computed, awaited) = (
            try await threads.run { try Self.computed() }, try await threads.run { try await Self.awaited() }
        )
        #expect(computed == "tested 0" && awaited == "tested 0")
        #expect(threads.load == 0)
    }

    @Test func tooMuchIsRefusedAtOnce() async throws {
        let threads = WorkThreads("few", count: 1, most: 1)
        let refused = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    do {
                        try await threads.run { try await Task.sleep(for: .milliseconds(200)) }
                        return false
                    } catch let refusal as Refusal {
                        #expect(refusal.status == 503)
                        return true
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(refused == 3)
    }
}
