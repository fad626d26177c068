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
        /// The recall that was asked for.
        var target: Double
    }

    /// A search that waits to be asked again.
    private struct Question {
        let served: ServedCollection
        let version: String
        let request: SearchRequest
    }

    private struct Entry {
        /// Drawn from those that came since the last ones were taken: each has the same chance (Vitter 1985, algorithm R).
        var waiting: [Question] = []
        var came = 0
        var recalls = AuditedRecall()
        /// How many were asked again in all.
        var audited = 0
        /// How many steps more is asked for.
        var steps = 0

        static let most = 8

        mutating func offer(_ question: @autoclosure () -> Question) {
            came += 1
            if waiting.count < Self.most {
                waiting.append(question())
            } else if case let place = Int.random(in: 0..<came), place < Self.most {
                waiting[place] = question()
            }
        }
    }

    private struct State {
        var entries: [Kind: Entry] = [:]
        var isStopped = false
    }

    private let state = Mutex(State())
    /// Whether any kind of search asks for more: most servers never do.
    private let raises = Atomic(false)
    private let logger: Logger
    /// A client may ask for any number of recalls.
    private static let mostKinds = 1_000
    /// So many are asked before anything is concluded.
    static let fewest = 100
    private static let mostSteps = 4

    init(logger: Logger) { self.logger = logger }

    // MARK: what searches see of it

    /// The recall that an index is asked for, so that searches of this kind find what they should; nil where nothing is changed.
    func raised(_ kind: Kind) -> Double? {
        guard raises.load(ordering: .relaxed) else { return nil }
        let steps = state.withLock { $0.entries[kind]?.steps ?? 0 }
        return steps == 0 ? nil : Self.target(kind.target, after: steps)
    }

    /// Takes note of a search that was answered.
    /// - Parameter request: as it was carried out.
    /// - Returns: What such searches find, where less was found than `expected`; else `expected`.
    func note(
        _ kind: Kind, _ request: SearchRequest, of served: ServedCollection, version: String, expected: Double?
    ) -> Double? {
        state.withLock { state in
            guard state.entries[kind] != nil || state.entries.count < Self.mostKinds else { return expected }
            state.entries[kind, default: Entry()].offer(
                Question(served: served, version: version, request: request))
            guard let recalls = state.entries[kind]?.recalls, recalls.count >= Self.fewest, let expected else {
                return expected
            }
            return recalls.interval.upperBound < expected ? recalls.mean : expected
        }
    }

    private static func target(_ target: Double, after steps: Int) -> Double {
        // What is asked for is not to be another number by a rounding.
        steps == 0 ? target : 1 - (1 - target) / Double(1 << steps)
    }

    // MARK: asking again

    /// Begins to ask again on a thread of its own, of the lowest priority.
    /// - Parameter share: of one processor's time, at most.
    func begin(share: Double) {
        guard share > 0 else { return }
        let thread = Thread { [self] in
            Thread.current.name = "audit"
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
            while !state.withLock({ $0.isStopped }) {
                let before = Self.processorSeconds
                let didAsk = askOne()
                let spent = Self.processorSeconds - before
                Thread.sleep(forTimeInterval: min(60, didAsk ? max(0.001, spent * (1 / share - 1)) : 0.25))
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
            if state.entries[kind]!.waiting.isEmpty { state.entries[kind]!.came = 0 }
            return (kind, question)
        }
        guard let (kind, question) = taken else { return false }
        // One that cannot be asked any more says nothing: its collection may be closed, its point or its vectors gone.
        guard let collection = question.served.openedAlready,
            let recall = try? collection.version(question.version).recall(of: question.request)
        else { return true }
        conclude(kind, recall, as: question.request.recall)
        return true
    }

    func conclude(_ kind: Kind, _ recall: Double, as asked: Double?) {
        let change = state.withLock { state -> (raised: Bool, steps: Int, recalls: AuditedRecall)? in
            // What was asked before a step says nothing of what is found after it.
            var entry = state.entries[kind] ?? Entry()
            guard Self.target(kind.target, after: entry.steps) == asked ?? kind.target else { return nil }
            defer { state.entries[kind] = entry }
            entry.recalls.add(recall)
            entry.audited += 1
            let recalls = entry.recalls
            guard recalls.count >= Self.fewest else { return nil }
            let enough = kind.target + (1 - kind.target) / 2
            if recalls.interval.upperBound < kind.target, entry.steps < Self.mostSteps, kind.target < 1 {
                entry.steps += 1
            } else if recalls.interval.lowerBound > enough, entry.steps > 0 {
                entry.steps -= 1
            } else {
                return nil
            }
            entry.recalls = AuditedRecall()
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
        func series(_ name: String, _ type: String, _ help: String, _ value: (Entry) -> String) -> String {
            "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
                + entries.map { kind, entry in
                    let labels = [("collection", kind.collection), ("vectors", kind.space)].map {
                        "\($0)=\"\(PrometheusLabel.escaped($1))\""
                    }
                    return "\(name){\(labels.joined(separator: ",")),target=\"\(kind.target)\"} \(value(entry))\n"
                }.joined()
        }
        guard !entries.isEmpty else { return "" }
        return series("belfry_recall", "gauge", "Recall of searches that were asked again exactly, the last 1,000.") {
            "\($0.recalls.mean)"
        }
            + series("belfry_recall_low", "gauge", "The low end of its interval of 95 %.") {
                "\($0.recalls.interval.lowerBound)"
            } + series("belfry_recall_high", "gauge", "The high end.") { "\($0.recalls.interval.upperBound)" }
            + series("belfry_recall_audited_total", "counter", "Searches that were asked again.") { "\($0.audited)" }
            + series(
                "belfry_recall_steps", "gauge", "How many times more recall is asked of the index, to reach the target."
            ) { "\($0.steps)" }
    }
}
