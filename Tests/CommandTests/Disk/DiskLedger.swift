import Files
import Synchronization

@testable import Belfry

/// What several writers have begun and what was acknowledged to them, in the order of the disk's events: each entry is a
/// note between those.
final class DiskLedger: Sendable {
    /// One entry.
    enum Fact {
        /// The collection was made.
        case made
        /// A writer has begun a batch, which leads to one of its states.
        case begun(writer: Int, state: Int)
        case acknowledged(writer: Int, state: Int)
        /// A copy of the collection is being made.
        case copying(String)
        case copied(String)
    }

    private struct Book {
        var facts: [Fact] = []
        /// Of each writer, what its points were to be after each batch; none at first.
        var states: [[DiskPoints]]
    }

    private let book: Mutex<Book>

    init(writers: Int) { book = Mutex(Book(states: Array(repeating: [[:]], count: writers))) }

    /// All facts, and all states of all writers.
    var contents: (facts: [Fact], states: [[DiskPoints]]) { book.withLock { ($0.facts, $0.states) } }

    func note(_ fact: Fact) {
        let number = book.withLock { book in
            book.facts.append(fact)
            return book.facts.count - 1
        }
        FaultyDisk.note(number)
    }

    /// Notes that a writer begins a batch. Returns the state's number.
    func begin(_ writer: Int, _ points: DiskPoints) -> Int {
        let state = book.withLock { book in
            book.states[writer].append(points)
            return book.states[writer].count - 1
        }
        note(.begun(writer: writer, state: state))
        return state
    }
}

/// What must be on a disk at one moment, and what may be.
struct DiskExpectation {
    /// Of each writer, the last state that was acknowledged, and the last one that was begun: one of those between.
    private struct Range {
        var acknowledged: [Int]
        var begun: [Int]
    }

    private let states: [[DiskPoints]]
    private var live: Range
    private var isMade = false
    private var copies: [String: (range: Range, isDone: Bool)] = [:]

    init(_ states: [[DiskPoints]]) {
        self.states = states
        let none = states.map { _ in 0 }
        live = Range(acknowledged: none, begun: none)
    }

    mutating func add(_ fact: DiskLedger.Fact) {
        switch fact {
        case .made: isMade = true
        case .begun(let writer, let state): live.begun[writer] = max(live.begun[writer], state)
        case .acknowledged(let writer, let state):
            live.acknowledged[writer] = max(live.acknowledged[writer], state)
        case .copying(let name): copies[name] = (live, false)
        case .copied(let name):
            copies[name]?.range.begun = live.begun
            copies[name]?.isDone = true
        }
    }

    /// The collections that there may be, and whether they must be there.
    var collections: [(name: String, mustExist: Bool)] {
        [("live.belfry", isMade)] + copies.sorted { $0.key < $1.key }.map { ($0.key, $0.value.isDone) }
    }

    /// What is wrong with what a collection has; nil if nothing is.
    func problem(_ name: String, _ found: DiskPoints) -> String? {
        var range = live
        if let copy = copies[name] {
            range = copy.range
            // What is begun by now may be in a copy that is being made.
            if !copy.isDone { range.begun = live.begun }
        }
        guard found.keys.allSatisfy({ states.indices.contains($0 / 1_000) }) else { return "points of nobody" }
        for writer in states.indices {
            let points = found.of(writer)
            let (first, last) = (range.acknowledged[writer], range.begun[writer])
            if (first...last).contains(where: { states[writer][$0] == points }) { continue }
            let others = states[writer].indices.filter { states[writer][$0] == points }
            return "writer \(writer) must be at \(first)…\(last), and is "
                + (others.isEmpty ? "between two batches, with \(points.count) points" : "at \(others)")
        }
        return nil
    }
}
