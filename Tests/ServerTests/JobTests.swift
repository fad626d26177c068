import Belfry
import Files
import Foundation
import Testing

@testable import BelfryServer

/// What takes long is seen while it is under way, and can be ended.
@Suite(.serialized) struct JobTests {
    @Test func aJobIsListedWhileItRuns() async throws {
        let jobs = Jobs()
        let (steps, step) = AsyncStream.makeStream(of: Int.self)
        let (seen, see) = AsyncStream.makeStream(of: Int.self)
        let running = Task {
            try await jobs.run("snapshot", of: "shop") { job in
                for await done in steps {
                    try job.progress(done, of: 10)
                    see.yield(done)
                }
            }
        }
        var answers = seen.makeAsyncIterator()
        step.yield(5)
        _ = await answers.next()
        let listed = jobs.listed { _ in true }
        #expect(listed.count == 1 && listed[0]["progress"] == 0.5 && listed[0]["kind"] == "snapshot")
        #expect(listed[0]["collection"] == "shop" && (listed[0]["seconds_left"]?.number ?? -1) >= 0)
        #expect(jobs.listed { $0 != "shop" }.isEmpty)
        let number = try #require(listed[0]["id"]?.integer)
        #expect(jobs.cancel(number + 1) == .missing && jobs.cancel(number) == .cancelled)
        step.yield(6)
        await #expect(throws: BelfryError.self) { try await running.value }
        #expect(jobs.listed { _ in true }.isEmpty)
    }

    /// What cannot be ended says so, and what is done cannot be.
    @Test func nobodyIsToldThatAJobWillEndWhichWillNot() async throws {
        let jobs = Jobs()
        try await jobs.run("index", of: "shop", canEnd: false) { _ in #expect(jobs.cancel(1) == .tooLate) }
        try await jobs.run("snapshot", of: "shop") { job in
            try job.progress(9, of: 10)
            #expect(jobs.listed { _ in true }[0]["can_end"] == true)
            try job.progress(10, of: 10)
            #expect(jobs.cancel(2) == .tooLate && jobs.listed { _ in true }[0]["can_end"] == false)
        }
    }

    @Test func aSnapshotThatIsEndedLeavesNothing() async throws {
        try await TestServer.run { server in
            let body = #"{"vectors": {"size": 2, "distance": "Dot"}}"#
            #expect(try await server.send("PUT", "/collections/shop", body).status == 200)
            #expect(try await server.send("GET", "/jobs").result["jobs"] == [])
            #expect(try await server.send("DELETE", "/jobs/1").status == 404)
            #expect(try await server.send("DELETE", "/jobs/x").status == 404)
            let folder = try DataFolder(server.data + "/other")
            let store = SnapshotStore(folder)
            let jobs = Jobs()
            let served = ServedCollection(
                "shop", at: server.data + "/shop.belfry", record: server.data + "/record", memoryLimit: nil)
            await #expect(throws: BelfryError.self) {
                try await jobs.run("snapshot", of: "shop") { job in
                    _ = jobs.cancel(1)
                    return try store.create([served], of: "shop", job).name
                }
            }
            #expect(try store.list("shop").isEmpty)
            #expect(try await server.send("POST", "/collections/shop/snapshots", "").status == 200)
        }
    }
}
