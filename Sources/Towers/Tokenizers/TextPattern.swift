import Files

/// A compiled regular expression that finds its matches in UTF-8 text, leftmost first, alternatives in order.
///
/// A backtracking matcher over a short program. Repetitions of one set, which are most of what tokenizers ask for, run
/// in one instruction; where no shorter repetition could lead to a match, none is tried.
///
/// A place has a number of attempts, and so has a text, in proportion to its length and far above what tokenizers need.
/// What is tried again is one, and so is each part that is matched by itself: a lookahead, an atomic group. A match that
/// needs more counts as none, and the stack says that it has given up. When those of the text are used up, each further
/// place has 64: no file can make a text take for ever. A tokenizer stops there.
final class TextPattern: Sendable {
    enum Operation: UInt8 {
        /// One scalar of set `a`.
        case set
        /// `minimum` to `maximum` scalars of set `a`, as many as there are; `b` 1: fewer are tried afterwards.
        case many
        /// Continue; if that fails, at `a`.
        case choose
        /// Continue at `a` unless the next scalar is in set `b`.
        case unless
        case jump
        /// The program up to `accept` must match here (`minimum` 1) or must not (0); then on at `a`.
        case ahead
        /// The scalar before must be in set `a` (`minimum` 1) or must not (0).
        case behind
        /// The program up to `accept` is matched once; then on at `a`.
        case atomic
        case accept
    }

    struct Instruction: BitwiseCopyable {
        var operation: Operation
        var a: Int32 = 0
        var b: Int32 = 0
        var minimum: Int32 = 0
        var maximum: Int32 = 0
    }

    private let program: FixedTable<Instruction>
    private let views: FixedTable<ScalarTable.View>
    private let tables: [ScalarTable]
    private let first: ScalarTable

    /// Compiles `node`, which never matches the empty text.
    init(_ node: PatternNode, at location: BelfryError.Location) throws(BelfryError) {
        var compiler = PatternCompiler(location: location)
        try compiler.compile(node, ScalarSet([]))
        try compiler.emit(Instruction(operation: .accept))
        program = FixedTable(compiler.program)
        tables = compiler.sets.map { ScalarTable($0) }
        views = FixedTable(tables.map(\.view))
        first = ScalarTable(node.first)
    }

    convenience init(_ pattern: String, at location: BelfryError.Location) throws(BelfryError) {
        try self.init(PatternParser.parse(pattern, at: location), at: location)
    }

    /// The next match at `place` or later; nil: there is none. A search from the text's start begins with new attempts.
    func next(_ text: UnsafeBufferPointer<UInt8>, from place: Int, _ stack: PatternStack) -> Range<Int>? {
        guard let bytes = text.baseAddress else { return nil }
        let first = self.first.view
        var place = place
        if place == 0, !stack.isShared { stack.begin(textOf: text.count) }
        while place < text.count {
            if stack.isShared, stack.hasGivenUp { return nil }
            var end = place
            guard first.contains(UTF8Text.scalar(bytes, &end)) else {
                place = end
                continue
            }
            stack.begin(attempts: 10_000 + 64 * (text.count - place))
            // A lookahead that ran out of attempts has not found out what it says.
            if let end = match(0, bytes, text.count, place, stack), stack.hasAttempts { return place..<end }
            place = end
        }
        return nil
    }

    /// The end of the match of the program at `start`, or nil.
    private func match(
        _ start: Int, _ text: UnsafePointer<UInt8>, _ count: Int, _ place: Int, _ stack: PatternStack
    ) -> Int? {
        let program = self.program.start
        let views = self.views.start
        let bottom = stack.count
        var current = start
        var place = place
        while true {
            let instruction = program[current]
            var hasFailed = false
            switch instruction.operation {
            case .accept:
                stack.truncate(to: bottom)
                return place
            case .set:
                var end = place
                if place < count, views[Int(instruction.a)].contains(UTF8Text.scalar(text, &end)) {
                    place = end
                    current &+= 1
                } else {
                    hasFailed = true
                }
            case .many:
                let view = views[Int(instruction.a)]
                var number: Int32 = 0
                var minimum = place
                let maximum = min(instruction.maximum, stack.reach)
                while number < maximum, place < count {
                    var end = place
                    guard view.contains(UTF8Text.scalar(text, &end)) else { break }
                    place = end
                    number &+= 1
                    if number == instruction.minimum { minimum = place }
                }
                stack.spend(number)
                if number == maximum, maximum < instruction.maximum {
                    stack.giveUp()
                    hasFailed = true
                } else if number < instruction.minimum {
                    hasFailed = true
                } else {
                    if instruction.b == 1, place > minimum {
                        stack.push(.init(next: current &+ 1, place: place, minimum: minimum))
                    }
                    current &+= 1
                }
            case .choose:
                stack.push(.init(next: Int(instruction.a), place: place, minimum: -1))
                current &+= 1
            case .unless:
                var end = place
                if place < count, views[Int(instruction.b)].contains(UTF8Text.scalar(text, &end)) {
                    current &+= 1
                } else {
                    current = Int(instruction.a)
                }
            case .jump: current = Int(instruction.a)
            case .ahead:
                guard stack.attempt() else {
                    stack.truncate(to: bottom)
                    return nil
                }
                let isThere = match(current &+ 1, text, count, place, stack) != nil
                if isThere == (instruction.minimum == 1) { current = Int(instruction.a) } else { hasFailed = true }
            case .behind:
                var isThere = false
                if place > 0 {
                    var begin = UTF8Text.previous(text, place)
                    isThere = views[Int(instruction.a)].contains(UTF8Text.scalar(text, &begin))
                }
                if isThere == (instruction.minimum == 1) { current &+= 1 } else { hasFailed = true }
            case .atomic:
                guard stack.attempt() else {
                    stack.truncate(to: bottom)
                    return nil
                }
                if let end = match(current &+ 1, text, count, place, stack) {
                    place = end
                    current = Int(instruction.a)
                } else {
                    hasFailed = true
                }
            }
            guard hasFailed else { continue }
            // Back to the last place where there was a choice.
            guard stack.count > bottom, stack.attempt() else {
                stack.truncate(to: bottom)
                return nil
            }
            let choice = stack.pop()
            current = choice.next
            place = choice.place
            if choice.minimum >= 0 {
                // A repetition gives back its last scalar.
                place = UTF8Text.previous(text, place)
                if place > choice.minimum {
                    stack.push(.init(next: choice.next, place: place, minimum: choice.minimum))
                }
            }
        }
    }
}

/// Where a match can still go on otherwise, kept by a worker between matches.
final class PatternStack {
    struct Entry {
        /// The instruction to continue at.
        var next: Int
        var place: Int
        /// How far back a repetition may give back its scalars; -1: it is not one.
        var minimum: Int
    }

    private var entries: [Entry] = []
    private var attempts = 0
    var count: Int { entries.count }

    /// What the text has left, and what the place has had of it.
    private var total = 0
    private var given = 0
    private static let minAttempts = 64

    /// Whether some match was given up for want of attempts.
    private(set) var hasGivenUp = false
    /// Whether all searches in one text, by whichever patterns, have their attempts together.
    private(set) var isShared = false

    func begin(textOf bytes: Int) { (total, given, attempts, hasGivenUp) = ((1 << 20) + 256 * bytes, 0, 0, false) }

    /// All that follows is in one text of so many bytes.
    func begin(wholeTextOf bytes: Int) {
        isShared = true
        begin(textOf: bytes / 16)
    }

    func giveUp() { hasGivenUp = true }

    /// A new place, with so many attempts if there are.
    func begin(attempts wanted: Int) {
        entries.removeAll(keepingCapacity: true)
        total -= given - max(attempts, 0)
        given = max(min(wanted, total), Self.minAttempts)
        attempts = given
    }

    /// Whether another attempt is allowed.
    func attempt() -> Bool {
        attempts -= 1
        if attempts <= 0 { hasGivenUp = true }
        return attempts > 0
    }

    var hasAttempts: Bool { attempts > 0 }

    /// Scalars that a repetition may read with the attempts that are left: 16 are one attempt.
    var reach: Int32 { Int32(clamping: 16 * max(attempts, 1)) }

    func spend(_ scalars: Int32) { attempts -= Int(scalars) >> 4 }

    func push(_ entry: Entry) { entries.append(entry) }

    func pop() -> Entry { entries.removeLast() }

    func truncate(to count: Int) { entries.removeLast(entries.count - count) }
}
