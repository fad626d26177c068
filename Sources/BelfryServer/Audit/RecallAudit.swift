import Belfry
import Files
import Foundation
import Logging
import Synchronization

/// Asks some of the searches that were answered once more, exactly, while the server has little to do: what recall do people
/// really get?
///
/// Where it is less than what they asked for, and not by chance, searches of that kind are carried out as if more had been asked
/// for: half of what is missing to 1 each time, until it is enough. Where it is clearly more than enough after that, one step is
/// taken back.
final class RecallAudit: Sendable {
    /// Searches that are looked at together.
    struct Kind: Hashable {
        /// The collection, with the version.
        var collection: String
        /// The name of the vectors.
        var space: String
        /// The recall that was asked for, in thousandths: what differs less is not told apart.
        let target: Double

        init(_ collection: String, _ space: String, target: Double) {
            (self.collection, self.space, self.target) = (collection, space, (target * 1_000).rounded() / 1_000)
        }
    }

    /// A search that may be asked again.
    struct Question {
        let served: ServedCollection
        let version: String
        /// As it was carried out.
        let request: SearchRequest
        /// Whether all rows were looked at: then it is known what it has found.
        let isScanned: Bool
    }

    private struct Entry {
        /// Drawn from those that came since the last ones were taken: each has the same chance (Vitter 1985, algorithm R).
        var waiting: [Question] = []
        var came = 0
        var recalls = AuditedRecall()
        /// What they find, where that is known, and how much it may be at the most.
        var found: (mean: Double, most: Double)?
        /// How many were asked again in all.
        var audited = 0
        /// How many steps more is asked for.
        var steps = 0

        static let most = 8

        /// - Parameter isFull: whether no more may wait than do.
        mutating func offer(_ question: Question, isFull: Bool) {
            came += 1
            if waiting.count < Self.most, !isFull {
                waiting.append(question)
            } else if case let place = Int.random(in: 0..<came), place < waiting.count {
                waiting[place] = question
            }
        }
    }

    private struct State {
        var entries: [Kind: Entry] = [:]
        /// How many questions wait, of all kinds.
        var waiting = 0
        var isStopped = false
    }

    private let state = Mutex(State())
    /// Whether any kind of search asks for more: most servers never do.
    private let raises = Atomic(false)
    private let share: Double
    private let logger: Logger
    /// A client may ask for any number of recalls.
    private static let mostKinds = 1_000
    /// What waits is kept: so many questions, none of which came in a larger request.
    private static let mostWaiting = 128
    private static let mostBytes = 1 << 16
    private static let mostSteps = 4

    /// - Parameter share: of one processor's time that asking again may take; 0 where nothing is asked again.
    init(share: Double, logger: Logger) { (self.share, self.logger) = (share, logger) }

    // MARK: what searches see of it

    /// The recall that an index is asked for, so that searches of this kind find what they should; nil where nothing is changed.
    func raised(_ kind: Kind) -> Double? {
        guard raises.load(ordering: .relaxed) else { return nil }
        let steps = state.withLock { $0.entries[kind]?.steps ?? 0 }
        return steps == 0 ? nil : Self.target(kind.target, after: steps)
    }

    /// Takes note of a search that was answered.
    /// - Parameter bytes: of the request that it came in.
    func note(_ kind: Kind, _ question: Question, bytes: Int) {
        guard share > 0, bytes <= Self.mostBytes else { return }
        state.withLock { state in
            if state.entries[kind] == nil, state.entries.count >= Self.mostKinds {
                // Those that tell nothing make room.
                state.entries = state.entries.filter {
                    $0.value.steps > 0 || $0.value.recalls.count >= AuditedRecall.fewest
                }
                state.waiting = state.entries.values.reduce(0) { $0 + $1.waiting.count }
                guard state.entries.count < Self.mostKinds else { return }
            }
            let before = state.entries[kind]?.waiting.count ?? 0
            state.entries[kind, default: Entry()].offer(question, isFull: state.waiting >= Self.mostWaiting)
            state.waiting += state.entries[kind]!.waiting.count - before
        }
    }

    /// What searches of a kind find, where less was found than is expected of them; else what is expected.
    func found(_ kind: Kind, expected: Double) -> Double {
        guard share > 0, let found = state.withLock({ $0.entries[kind]?.found }), found.most < expected else {
            return expected
        }
        return found.mean
    }

    /// Forgets what is known of a collection and its versions: it is another one now.
    func forget(_ collection: String) {
        state.withLock { state in
            state.entries = state.entries.filter { kind, _ in
                kind.collection != collection && !kind.collection.hasPrefix(collection + "@")
            }
            state.waiting = state.entries.values.reduce(0) { $0 + $1.waiting.count }
        }
    }

    private static func target(_ target: Double, after steps: Int) -> Double {
        // What is asked for is not to be another number by a rounding.
        steps == 0 ? target : 1 - (1 - target) / Double(1 << steps)
    }

    // MARK: asking again

    /// Begins to ask again on a thread of its own, of the lowest priority.
    func begin() {
        guard share > 0 else { return }
        let thread = Thread { [self] in
            Thread.current.name = "audit"
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
            // Seconds to wait for what was computed: the longer, the smaller the share is.
            var debt = 0.0
            while !state.withLock({ $0.isStopped }) {
                if debt <= 0 {
                    let before = Self.processorSeconds
                    if askOne() { debt += (Self.processorSeconds - before) * (1 / share - 1) }
                }
                let pause = min(0.25, debt > 0 ? debt : 0.25)
                Thread.sleep(forTimeInterval: pause)
                debt -= pause
            }
        }
        thread.stackSize = 8 << 20
        thread.start()
    }

    func stop() { state.withLock { $0.isStopped = true } }

    /// Seconds that the calling thread has computed.
    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Asks one of the searches that wait, of a kind drawn at random.
    /// - Returns: Whether there was one.
    func askOne() -> Bool {
        let taken = state.withLock { state -> (Kind, Question)? in
            guard let kind = state.entries.filter({ !$0.value.waiting.isEmpty }).keys.randomElement() else {
                return nil
            }
            let place = Int.random(in: 0..<state.entries[kind]!.waiting.count)
            let question = state.entries[kind]!.waiting.remove(at: place)
            state.waiting -= 1
            if state.entries[kind]!.waiting.isEmpty { state.entries[kind]!.came = 0 }
            return (kind, question)
        }
        guard let (kind, question) = taken else { return false }
        // One that cannot be asked any more says nothing: its collection may be closed, its point or its vectors gone.
        if question.isScanned {
            conclude(kind, 1, as: question.request.recall)
        } else if let collection = question.served.openedAlready,
            let recall = try? collection.version(question.version).recall(of: question.request)
        {
            conclude(kind, recall, as: question.request.recall)
        }
        return true
    }

    func conclude(_ kind: Kind, _ recall: Double, as asked: Double?) {
        let change = state.withLock { state -> (raised: Bool, steps: Int, recalls: AuditedRecall)? in
            // What was asked before a step says nothing of what is found after it.
            var entry = state.entries[kind] ?? Entry()
            let current = Self.target(kind.target, after: entry.steps)
            guard abs(current - (asked ?? kind.target)) < 5e-4 else { return nil }
            defer { state.entries[kind] = entry }
            entry.recalls.add(recall)
            entry.audited += 1
            let recalls = entry.recalls
            guard recalls.isDue else { return nil }
            let (sure, enough) = (recalls.sureInterval, kind.target + (1 - kind.target) / 2)
            entry.found = (recalls.mean, sure.upperBound)
            if sure.upperBound < kind.target, entry.steps < Self.mostSteps, kind.target < 1 {
                entry.steps += 1
            } else if sure.lowerBound > enough, entry.steps > 0 {
                entry.steps -= 1
            } else {
                return nil
            }
            (entry.recalls, entry.found) = (AuditedRecall(), nil)
            raises.store(true, ordering: .relaxed)
            return (recalls.mean < kind.target, entry.steps, recalls)
        }
        guard let change else { return }
        logger.warning(
            change.raised
                ? "recall is below its target: more is asked for" : "recall is above its target: less is asked for",
            metadata: [
                "collection": "\(kind.collection)", "vectors": "\(kind.space)", "target": "\(kind.target)",
                "found": "\(change.recalls.mean)", "searches": "\(change.recalls.count)",
                "asked": "\(Self.target(kind.target, after: change.steps))",
            ])
    }

    // MARK: what is known

    /// What is known of a kind of search; nil where nothing is.
    func json(_ kind: Kind) -> JSON? {
        guard let entry = state.withLock({ $0.entries[kind] }), entry.recalls.count > 0 else { return nil }
        return [
            "recall": .number(entry.recalls.mean), "low": .number(entry.recalls.interval.lowerBound),
            "high": .number(entry.recalls.interval.upperBound), "searches": .integer(Int64(entry.recalls.count)),
            "steps": .integer(Int64(entry.steps)),
        ]
    }

    /// The figures as Prometheus reads them.
    func text() -> String {
        let entries = state.withLock { $0.entries }.filter { $0.value.audited > 0 }.sorted {
            ($0.key.collection, $0.key.space, $0.key.target) < ($1.key.collection, $1.key.space, $1.key.target)
        }
        guard !entries.isEmpty else { return "" }
        func series(
            _ name: String, _ kind: PrometheusText.Kind, _ help: String,
            _ value: (Entry) -> some CustomStringConvertible
        ) -> String {
            PrometheusText.series(
                name, kind, help,
                entries.map { kind, entry in
                    let labels = [
                        ("collection", kind.collection), ("vectors", kind.space), ("target", "\(kind.target)"),
                    ]
                    return (labels, value(entry))
                })
        }
        return series("belfry_recall", .gauge, "Recall of searches that were asked again exactly, the last 1,000.") {
            $0.recalls.mean
        }
            + series("belfry_recall_low", .gauge, "The low end of its interval of 95 %.") {
                $0.recalls.interval.lowerBound
            } + series("belfry_recall_high", .gauge, "The high end.") { $0.recalls.interval.upperBound }
            + series("belfry_recall_audited_total", .counter, "Searches that were asked again.") { $0.audited }
            + series(
                "belfry_recall_steps", .gauge, "How many times more recall is asked of the index, to reach the target."
            ) { $0.steps }
    }
}
