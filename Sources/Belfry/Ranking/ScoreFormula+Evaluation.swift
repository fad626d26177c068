import Files
import Foundation
import Shards

extension ScoreFormula {
    /// The score of a point.
    /// - Parameters:
    ///   - scores: what earlier searches gave it; nil for one that did not find it.
    ///   - point: its id, payload and vectors.
    /// - Throws: `invalidInput` that names the point and the place in the formula: a field without a number and a default,
    ///   a result that is no number or beyond f32.
    func score(_ scores: [Float?], of point: FilteredPoint) throws(BelfryError) -> Float {
        let evaluation = FormulaEvaluation(defaults: defaults, scores: scores, point: point)
        let value: Double
        do throws(FormulaFailure) {
            value = try evaluation.value(expression)
        } catch {
            throw BelfryError(
                .invalidInput, "The formula has no value for point \(point.id): formula\(error.place) \(error.reason).",
                remedy: error.remedy)
        }
        guard Float(value).isFinite else {
            throw BelfryError(
                .invalidInput, "The formula has no value for point \(point.id): its result \(value) is beyond an f32.")
        }
        return Float(value)
    }
}

/// Why a formula has no value for a point.
private struct FormulaFailure: Error {
    /// From the formula's root on: `.sum[1].div`.
    var place = ""
    var reason: String
    var remedy: String?

    func within(_ outer: String) -> FormulaFailure {
        var failure = self
        failure.place = outer + place
        return failure
    }
}

/// One formula on one point.
private struct FormulaEvaluation {
    typealias Expression = ScoreFormula.Expression

    let defaults: [ScoreFormula.Variable: JSON]
    let scores: [Float?]
    let point: FilteredPoint

    func value(_ expression: Expression) throws(FormulaFailure) -> Double {
        switch expression {
        case .constant(let number): return number
        case .variable(.score(let place)):
            if place < scores.count, let score = scores[place] { return Double(score) }
            return defaults[.score(place)]?.number ?? 0
        case .variable(.field(let path)): return try field(path, "number") { $0.number }
        case .condition(let condition): return condition.holds(for: point.payload, of: point) ? 1 : 0
        case .distance(let origin, let path):
            let place = try field(path, "place on the earth", GeoPoint.init(place:))
            return try finite(origin.distance(to: place), ".geo_distance") { "from \(origin) to \(place)" }
        case .time(let time): return time.seconds
        case .timeField(let path):
            return try field(path, "time") { $0.string.flatMap { Timestamp($0) } }.seconds
        case .combination(let combination, let parts): return try value(combination, parts)
        case .function(let function, let part):
            let place = "." + function.rawValue
            let x = try value(part, within: place)
            return function.isTotal ? function.of(x) : try finite(function.of(x), place) { "of \(x)" }
        case .quotient(let left, let right, let byZero):
            let left = try value(left, within: ".div.left")
            if left == 0 { return 0 }
            let right = try value(right, within: ".div.right")
            if right == 0, let byZero { return byZero }
            return try finite(left / right, ".div") { "of \(left) by \(right)" }
        case .power(let base, let exponent):
            let base = try value(base, within: ".pow.base")
            let exponent = try value(exponent, within: ".pow.exponent")
            return try finite(pow(base, exponent), ".pow") { "of \(base) and \(exponent)" }
        case .decay(let decay, let x, let target):
            let place = "." + decay.shape.rawValue
            let x = try value(x, within: place + ".x")
            guard let target else { return decay.value(x) }
            return decay.value(x - (try value(target, within: place + ".target")))
        }
    }

    private func value(_ expression: Expression, within place: @autoclosure () -> String) throws(FormulaFailure)
        -> Double
    {
        do throws(FormulaFailure) {
            return try value(expression)
        } catch {
            throw error.within(place())
        }
    }

    private func value(
        _ combination: ScoreFormula.Combination, _ parts: [Expression]
    ) throws(FormulaFailure) -> Double {
        var result = combination.neutral
        for (index, part) in parts.enumerated() {
            let number = try value(part, within: ".\(combination.rawValue)[\(index)]")
            switch combination {
            case .sum: result += number
            case .mult:
                if number == 0 { return 0 }
                result *= number
            case .max: result = max(result, number)
            case .min: result = min(result, number)
            }
        }
        return result
    }

    private func finite(
        _ value: Double, _ place: String, _ arguments: () -> String
    ) throws(FormulaFailure) -> Double {
        guard value.isFinite else { throw FormulaFailure(place: place, reason: "\(arguments()) is \(value)") }
        return value
    }

    /// The one value of a field, or its default: of a list with one element that element. Null is no value.
    private func field<Value>(_ path: JSONPath, _ kind: String, _ read: (JSON) -> Value?) throws(FormulaFailure)
        -> Value
    {
        var (found, count): (JSON?, Int) = (nil, 0)
        func add(_ value: JSON) {
            guard value != .null else { return }
            count += 1
            found = value
        }
        path.first(in: point.payload) { value in
            if case .array(let elements) = value, path.steps.last != .every {
                elements.forEach(add)
            } else {
                add(value)
            }
            return false
        }
        let name = ScoreFormula.Variable.field(path).name
        guard count <= 1 else {
            throw FormulaFailure(reason: "needs one value of \(name), and the point has \(count)")
        }
        guard let value = found ?? defaults[.field(path)] else {
            throw FormulaFailure(
                reason: "needs \(name), which the point does not have", remedy: "Give \(name) a default.")
        }
        guard let number = read(value) else {
            throw FormulaFailure(reason: "needs a \(kind) in \(name), which is \(value.text().prefix(40))")
        }
        return number
    }
}

extension ScoreFormula.Combination {
    /// What a combination begins with.
    fileprivate var neutral: Double {
        switch self {
        case .sum: 0
        case .mult: 1
        case .max: -.infinity
        case .min: .infinity
        }
    }
}

extension ScoreFormula.Function {
    /// Whether every number has a value.
    fileprivate var isTotal: Bool { self == .neg || self == .abs }

    fileprivate func of(_ x: Double) -> Double {
        switch self {
        case .neg: -x
        case .abs: Swift.abs(x)
        case .sqrt: x.squareRoot()
        case .exp: Foundation.exp(x)
        case .log10: Foundation.log10(x)
        case .ln: Foundation.log(x)
        case .acosh: Foundation.acosh(x)
        }
    }
}

extension ScoreFormula.Decay {
    /// How fast it fades: the factor of the distance, or of its square.
    var rate: Double {
        switch shape {
        case .linear: (1 - midpoint) / scale
        case .exponential: log(midpoint) / scale
        case .gaussian: log(midpoint) / (scale * scale)
        }
    }

    /// The value at this distance from the target.
    fileprivate func value(_ distance: Double) -> Double {
        switch shape {
        case .linear: max(0, 1 - rate * abs(distance))
        case .exponential: exp(rate * abs(distance))
        case .gaussian: exp(rate * distance * distance)
        }
    }
}

extension Timestamp {
    /// Seconds since the first of January, 1970.
    fileprivate var seconds: Double { Double(microseconds) / 1_000_000 }
}
