import Files

/// Turns a tree into a program.
struct PatternCompiler {
    /// What can follow a part: nil is unknown; an empty set is the end of the match.
    typealias Follow = ScalarSet?

    let location: BelfryError.Location
    private(set) var program: [TextPattern.Instruction] = []
    private(set) var sets: [ScalarSet] = []
    private var numbers: [ScalarSet: Int32] = [:]
    private static let longest = 20_000
    private static let maxSets = 512

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
        guard sets.count < Self.maxSets else {
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
        case .repeated(.set(let set), let minimum, let maximum, let greed) where greed != .lazy:
            let isFinal = greed == .possessive || follow.map { $0.isDisjoint(with: set) } ?? false
            try emit(
                .init(
                    operation: .many, a: try number(set), b: isFinal ? 0 : 1, minimum: Int32(minimum),
                    maximum: Int32(clamping: maximum)))
        case .repeated(let node, let minimum, let maximum, .possessive):
            try compile(.atomic(.repeated(node, minimum: minimum, maximum: maximum, .greedy)), follow)
        case .repeated(let node, let minimum, let maximum, let greed):
            try compile(repeated: node, minimum, maximum, isLazy: greed == .lazy, follow)
        case .ahead(let node, let isWanted): try compile(aside: node, .ahead, isWanted)
        case .atomic(let node): try compile(aside: node, .atomic, true)
        case .behind(let set, let isWanted):
            try emit(.init(operation: .behind, a: try number(set), minimum: isWanted ? 1 : 0))
        }
    }

    private mutating func compile(
        aside node: PatternNode, _ operation: TextPattern.Operation, _ isWanted: Bool
    ) throws(BelfryError) {
        let start = program.count
        try emit(.init(operation: operation, minimum: isWanted ? 1 : 0))
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
        repeated node: PatternNode, _ minimum: Int, _ maximum: Int, isLazy: Bool, _ follow: Follow
    ) throws(BelfryError) {
        let inside: Follow = Self.hasLook(node) ? nil : follow.map { $0.union(node.first) }
        for _ in 0..<minimum { try compile(node, inside) }
        var exits: [Int] = []
        func choose() -> [TextPattern.Instruction] {
            // Lazy: first on, then the part; greedy the other way round.
            isLazy
                ? [.init(operation: .choose, a: here + 2), .init(operation: .jump)] : [.init(operation: .choose)]
        }
        if maximum == .max {
            let start = here
            for instruction in choose() { try emit(instruction) }
            exits.append(program.count - 1)
            try compile(node, inside)
            try emit(.init(operation: .jump, a: start))
        } else {
            for _ in minimum..<maximum {
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
