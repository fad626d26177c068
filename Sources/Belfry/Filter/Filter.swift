/// Which points a search may answer with: a tree of conditions on payload, ids and vectors.
///
/// All of `must` have to hold, none of `mustNot`, at least one of `should` where there are any, and as many of
/// `minShould` as it says. A filter without conditions matches every point.
///
/// What a condition means is what it means to Qdrant, from whose wire format a filter is read (``init(json:id:)``). People
/// write it in a language of its own: ``init(parsing:fields:id:)``.
public struct Filter: Hashable, Sendable {
    /// Conditions that all have to hold.
    public var must: [Condition]
    /// Conditions of which one has to hold, if there are any.
    public var should: [Condition]
    /// Conditions of which none may hold.
    public var mustNot: [Condition]
    /// Conditions of which several have to hold.
    public var minShould: MinShould?

    /// A filter, of no conditions unless it says otherwise.
    public init(
        must: [Condition] = [], should: [Condition] = [], mustNot: [Condition] = [], minShould: MinShould? = nil
    ) {
        (self.must, self.should, self.mustNot, self.minShould) = (must, should, mustNot, minShould)
    }

    /// Filters in filters down to this depth are read; what is deeper is refused, so that none can exhaust the stack.
    public static let deepest = 64
}

/// Conditions of which at least `count` have to hold.
public struct MinShould: Hashable, Sendable {
    /// The conditions.
    public var conditions: [Condition]
    /// How many of them have to hold.
    public var count: Int

    /// At least `count` of `conditions`.
    public init(_ conditions: [Condition], count: Int) { (self.conditions, self.count) = (conditions, count) }
}

extension Filter {
    /// Whether every point matches, because there is no condition.
    public var isEmpty: Bool { must.isEmpty && should.isEmpty && mustNot.isEmpty && minShould == nil }

    /// The conditions of the filter, not those of filters in it.
    var conditions: [Condition] { must + should + (minShould?.conditions ?? []) + mustNot }

    /// How many filters stand in one another, this one counted.
    var depth: Int { 1 + (conditions.lazy.compactMap { $0.inner?.depth }.max() ?? 0) }
}

extension Filter {
    /// The points that match both filters; nil stands for no filter.
    package static func both(_ first: Filter?, _ second: Filter?) -> Filter? {
        guard let first, let second else { return first ?? second }
        return Filter(must: [.filter(first), .filter(second)])
    }

    /// Whether it names so many ids or values that what it finds is not kept.
    var isLarge: Bool {
        conditions.contains { condition in
            switch condition {
            case .hasID(let ids): ids.count > Self.many
            case .field(_, .any(.strings(let values))), .field(_, .except(.strings(let values))):
                values.count > Self.many
            case .field(_, .any(.integers(let values))), .field(_, .except(.integers(let values))):
                values.count > Self.many
            default: condition.inner?.isLarge ?? false
            }
        }
    }

    /// To look for a filter of more values among those that are known takes as long as to look for the values.
    private static let many = 1_000

    /// Whether it asks which vectors a point has.
    var asksForVectors: Bool {
        conditions.contains { condition in
            if case .hasVector = condition { true } else { condition.inner?.asksForVectors ?? false }
        }
    }
}
