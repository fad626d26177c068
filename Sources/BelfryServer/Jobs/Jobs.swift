import Belfry
import Files
import Foundation
import Synchronization

/// What takes long, while it is under way: who watches over the server sees how far it is, and may end it.
final class Jobs: Sendable {
    private struct Job {
        let kind: String
        /// Nil for all.
        let collection: String?
        let began = ContinuousClock.now
        let date = Date()
        /// Nil where nobody knows.
        var progress: Double?
        /// Whether it has steps between which it can be ended, and another one will come.
        var canEnd: Bool
        var isCancelled = false
    }

    private struct State {
        var jobs: [Int: Job] = [:]
        var last = 0
    }

    private let state = Mutex(State())

    /// How what is under way says how far it is.
    struct Handle: Sendable {
        fileprivate let jobs: Jobs
        fileprivate let number: Int

        /// - Throws: `cancelled` where somebody has ended the job.
        func progress(_ done: Int, of total: Int) throws(BelfryError) {
            let isCancelled = jobs.state.withLock { state in
                if total > 0 {
                    state.jobs[number]?.progress = min(1, Double(done) / Double(total))
                    if done >= total { state.jobs[number]?.canEnd = false }
                }
                return state.jobs[number]?.isCancelled ?? false
            }
            if isCancelled { throw BelfryError(.cancelled, "The job was ended by somebody.") }
        }
    }

    /// Carries a job out.
    /// - Parameter canEnd: whether it asks ``Handle/progress(_:of:)`` between its steps.
    func run<Result>(
        _ kind: String, of collection: String?, canEnd: Bool = true, _ body: (Handle) async throws -> Result
    ) async throws -> Result {
        let number = state.withLock { state in
            state.last += 1
            state.jobs[state.last] = Job(kind: kind, collection: collection, canEnd: canEnd)
            return state.last
        }
        defer { _ = state.withLock { $0.jobs.removeValue(forKey: number) } }
        return try await body(Handle(jobs: self, number: number))
    }

    /// What became of the wish to end a job.
    enum Cancelling { case cancelled, tooLate, missing }

    /// Ends a job at its next step.
    func cancel(_ number: Int) -> Cancelling {
        state.withLock { state in
            guard let job = state.jobs[number] else { return .missing }
            guard job.canEnd else { return .tooLate }
            state.jobs[number]!.isCancelled = true
            return .cancelled
        }
    }

    /// The jobs under way, the oldest first.
    /// - Parameter isShown: whether those of a collection are; nil for those of all.
    func listed(where isShown: (String?) -> Bool) -> [JSON] {
        state.withLock { $0.jobs }.filter { isShown($0.value.collection) }.sorted { $0.key < $1.key }.map {
            number, job in
            var members = Self.members(job.kind, job.collection, since: job.began)
            members["id"] = .integer(Int64(number))
            members["started"] = .string(Timestamp(job.date).description)
            members["is_cancelled"] = .bool(job.isCancelled)
            members["can_end"] = .bool(job.canEnd)
            if let progress = job.progress {
                members["progress"] = .number(progress)
                let seconds = (ContinuousClock.now - job.began) / .seconds(1)
                // The first steps say little of the others.
                if progress > 0.02 { members["seconds_left"] = .number(seconds * (1 / progress - 1)) }
            }
            return .object(members)
        }
    }

    /// What a merge says of itself. It ends by itself where the server does, and begins again.
    static func json(_ merge: MergeStatus, of collection: String) -> JSON {
        var members = members("merge", collection, since: merge.began)
        members["segments"] = .integer(Int64(merge.sources.count))
        members["rows"] = .integer(Int64(merge.rows))
        return .object(members)
    }

    private static func members(
        _ kind: String, _ collection: String?, since began: ContinuousClock.Instant
    ) -> JSON.Members {
        var members: JSON.Members = ["kind": .string(kind)]
        members["collection"] = collection.map { .string($0) }
        members["seconds"] = .number((ContinuousClock.now - began) / .seconds(1))
        return members
    }
}
