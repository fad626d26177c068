import Dispatch
import Foundation
import Synchronization

/// Threads on which requests are carried out: searches, embeddings and writes compute, and must hold up neither the event
/// loops nor one another beyond the cores that there are.
///
/// It is a task executor: `await threads.run { … }` goes on here after every `await`, and holds no thread while it waits for
/// the disk.
final class WorkThreads: TaskExecutor {
    private struct Waiting {
        /// Jobs in the order in which they came; those before `first` are done.
        var jobs: [UnownedJob] = []
        var first = 0

        mutating func next() -> UnownedJob? {
            guard first < jobs.count else { return nil }
            defer {
                first += 1
                if first == jobs.count {
                    (jobs, first) = ([], 0)
                } else if first == 1_024 {
                    // Under steady load there is always one that waits.
                    jobs.removeFirst(first)
                    first = 0
                }
            }
            return jobs[first]
        }
    }

    private let waiting = Mutex(Waiting())
    private let arrived = DispatchSemaphore(value: 0)
    private let admitted = Atomic<Int>(0)
    private let most: Int
    /// How many threads there are.
    let count: Int

    /// - Parameters:
    ///   - count: how many threads.
    ///   - most: how many requests may be here at once, those that wait counted.
    init(_ name: String, count: Int, most: Int) {
        (self.most, self.count) = (most, count)
        for index in 0..<count {
            let thread = Thread { [self] in
                // By itself: the name that it is given from outside is not the system's.
                Thread.current.name = "\(name) \(index)"
                Thread.current.threadDictionary[Self.key] = "\(name) \(index)"
                work()
            }
            // Filters and JSON may be nested.
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// What the thread of whoever asks is called; nil where it is none of these.
    static var current: String? { Thread.current.threadDictionary[key] as? String }
    private static let key = "belfry.work"

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        waiting.withLock { $0.jobs.append(job) }
        arrived.signal()
    }

    private func work() {
        while true {
            arrived.wait()
            guard let job = waiting.withLock({ $0.next() }) else { continue }
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    /// How many requests are here.
    var load: Int { admitted.load(ordering: .relaxed) }

    /// Computes the answer to a request; where too many are here already, it is refused at once instead of waiting without
    /// end.
    func run<Result: Sendable>(_ body: @Sendable () throws -> Result) async throws -> Result {
        try await admit { try await Self.compute(body) }
    }

    /// The same for what waits in between.
    func run<Result: Sendable>(_ body: @Sendable () async throws -> Result) async throws -> Result {
        try await admit(body)
    }

    /// A function that computes goes over to the executor before its first line. One that only calls another one does not: it
    /// leaves that to the other, which a function that has been made an asynchronous one does not do.
    private static func compute<Result: Sendable>(_ body: @Sendable () throws -> Result) async throws -> Result {
        try body()
    }

    private func admit<Result: Sendable>(_ body: @Sendable () async throws -> Result) async throws -> Result {
        let (_, now) = admitted.add(1, ordering: .relaxed)
        defer { admitted.subtract(1, ordering: .relaxed) }
        guard now <= most else {
            throw Refusal(503, "Service unavailable: \(most) requests are being carried out. Try again in a moment.")
        }
        return try await withTaskExecutorPreference(self) { try await body() }
    }
}
