import Files

/// How many points have which values in a field: texts, whole numbers, true and false.
///
/// A point counts once for each of its different values. Counts are exact.
struct Facet {
    /// A value and how many points have it.
    struct Hit: Hashable {
        var value: MatchValue
        var count: Int
    }

    let key: JSONPath
    private var counts: [MatchValue: Int] = [:]

    /// The counts of a field, to begin with none.
    init(_ key: JSONPath) { self.key = key }

    /// Counts a point.
    mutating func add(_ payload: JSON) {
        var values: Set<MatchValue> = []
        key.first(in: payload) { value in
            value.firstValue {
                if let value = MatchValue($0) { values.insert(value) }
                return false
            }
        }
        for value in values { counts[value, default: 0] += 1 }
    }

    /// Adds what was counted of other points.
    mutating func add(_ other: Facet) { counts.merge(other.counts, uniquingKeysWith: +) }

    /// The most frequent values; of those with the same count texts first, then whole numbers, then false and true, each in
    /// its order.
    func hits(_ limit: Int) -> [Hit] {
        let hits = counts.map { Hit(value: $0.key, count: $0.value) }
        return Array(
            hits.sorted { $0.count > $1.count || $0.count == $1.count && $0.value.comesFirst($1.value) }.prefix(limit))
    }
}

extension MatchValue {
    /// The value that a payload's value is, if it is one that a filter can match.
    fileprivate init?(_ value: JSON) {
        switch value {
        case .string(let text): self = .string(UTF8Key(text))
        case .integer(let number): self = .integer(number)
        case .bool(let bool): self = .bool(bool)
        default: return nil
        }
    }

    fileprivate func comesFirst(_ other: MatchValue) -> Bool {
        switch (self, other) {
        case (.string(let a), .string(let b)): a < b
        case (.integer(let a), .integer(let b)): a < b
        case (.bool(let a), .bool(let b)): !a && b
        case (.string, _), (.integer, .bool): true
        default: false
        }
    }
}
