public import Files
public import Shards

extension ScoreFormula {
    /// Reads a formula query in Qdrant's wire format: `{"formula": …, "defaults": {"price": 100}}`.
    ///
    /// It is read strictly: each expression has one known name, and nothing beside it. A member that is null counts as left out.
    /// - Parameter id: the point that a text in a condition names; those that are UUIDs and numbers, unless the caller
    ///   knows more.
    /// - Throws: `invalidInput` that names the place, as `formula.sum[1].div.right`.
    public init(json: JSON, id: @escaping (String) -> PointID? = { PointID($0) }) throws(BelfryError) {
        let reader = FormulaReader(parts: FilterReader(id: id, whole: "formula"))
        let place = FilterPlace("the formula query")
        let members = try reader.parts.members(json, ["formula", "defaults"], place)
        let expression = try reader.parts.required(members, "formula", place)
        self.init(
            try reader.expression(expression, place.member("formula"), depth: 1),
            defaults: try reader.defaults(members["defaults"] ?? [:], place.member("defaults")))
    }
}

extension ScoreFormula.Variable {
    /// The variable of this name: `$score`, `$score[2]` or a payload key; nil for other names with a dollar sign.
    /// - Throws: `invalidInput` where it is no payload key.
    init?(_ name: String) throws(BelfryError) {
        guard name.utf8.first == UInt8(ascii: "$") else {
            self = .field(try JSONPath(name))
            return
        }
        guard let path = try? JSONPath(String(name.dropFirst())), path.steps.first == .member("score") else {
            return nil
        }
        switch (path.steps.count, path.steps.last) {
        case (1, _): self = .score(0)
        case (2, .element(let place)?): self = .score(place)
        default: return nil
        }
    }
}

/// Reads formulas, node by node.
private struct FormulaReader {
    typealias Expression = ScoreFormula.Expression

    let parts: FilterReader

    private static let names =
        ["geo_distance", "datetime", "datetime_key", "div", "pow"] + ScoreFormula.Combination.allCases.map(\.rawValue)
        + ScoreFormula.Function.allCases.map(\.rawValue) + ScoreFormula.Decay.Shape.allCases.map(\.rawValue)
    private static let conditions = [
        "key", "is_empty", "is_null", "has_id", "has_vector", "slice", "nested", "must", "should", "must_not",
        "min_should",
    ]

    func expression(_ json: JSON, _ place: FilterPlace, depth: Int) throws(BelfryError) -> Expression {
        guard depth <= ScoreFormula.deepest else {
            throw parts.mistake(place, "stands \(depth) expressions deep; \(ScoreFormula.deepest) is the limit")
        }
        switch json {
        case .integer, .unsigned, .number: return .constant(try parts.number(json, place))
        case .string(let name): return .variable(try variable(name, place))
        case .object(let members):
            if members.names.contains(where: Self.conditions.containsBytes) {
                return .condition(try parts.condition(json, place, depth))
            }
            let members = try parts.members(json, Self.names, place)
            guard members.count == 1, let (name, value) = members.sorted.first else {
                throw parts.mistake(place, "has not one name alone of: \(Self.names.joined(separator: ", "))")
            }
            return try operation(name, value, place.member(name), depth: depth + 1)
        default:
            throw parts.mistake(
                place, "is \(parts.shown(json)), and not a number, a variable, a condition or an operation")
        }
    }

    private func variable(_ name: String, _ place: FilterPlace) throws(BelfryError) -> ScoreFormula.Variable {
        let variable: ScoreFormula.Variable?
        do throws(BelfryError) {
            variable = try ScoreFormula.Variable(name)
        } catch {
            throw BelfryError(error.code, "The formula's \(place): \(error.message)", remedy: error.remedy)
        }
        guard let variable else {
            throw BelfryError(
                .invalidInput, "The formula cannot be read: \(place) is the unknown variable \(name.debugDescription).",
                remedy: "Scores are $score or $score[1]; a payload key that begins so stands between quotation marks.")
        }
        return variable
    }

    private func operation(
        _ name: String, _ json: JSON, _ place: FilterPlace, depth: Int
    ) throws(BelfryError) -> Expression {
        if let combination = ScoreFormula.Combination(rawValue: name) {
            return try self.combination(combination, json, place, depth)
        }
        if let function = ScoreFormula.Function(rawValue: name) {
            return .function(function, try expression(json, place, depth: depth))
        }
        if let shape = ScoreFormula.Decay.Shape(rawValue: name) { return try decay(shape, json, place, depth) }
        switch name {
        case "datetime":
            guard let time = Timestamp(try parts.text(json, place)) else {
                throw parts.mistake(
                    place, "is \(parts.shown(json)), and no time as RFC 3339 has it (2026-01-31T12:00:00Z)")
            }
            return .time(time)
        case "datetime_key": return .timeField(try parts.path(json, place))
        case "geo_distance":
            let members = try parts.members(json, ["origin", "to"], place)
            return .distance(
                from: try parts.point(members, "origin", place),
                to: try parts.path(try parts.required(members, "to", place), place.member("to")))
        case "pow":
            let members = try parts.members(json, ["base", "exponent"], place)
            return .power(
                try part(members, "base", place, depth), exponent: try part(members, "exponent", place, depth))
        default:
            let members = try parts.members(json, ["left", "right", "by_zero_default"], place)
            return .quotient(
                try part(members, "left", place, depth), by: try part(members, "right", place, depth),
                byZero: try number(members, "by_zero_default", place))
        }
    }

    private func combination(
        _ combination: ScoreFormula.Combination, _ json: JSON, _ place: FilterPlace, _ depth: Int
    ) throws(BelfryError) -> Expression {
        guard let elements = json.array else { throw parts.mistake(place, "is \(parts.shown(json)), and not a list") }
        guard !elements.isEmpty || combination == .sum || combination == .mult else {
            throw parts.mistake(place, "is empty, and needs at least one expression")
        }
        var expressions: [Expression] = []
        expressions.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            expressions.append(try expression(element, place.element(index), depth: depth))
        }
        return .combination(combination, expressions)
    }

    private func decay(
        _ shape: ScoreFormula.Decay.Shape, _ json: JSON, _ place: FilterPlace, _ depth: Int
    ) throws(BelfryError) -> Expression {
        let members = try parts.members(json, ["x", "target", "scale", "midpoint"], place)
        let (scale, midpoint) = (
            try number(members, "scale", place) ?? 1, try number(members, "midpoint", place) ?? 0.5
        )
        guard let decay = ScoreFormula.Decay(shape, scale: scale, midpoint: midpoint) else {
            let range = shape == .linear ? "from 0 to 1" : "between 0 and 1"
            throw parts.mistake(
                place, "has scale \(scale) and midpoint \(midpoint): the scale is above 0, the midpoint \(range)")
        }
        let x = try part(members, "x", place, depth)
        return .decay(decay, x, target: members["target"] == nil ? nil : try part(members, "target", place, depth))
    }

    private func part(
        _ members: JSON.Members, _ name: String, _ place: FilterPlace, _ depth: Int
    ) throws(BelfryError) -> Expression {
        try expression(try parts.required(members, name, place), place.member(name), depth: depth)
    }

    private func number(_ members: JSON.Members, _ name: String, _ place: FilterPlace) throws(BelfryError) -> Double? {
        guard let json = members[name] else { return nil }
        return try parts.number(json, place.member(name))
    }

    func defaults(_ json: JSON, _ place: FilterPlace) throws(BelfryError) -> [ScoreFormula.Variable: JSON] {
        guard case .object(let members) = json else {
            throw parts.mistake(place, "is \(parts.shown(json)), and not an object")
        }
        var defaults: [ScoreFormula.Variable: JSON] = [:]
        for (name, value) in members.sorted where value != .null {
            let place = place.member(name.debugDescription)
            let variable = try variable(name, place)
            let isRight =
                switch (variable, value) {
                case (_, .integer), (_, .unsigned), (_, .number): value.number?.isFinite == true
                case (.field, .string(let text)): Timestamp(text) != nil
                case (.field, .object): GeoPoint(place: value) != nil
                default: false
                }
            guard isRight else {
                throw parts.mistake(place, "is \(parts.shown(value)), and not a number, nor a field's time or place")
            }
            guard defaults.updateValue(value, forKey: variable) == nil else {
                throw parts.mistake(place, "gives a variable its second default")
            }
        }
        return defaults
    }
}

extension GeoPoint {
    /// The place that a payload's value says, if it is one on the earth.
    init?(place value: JSON) {
        guard let place = GeoPoint(payload: value) else { return nil }
        self.init(latitude: place.latitude, longitude: place.longitude)
    }
}
