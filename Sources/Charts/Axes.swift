import Foundation

/// Where the marks of an axis of plain numbers stand.
package enum LinearAxis {
    /// 1, 2 or 5 times a power of ten, at least `least`.
    package static func step(_ least: Double) -> Double {
        let power = pow(10, log10(least).rounded(.down))
        return [1, 2, 5].map { $0 * power }.first { $0 >= least } ?? 10 * power
    }

    /// The marks from `middle - reach` to `middle + reach`.
    package static func ticks(_ middle: Double, _ reach: Double, _ step: Double) -> [Double] {
        let (first, last) = ((middle - reach) / step, (middle + reach) / step)
        return stride(from: first.rounded(.up), through: last, by: 1).map { $0 * step }
    }
}

/// A logarithmic axis between two round numbers.
package struct LogarithmicAxis: Sendable {
    private let range: ClosedRange<Double>

    /// The axis on which all of `values`, which are above 0, have room.
    package init(around values: [Double]) {
        range = Self.step(below: values.min() ?? 1)...Self.step(above: values.max() ?? 10)
    }

    /// How far a value is on the way from the lower end to the upper, from 0 to 1.
    package func share(of value: Double) -> Double {
        let (low, high) = (log10(range.lowerBound), log10(range.upperBound))
        return (log10(value) - low) / (high - low)
    }

    /// Marks at 1, 2 and 5 of every power of ten; where those would be many, at the powers alone.
    package var ticks: [Double] {
        var ticks: [Double] = []
        let decades = log10(range.upperBound / range.lowerBound)
        for exponent in Int(log10(range.lowerBound).rounded(.down))...Int(log10(range.upperBound).rounded(.up)) {
            for digit in decades > 5 ? [1.0] : [1, 2, 5] { ticks.append(digit * pow(10, Double(exponent))) }
        }
        let slack = 1e-9
        return ticks.filter { $0 >= range.lowerBound * (1 - slack) && $0 <= range.upperBound * (1 + slack) }
    }

    private static func step(below value: Double) -> Double {
        let power = pow(10, log10(value).rounded(.down))
        return [5, 2].first { $0 * power < value }.map { $0 * power } ?? (power < value ? power : power / 2)
    }

    private static func step(above value: Double) -> Double {
        let power = pow(10, log10(value).rounded(.down))
        return [2, 5].first { $0 * power > value }.map { $0 * power } ?? power * 10
    }
}

/// An axis of recalls up to 1, stretched towards it: equal steps are equal factors of what is missed, down to a
/// thousandth.
package struct RecallAxis: Sendable {
    private let range: ClosedRange<Double>

    private static let marks = [0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1]

    /// The axis that begins at the last mark before the least of `recalls`.
    package init(around recalls: [Double]) {
        let lowest = recalls.min() ?? 0.9
        range = (Self.marks.last { $0 < lowest && $0 < 1 } ?? 0)...1
    }

    /// The marks on it.
    package var ticks: [Double] { Self.marks.filter(range.contains) }

    /// How far a recall is on the way from the left end to the right, from 0 to 1.
    package func share(of recall: Double) -> Double {
        func stretched(_ recall: Double) -> Double { -log10(1 - min(1, max(0, recall)) + 0.001) }
        let (low, high) = (stretched(range.lowerBound), stretched(range.upperBound))
        return (stretched(recall) - low) / (high - low)
    }
}
