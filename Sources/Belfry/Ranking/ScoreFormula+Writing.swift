public import Files

extension ScoreFormula {
    /// The formula query in Qdrant's wire format.
    public var json: JSON {
        var members: JSON.Members = ["formula": expression.json]
        if !defaults.isEmpty { members["defaults"] = .object(JSON.Members(defaults.map { ($0.key.name, $0.value) })) }
        return .object(members)
    }
}

extension ScoreFormula.Variable {
    /// As a formula writes it.
    var name: String {
        switch self {
        case .score(0): return "$score"
        case .score(let place): return "$score[\(place)]"
        case .field(let path):
            let name = path.description
            // A key that begins as scores do stands between quotation marks.
            guard name.utf8.first == UInt8(ascii: "$"), case .member(let first)? = path.steps.first else { return name }
            var quoted = String.UnicodeScalarView()
            for scalar in first.unicodeScalars {
                if scalar == "\\" { quoted.append(scalar) }
                quoted.append(scalar)
            }
            return "\"\(String(quoted))\"" + String(name.unicodeScalars.dropFirst(first.unicodeScalars.count))
        }
    }
}

extension ScoreFormula.Expression {
    /// The expression in Qdrant's wire format.
    var json: JSON {
        switch self {
        case .constant(let number): return .number(number)
        case .variable(let variable): return .string(variable.name)
        // An object without members says nothing where a number is wanted.
        case .condition(.filter(let filter)) where filter.isEmpty: return ["must": []]
        case .condition(let condition): return condition.json
        case .distance(let origin, let path):
            return [
                "geo_distance": [
                    "origin": ["lat": .number(origin.latitude), "lon": .number(origin.longitude)],
                    "to": .string(path.description),
                ]
            ]
        case .time(let time): return ["datetime": .string(time.description)]
        case .timeField(let path): return ["datetime_key": .string(path.description)]
        case .combination(let combination, let parts): return [combination.rawValue: .array(parts.map(\.json))]
        case .function(let function, let part): return [function.rawValue: part.json]
        case .quotient(let left, let right, let byZero):
            var members: JSON.Members = ["left": left.json, "right": right.json]
            if let byZero { members["by_zero_default"] = .number(byZero) }
            return ["div": .object(members)]
        case .power(let base, let exponent): return ["pow": ["base": base.json, "exponent": exponent.json]]
        case .decay(let decay, let x, let target):
            var members: JSON.Members = [
                "x": x.json, "scale": .number(decay.scale), "midpoint": .number(decay.midpoint),
            ]
            if let target { members["target"] = target.json }
            return [decay.shape.rawValue: .object(members)]
        }
    }
}
