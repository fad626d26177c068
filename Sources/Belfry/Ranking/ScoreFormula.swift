public import Files
import Shards

/// A score that a request computes for each candidate, from the scores that earlier searches gave it and from its payload.
///
/// ```json
/// {"formula": {"sum": ["$score", {"mult": [0.5, {"key": "brand", "match": {"value": "Acme"}}]}, {"div": {"left": 1, "right": "price"}}]},
///  "defaults": {"price": 100}}
/// ```
/// The language is that of Qdrant's formula query (and, beyond its version 1.19, `max`, `min` and `acosh`). It is read from
/// JSON strictly, and printed back. Numbers are f64; the score is the result as f32.
public struct ScoreFormula: Hashable, Sendable {
    /// What is computed.
    public var expression: Expression
    /// What a variable is worth where it has no value.
    public var defaults: [Variable: JSON]

    /// A formula.
    public init(_ expression: Expression, defaults: [Variable: JSON] = [:]) {
        (self.expression, self.defaults) = (expression, defaults)
    }

    /// Expressions in expressions down to this depth are read, filters in their conditions included; what is deeper is
    /// refused, so that none can exhaust the stack.
    public static let deepest = 64

    /// What a formula knows of a point by name.
    public enum Variable: Hashable, Sendable {
        /// The score of an earlier search, counted from 0: `$score`, `$score[1]`. 0 where the search did not find the point,
        /// unless a default says otherwise.
        case score(Int)
        /// The number in a payload field. Without a value or a default it is an error.
        case field(JSONPath)
    }

    /// A node of the formula.
    public indirect enum Expression: Hashable, Sendable {
        /// A number.
        case constant(Double)
        /// A score or a number of the payload.
        case variable(Variable)
        /// 1 where a condition holds for the point, 0 where not.
        case condition(Condition)
        /// Meters along the great circle from a place to the one in a field.
        case distance(from: GeoPoint, to: JSONPath)
        /// A time, in seconds since the first of January, 1970.
        case time(Timestamp)
        /// The time that a field says, in these seconds.
        case timeField(JSONPath)
        /// A number made of several. The sum of none is 0, the product of none 1. A product ends at the first factor 0.
        case combination(Combination, [Expression])
        /// A number made of one.
        case function(Function, Expression)
        /// One by another. 0 by anything is 0; anything else by 0 is the default, or an error.
        case quotient(Expression, by: Expression, byZero: Double? = nil)
        /// A base raised to an exponent.
        case power(Expression, exponent: Expression)
        /// What is 1 at a target (0 if there is none), and less the farther from it.
        case decay(Decay, Expression, target: Expression? = nil)
    }

    /// How several numbers become one.
    public enum Combination: String, CaseIterable, Hashable, Sendable {
        /// Their sum.
        case sum
        /// Their product.
        case mult
        /// The largest, of at least one.
        case max
        /// The smallest, of at least one.
        case min
    }

    /// A function of one number.
    public enum Function: String, CaseIterable, Hashable, Sendable {
        /// With the other sign.
        case neg
        /// Without its sign.
        case abs
        /// The square root.
        case sqrt
        /// e to its power.
        case exp
        /// The logarithm to base 10.
        case log10
        /// The natural logarithm.
        case ln
        /// The inverse hyperbolic cosine.
        case acosh
    }
}

extension ScoreFormula {
    /// How something fades with its distance `d` from a target. At `d = scale` it is `midpoint`.
    public struct Decay: Hashable, Sendable {
        /// The curve's form.
        public enum Shape: String, CaseIterable, Hashable, Sendable {
            /// `max(0, 1 - d (1 - midpoint) / scale)`.
            case linear = "lin_decay"
            /// `exp(d ln(midpoint) / scale)`.
            case exponential = "exp_decay"
            /// `exp(d² ln(midpoint) / scale²)`.
            case gaussian = "gauss_decay"
        }

        /// The curve's form.
        public let shape: Shape
        /// At which distance it is `midpoint`, above 0.
        public let scale: Double
        /// Its value there: 0...1 if linear, between 0 and 1 if not.
        public let midpoint: Double

        /// A curve; nil where `scale` or `midpoint` are beyond their limits.
        public init?(_ shape: Shape, scale: Double = 1, midpoint: Double = 0.5) {
            (self.shape, self.scale, self.midpoint) = (shape, scale, midpoint)
            let isInside = shape == .linear ? (0...1).contains(midpoint) : midpoint > 0 && midpoint < 1
            guard isInside, scale > 0, rate.isFinite else { return nil }
        }
    }
}

extension ScoreFormula {
    /// The points that earlier searches have found, each with its score in each of them: what a formula is evaluated on.
    /// In the order in which they come up, list after list; of a point that a list has twice, its last score.
    static func candidates(_ lists: [[RankedPoint]]) -> [FormulaCandidate] {
        var places: [PointID: Int] = [:]
        var candidates: [FormulaCandidate] = []
        for (index, list) in lists.enumerated() {
            for point in list {
                let place = places[point.id] ?? candidates.count
                if place == candidates.count {
                    places[point.id] = place
                    candidates.append(FormulaCandidate(id: point.id, scores: Array(repeating: nil, count: lists.count)))
                }
                candidates[place].scores[index] = point.score
            }
        }
        return candidates
    }
}

/// A point and the scores that earlier searches gave it: nil for one that did not find it.
struct FormulaCandidate: Hashable {
    var id: PointID
    var scores: [Float?]
}
