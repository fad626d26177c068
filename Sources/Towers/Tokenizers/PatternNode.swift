/// A regular expression as a tree: what tokenizer files use of Oniguruma's syntax.
indirect enum PatternNode: Sendable {
    /// One scalar of the set.
    case set(ScalarSet)
    case sequence([PatternNode])
    /// The first alternative that leads to a match.
    case choice([PatternNode])
    /// `maximum` is `Int.max` for no limit.
    case repeated(PatternNode, minimum: Int, maximum: Int, Greed)
    /// What follows must match, or must not.
    case ahead(PatternNode, isWanted: Bool)
    /// The scalar before must be in the set, or must not be (the text's beginning is in no set).
    case behind(ScalarSet, isWanted: Bool)
    /// Once matched, never tried otherwise.
    case atomic(PatternNode)

    enum Greed { case greedy, lazy, possessive }

    static func literal(_ text: String) -> PatternNode {
        .sequence(text.unicodeScalars.map { .set(ScalarSet($0)) })
    }

    /// Whether it can match nothing at all.
    var isNullable: Bool {
        switch self {
        case .set: false
        case .sequence(let nodes): nodes.allSatisfy(\.isNullable)
        case .choice(let nodes): nodes.contains(where: \.isNullable)
        case .repeated(let node, let minimum, _, _): minimum == 0 || node.isNullable
        case .ahead, .behind: true
        case .atomic(let node): node.isNullable
        }
    }

    /// The scalars that a match can begin with, if it is not empty.
    var first: ScalarSet {
        switch self {
        case .set(let set): return set
        case .sequence(let nodes):
            var ranges: [ClosedRange<UInt32>] = []
            for node in nodes {
                ranges += node.first.ranges
                if !node.isNullable { break }
            }
            return ScalarSet(ranges)
        case .choice(let nodes): return ScalarSet(nodes.flatMap(\.first.ranges))
        case .repeated(let node, _, _, _), .atomic(let node): return node.first
        case .ahead, .behind: return ScalarSet([])
        }
    }
}
