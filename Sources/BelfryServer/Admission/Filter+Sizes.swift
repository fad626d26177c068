import Belfry

// How large what a request asks for is, at all depths.

extension Filter {
    /// The conditions of the filter, not those of filters in it.
    var all: [Condition] { must + should + mustNot + (minShould?.conditions ?? []) }

    /// How many conditions it has, at all depths. A filter in a filter is one at least: an empty one is looked at, too.
    var conditionCount: Int {
        all.reduce(0) { count, condition in
            switch condition {
            case .nested(_, let filter), .filter(let filter): count + max(1, filter.conditionCount)
            default: count + 1
            }
        }
    }

    /// The most values that one of its conditions names.
    var largestCondition: Int {
        all.reduce(0) { most, condition in
            switch condition {
            case .field(_, .any(let values)), .field(_, .except(let values)): max(most, values.count)
            case .field(_, .polygon(let polygon)):
                max(most, polygon.interiors.reduce(polygon.exterior.count) { $0 + $1.count })
            case .hasID(let ids): max(most, ids.count)
            case .nested(_, let filter), .filter(let filter): max(most, filter.largestCondition)
            default: most
            }
        }
    }
}

extension MatchValues {
    fileprivate var count: Int {
        switch self {
        case .strings(let texts): texts.count
        case .integers(let numbers): numbers.count
        }
    }
}

extension ScoreFormula {
    /// Its conditions, as one filter.
    var conditions: Filter? {
        let conditions = expression.conditions
        return conditions.isEmpty ? nil : Filter(must: conditions)
    }
}

extension ScoreFormula.Expression {
    /// The expressions that it is made of.
    var parts: [Self] {
        switch self {
        case .constant, .variable, .condition, .distance, .time, .timeField: []
        case .combination(_, let parts): parts
        case .function(_, let inner): [inner]
        case .quotient(let first, let second, _): [first, second]
        case .power(let base, let exponent): [base, exponent]
        case .decay(_, let inner, let target): [inner] + (target.map { [$0] } ?? [])
        }
    }

    fileprivate var conditions: [Condition] {
        if case .condition(let condition) = self { [condition] } else { parts.flatMap(\.conditions) }
    }
}
