import Files

/// A compiled regular expression that finds its matches in UTF-8 text, leftmost first, alternatives in order.
///
/// A backtracking matcher over a short program. Repetitions of one set, which are most of what tokenizers ask for, run
/// in one instruction; where no shorter repetition could lead to a match, none is tried. A match that needs more than
/// a number of attempts in proportion to the text counts as none: no file can make a text take for ever.
final class TextPattern: @unchecked Sendable {
    fileprivate enum Operation: UInt8 {
        /// One scalar of set `a`.
        case set
        /// `least` to `most` scalars of set `a`, as many as there are; `b` 1: fewer are tried afterwards.
        case many
        /// Continue; if that fails, at `a`.
        case choose
        /// Continue at `a` unless the next scalar is in set `b`.
        case unless
        case jump
        /// The program up to `accept` must match here (`least` 1) or must not (0); then on at `a`.
        case ahead
        /// The scalar before must be in set `a` (`least` 1) or must not (0).
        case behind
        /// The program up to `accept` is matched once; then on at `a`.
        case atomic
        case accept
    }

    fileprivate struct Instruction {
        var operation: Operation
        var a: Int32 = 0
        var b: Int32 = 0
        var least: Int32 = 0
        var most: Int32 = 0
    }

    private let program: UnsafeMutablePointer<Instruction>
    private let views: UnsafeMutablePointer<ScalarTable.View>
    private let tables: [ScalarTable]
    private let first: ScalarTable

    /// Compiles `node`, which never matches the empty text.
    init(_ node: PatternNode, at location: BelfryError.Location) throws(BelfryError) {
        var compiler = PatternCompiler(location: location)
        try compiler.compile(node, ScalarSet([]))
        try compiler.emit(Instruction(operation: .accept))
        program = .allocate(capacity: compiler.program.count)
        program.initialize(from: compiler.program, count: compiler.program.count)
        tables = compiler.sets.map { ScalarTable($0) }
        views = .allocate(capacity: max(tables.count, 1))
        views.initialize(from: tables.map(\.view), count: tables.count)
        first = ScalarTable(node.first)
    }

    convenience init(_ pattern: String, at location: BelfryError.Location) throws(BelfryError) {
        try self.init(PatternParser.parse(pattern, at: location), at: location)
    }

    deinit {
        program.deallocate()
        views.deallocate()
    }

    /// The next match at `place` or later; nil: there is none.
    func next(_ text: UnsafeBufferPointer<UInt8>, from place: Int, _ stack: PatternStack) -> Range<Int>? {
        guard let bytes = text.baseAddress else { return nil }
        let first = self.first.view
        var place = place
        while place < text.count {
            var end = place
            guard first.contains(UTF8Text.scalar(bytes, &end)) else {
                place = end
                continue
            }
            stack.begin(attempts: 10_000 + 64 * (text.count - place))
            if let end = match(0, bytes, text.count, place, stack) { return place..<end }
            place = end
        }
        return nil
    }

    /// The end of the match of the program at `start`, or nil.
    private func match(
        _ start: Int, _ text: UnsafePointer<UInt8>, _ count: Int, _ place: Int, _ stack: PatternStack
    ) -> Int? {
        let program = UnsafePointer(self.program)
        let views = UnsafePointer(self.views)
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
                var least = place
                while number < instruction.most, place < count {
                    var end = place
                    guard view.contains(UTF8Text.scalar(text, &end)) else { break }
                    place = end
                    number &+= 1
                    if number == instruction.least { least = place }
                }
                if number < instruction.least {
                    hasFailed = true
                } else {
                    if instruction.b == 1, place > least {
                        stack.push(.init(next: current &+ 1, place: place, least: least))
                    }
                    current &+= 1
                }
            case .choose:
                stack.push(.init(next: Int(instruction.a), place: place, least: -1))
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
                let isThere = match(current &+ 1, text, count, place, stack) != nil
                if isThere == (instruction.least == 1) { current = Int(instruction.a) } else { hasFailed = true }
            case .behind:
                var isThere = false
                if place > 0 {
                    var begin = UTF8Text.previous(text, place)
                    isThere = views[Int(instruction.a)].contains(UTF8Text.scalar(text, &begin))
                }
                if isThere == (instruction.least == 1) { current &+= 1 } else { hasFailed = true }
            case .atomic:
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
            if choice.least >= 0 {
                // A repetition gives back its last scalar.
                place = UTF8Text.previous(text, place)
                if place > choice.least {
                    stack.push(.init(next: choice.next, place: place, least: choice.least))
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
        var least: Int
    }

    private var entries: [Entry] = []
    private var attempts = 0
    var count: Int { entries.count }

    func begin(attempts: Int) {
        entries.removeAll(keepingCapacity: true)
        self.attempts = attempts
    }

    /// Whether another attempt is allowed.
    func attempt() -> Bool {
        attempts -= 1
        return attempts > 0
    }

    func push(_ entry: Entry) { entries.append(entry) }

    func pop() -> Entry { entries.removeLast() }

    func truncate(to count: Int) { entries.removeLast(entries.count - count) }
}

/// Turns a tree into a program.
private struct PatternCompiler {
    /// What can follow a part: nil is unknown; an empty set is the end of the match.
    typealias Follow = ScalarSet?

    let location: BelfryError.Location
    private(set) var program: [TextPattern.Instruction] = []
    private(set) var sets: [ScalarSet] = []
    private var numbers: [ScalarSet: Int32] = [:]
    private static let longest = 20_000
    private static let mostSets = 512

    init(location: BelfryError.Location) { self.location = location }

    mutating func emit(_ instruction: TextPattern.Instruction) throws(BelfryError) {
        guard program.count < Self.longest else {
            throw BelfryError(.unsupported, "The regular expression is too large.", at: location)
        }
        program.append(instruction)
    }

    private var here: Int32 { Int32(program.count) }

    private mutating func number(_ set: ScalarSet) throws(BelfryError) -> Int32 {
        if let known = numbers[set] { return known }
        guard sets.count < Self.mostSets else {
            throw BelfryError(.unsupported, "The regular expression has too many sets.", at: location)
        }
        numbers[set] = Int32(sets.count)
        sets.append(set)
        return Int32(sets.count - 1)
    }

    mutating func compile(_ node: PatternNode, _ follow: Follow) throws(BelfryError) {
        switch node {
        case .set(let set): try emit(.init(operation: .set, a: try number(set)))
        case .sequence(let nodes):
            var follows = [follow]
            for node in nodes.dropFirst().reversed() { follows.append(Self.follow(node, then: follows.last!)) }
            for (node, follow) in zip(nodes, follows.reversed()) { try compile(node, follow) }
        case .choice(let nodes): try compile(choice: nodes, follow)
        case .repeated(.set(let set), let least, let most, let greed) where greed != .lazy:
            let isFinal = greed == .possessive || follow.map { $0.isDisjoint(with: set) } ?? false
            try emit(
                .init(
                    operation: .many, a: try number(set), b: isFinal ? 0 : 1, least: Int32(least),
                    most: Int32(clamping: most)))
        case .repeated(let node, let least, let most, .possessive):
            try compile(.atomic(.repeated(node, least: least, most: most, .greedy)), follow)
        case .repeated(let node, let least, let most, let greed):
            try compile(repeated: node, least, most, isLazy: greed == .lazy, follow)
        case .ahead(let node, let isWanted): try compile(aside: node, .ahead, isWanted)
        case .atomic(let node): try compile(aside: node, .atomic, true)
        case .behind(let set, let isWanted):
            try emit(.init(operation: .behind, a: try number(set), least: isWanted ? 1 : 0))
        }
    }

    private mutating func compile(
        aside node: PatternNode, _ operation: TextPattern.Operation, _ isWanted: Bool
    ) throws(BelfryError) {
        let start = program.count
        try emit(.init(operation: operation, least: isWanted ? 1 : 0))
        try compile(node, .some(ScalarSet([])))
        try emit(.init(operation: .accept))
        program[start].a = here
    }

    private mutating func compile(choice nodes: [PatternNode], _ follow: Follow) throws(BelfryError) {
        var jumps: [Int] = []
        // What any later alternative can begin with; nil: with anything.
        var later: [ScalarSet?] = [ScalarSet([])]
        for node in nodes.dropFirst().reversed() {
            later.append(node.isNullable ? nil : later.last!.map { $0.union(node.first) })
        }
        for (index, node) in nodes.enumerated() {
            var openings: [Int] = []
            let isLast = index == nodes.count - 1
            if !isLast {
                if !node.isNullable {
                    openings.append(program.count)
                    try emit(.init(operation: .unless, b: try number(node.first)))
                }
                let rest = later[nodes.count - 1 - index]
                let isOnly = !node.isNullable && rest.map { $0.isDisjoint(with: node.first) } ?? false
                if !isOnly {
                    openings.append(program.count)
                    try emit(.init(operation: .choose))
                }
            }
            try compile(node, follow)
            if !isLast {
                jumps.append(program.count)
                try emit(.init(operation: .jump))
            }
            for opening in openings { program[opening].a = here }
        }
        for jump in jumps { program[jump].a = here }
    }

    private mutating func compile(
        repeated node: PatternNode, _ least: Int, _ most: Int, isLazy: Bool, _ follow: Follow
    ) throws(BelfryError) {
        let inside: Follow = Self.hasLook(node) ? nil : follow.map { $0.union(node.first) }
        for _ in 0..<least { try compile(node, inside) }
        var exits: [Int] = []
        func choose() -> [TextPattern.Instruction] {
            // Lazy: first on, then the part; greedy the other way round.
            isLazy
                ? [.init(operation: .choose, a: here + 2), .init(operation: .jump)] : [.init(operation: .choose)]
        }
        if most == .max {
            let start = here
            for instruction in choose() { try emit(instruction) }
            exits.append(program.count - 1)
            try compile(node, inside)
            try emit(.init(operation: .jump, a: start))
        } else {
            for _ in least..<most {
                for instruction in choose() { try emit(instruction) }
                exits.append(program.count - 1)
                try compile(node, inside)
            }
        }
        for exit in exits { program[exit].a = here }
    }

    private static func follow(_ node: PatternNode, then follow: Follow) -> Follow {
        if hasLook(node) { return nil }
        if !node.isNullable { return node.first }
        return follow.map { $0.union(node.first) }
    }

    private static func hasLook(_ node: PatternNode) -> Bool {
        switch node {
        case .set: false
        case .sequence(let nodes), .choice(let nodes): nodes.contains(where: hasLook)
        case .repeated(let node, _, _, _), .atomic(let node): hasLook(node)
        case .ahead, .behind: true
        }
    }
}
