import Files

/// Parses a pattern by recursive descent; what is not supported is named.
struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private let location: BelfryError.Location
    private var place = 0
    private var ignoresCase = false
    private static let deepest = 32
    private static let longest = 4096
    private static let maxRepeats = 1000

    /// The tree of `pattern`, which stands at `location`.
    static func parse(_ pattern: String, at location: BelfryError.Location) throws(BelfryError) -> PatternNode {
        var parser = PatternParser(scalars: Array(pattern.unicodeScalars), location: location)
        guard parser.scalars.count <= longest else { throw parser.refuse("pattern of more than \(longest) characters") }
        let node = try parser.choice(0)
        guard parser.place == parser.scalars.count else {
            throw parser.refuse("closing bracket without an opening one")
        }
        guard !node.isNullable else { throw parser.refuse("pattern that matches nothing at all") }
        return node
    }

    private init(scalars: [Unicode.Scalar], location: BelfryError.Location) {
        self.scalars = scalars
        self.location = location
    }

    private func refuse(_ what: String) -> BelfryError {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars.prefix(200))
        return BelfryError(
            .unsupported, "The regular expression \(String(text).debugDescription) has a \(what): not supported.",
            at: location)
    }

    private var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[place...].starts(with: wanted) else { return false }
        place += wanted.count
        return true
    }

    private mutating func choice(_ depth: Int) throws(BelfryError) -> PatternNode {
        guard depth < Self.deepest else { throw refuse("nesting more than \(Self.deepest) deep") }
        let outerCase = ignoresCase
        var alternatives = [try sequence(depth)]
        while take("|") { alternatives.append(try sequence(depth)) }
        ignoresCase = outerCase
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    private mutating func sequence(_ depth: Int) throws(BelfryError) -> PatternNode {
        var nodes: [PatternNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            nodes.append(try quantified(try atom(depth)))
        }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    private mutating func quantified(_ atom: PatternNode) throws(BelfryError) -> PatternNode {
        var node = atom
        while let scalar = next {
            var bounds = (minimum: 0, maximum: Int.max)
            var isInterval = false
            switch scalar {
            case "*": place += 1
            case "+":
                place += 1
                bounds.minimum = 1
            case "?":
                place += 1
                bounds.maximum = 1
            case "{":
                guard let interval = try interval() else { return node }
                bounds = interval
                isInterval = true
            default: return node
            }
            var greed = PatternNode.Greed.greedy
            // Oniguruma reads `{2}?` as "twice or not at all".
            if !(isInterval && bounds.minimum == bounds.maximum), take("?") {
                greed = .lazy
            } else if next == "+", !isInterval {
                // After an interval Oniguruma reads `+` as another repetition.
                place += 1
                greed = .possessive
            }
            if case .ahead = node { throw refuse("repetition of a look-ahead") }
            if bounds.maximum > 1, node.isNullable { throw refuse("repetition of what can be empty") }
            node = .repeated(node, minimum: bounds.minimum, maximum: bounds.maximum, greed)
        }
        return node
    }

    /// `{2}`, `{2,}`, `{,3}`, `{2,3}`; nil: the bracket is an ordinary one.
    private mutating func interval() throws(BelfryError) -> (minimum: Int, maximum: Int)? {
        let start = place
        place += 1
        let minimum = number()
        var maximum = minimum
        if take(",") { maximum = number() ?? (minimum == nil ? nil : Int.max) }
        guard take("}"), let upper = maximum else {
            place = start
            throw refuse("curly bracket that is no repetition")
        }
        let lower = minimum ?? 0
        guard lower <= upper, lower <= Self.maxRepeats, upper == .max || upper <= Self.maxRepeats, upper > 0 else {
            throw refuse("repetition {\(lower),\(upper)}")
        }
        return (lower, upper)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar), (value ?? 0) < 1_000_000 {
            value = (value ?? 0) * 10 + Int(scalar.value - 0x30)
            place += 1
        }
        return value
    }

    private mutating func atom(_ depth: Int) throws(BelfryError) -> PatternNode {
        let scalar = scalars[place]
        switch scalar {
        case "(": return try group(depth)
        case "[":
            place += 1
            return .set(try set(depth))
        case ".":
            place += 1
            return .set(ScalarSet("\n").inverted)
        case "^", "$": throw refuse("anchor \(scalar)")
        case "*", "+", "?": throw refuse("repetition of nothing")
        case "\\": return .set(try escape())
        default:
            place += 1
            return .set(cases(ScalarSet(scalar)))
        }
    }

    private mutating func group(_ depth: Int) throws(BelfryError) -> PatternNode {
        place += 1
        var node: PatternNode
        let outerCase = ignoresCase
        if take("?i:") {
            ignoresCase = true
            node = try choice(depth + 1)
        } else if take("?i)") {
            // Up to the end of the group around.
            ignoresCase = true
            return .sequence([])
        } else if take("?:") {
            node = try choice(depth + 1)
        } else if take("?=") {
            node = .ahead(try choice(depth + 1), isWanted: true)
        } else if take("?!") {
            node = .ahead(try choice(depth + 1), isWanted: false)
        } else if take("?>") {
            node = .atomic(try choice(depth + 1))
        } else if take("?<=") || take("?<!") {
            let isWanted = scalars[place - 1] == "="
            guard case .set(let set) = try choice(depth + 1) else {
                throw refuse("look-behind of more than one character")
            }
            node = .behind(set, isWanted: isWanted)
        } else if next == "?" {
            throw refuse("group of an unknown kind")
        } else {
            node = try choice(depth + 1)
        }
        guard take(")") else { throw refuse("group that is not closed") }
        ignoresCase = outerCase
        return node
    }

    /// A bracketed set, its `[` already read.
    private mutating func set(_ depth: Int) throws(BelfryError) -> ScalarSet {
        guard depth < Self.deepest else { throw refuse("nesting more than \(Self.deepest) deep") }
        let isInverted = take("^")
        var parts: [ScalarSet] = []
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while true {
            guard let scalar = next else { throw refuse("set that is not closed") }
            if scalar == "]", !isFirst {
                place += 1
                break
            }
            isFirst = false
            if take("&&") {
                parts.append(ScalarSet(ranges))
                ranges = []
                continue
            }
            if scalar == "[" {
                guard place + 1 >= scalars.count || scalars[place + 1] != ":" else { throw refuse("POSIX bracket [:") }
                place += 1
                ranges += try set(depth + 1).ranges
                continue
            }
            let begin = try member()
            if next == "-", place + 1 < scalars.count, scalars[place + 1] != "]", begin.isOne {
                place += 1
                guard next != "[" else { throw refuse("range that ends with a set") }
                let end = try member()
                guard end.isOne, let low = begin.first, let high = end.first, low <= high else {
                    throw refuse("range whose end is before its beginning")
                }
                ranges += cases(ScalarSet([low...high])).ranges
            } else {
                ranges += cases(begin).ranges
            }
        }
        parts.append(ScalarSet(ranges))
        let set = parts.dropFirst().reduce(parts[0]) { $0.intersection($1) }
        return isInverted ? set.inverted : set
    }

    private mutating func member() throws(BelfryError) -> ScalarSet {
        if next == "\\" { return try escape() }
        guard let scalar = next else { throw refuse("set that is not closed") }
        place += 1
        return ScalarSet(scalar)
    }

    private mutating func escape() throws(BelfryError) -> ScalarSet {
        place += 1
        guard let scalar = next else { throw refuse("backslash at its end") }
        place += 1
        switch scalar {
        case "n": return ScalarSet("\n")
        case "r": return ScalarSet("\r")
        case "t": return ScalarSet("\t")
        case "f": return ScalarSet(0x0c)
        case "v": return ScalarSet(0x0b)
        case "a": return ScalarSet(0x07)
        case "e": return ScalarSet(0x1b)
        case "s": return ScalarClass.whitespace
        case "S": return ScalarClass.whitespace.inverted
        case "d": return ScalarClass.category("Nd")!
        case "D": return ScalarClass.category("Nd")!.inverted
        case "w": return ScalarClass.onigurumaWord
        case "W": return ScalarClass.onigurumaWord.inverted
        case "p", "P": return try property(isInverted: scalar == "P")
        case "u": return try code(digits: 4...4)
        case "x":
            guard take("{") else { return try code(digits: 1...2) }
            let set = try code(digits: 1...6)
            guard take("}") else { throw refuse("code that is not closed") }
            return set
        default:
            guard scalar.isASCII, !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else {
                throw refuse("escape \\\(scalar)")
            }
            return ScalarSet(scalar)
        }
    }

    private mutating func property(isInverted: Bool) throws(BelfryError) -> ScalarSet {
        var name = String.UnicodeScalarView()
        guard take("{") else { throw refuse("property without a name") }
        let isCaret = take("^")
        while let scalar = next, scalar != "}", name.count < 40 {
            name.append(scalar)
            place += 1
        }
        guard take("}"), let set = ScalarClass.category(String(name)) else {
            throw refuse("property \(String(name).debugDescription)")
        }
        return isInverted != isCaret ? set.inverted : set
    }

    private mutating func code(digits: ClosedRange<Int>) throws(BelfryError) -> ScalarSet {
        var value: UInt32 = 0
        var count = 0
        while count < digits.upperBound, let scalar = next, let digit = Character(scalar).hexDigitValue, scalar.isASCII
        {
            value = value << 4 | UInt32(digit)
            count += 1
            place += 1
        }
        guard digits.contains(count), Unicode.Scalar(value) != nil else { throw refuse("code that is no character") }
        return ScalarSet(value)
    }

    /// The set with the other cases of its scalars, where case is ignored.
    private func cases(_ set: ScalarSet) -> ScalarSet {
        ignoresCase ? ScalarClass.ignoringCase(set) : set
    }
}

extension ScalarSet {
    fileprivate var first: UInt32? { ranges.first?.lowerBound }
    fileprivate var isOne: Bool { ranges.count == 1 && ranges[0].count == 1 }
}
