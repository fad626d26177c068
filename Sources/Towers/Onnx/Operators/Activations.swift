import Files
import Foundation

extension OperatorTable {
    /// Activations with parameters.
    static let curves: [Operator] = [
        curve("LeakyRelu", .leakyRelu, alpha: 0.01), curve("Elu", .elu, alpha: 1),
        curve("Selu", .selu, alpha: 1.67326319217681884765625, "gamma", 1.05070102214813232421875),
        curve("HardSigmoid", .hardSigmoid, alpha: 0.2, "beta", 0.5), curve("HardSwish", .hardSwish, from: 14),
        curve("QuickGelu", .quickGelu, domain: microsoftDomain, from: 1, alpha: 1.702),
        pairwise("PRelu", ParametricRectifier.self),
    ]

    /// `alpha` and `other` are the attributes with their usual values.
    private static func curve(
        _ name: String, _ curve: Curve, domain: String = Operator.standard, from: Int = 6, alpha: Float? = nil,
        _ other: String? = nil, _ fallback: Float = 0
    ) -> Operator {
        Operator(name, domain: domain, versions: from...Operator.newest, inputs: 1...1) { node throws(BelfryError) in
            let type = try node.type(0, in: TensorType.floats)
            let first = if let alpha { try node.float("alpha", default: alpha) } else { Float(0) }
            let second = if let other { try node.float(other, default: fallback) } else { Float(0) }
            return Kernel(type) { call throws(BelfryError) in
                let x = call.input(0)
                let y = try call.output(0, x.shape)
                try type.withNumber(CurveBody(x: x, y: y, curve: curve, a: Double(first), b: Double(second)))
            }
        }
    }
}

private enum Curve { case leakyRelu, elu, selu, hardSigmoid, hardSwish, quickGelu }

private struct CurveBody: NumberBody {
    let x: TensorView
    let y: TensorView
    let curve: Curve
    let a: Double
    let b: Double

    func run<Element: Number>(_: Element.Type) {
        let (a, b) = (a, b)
        // The switch stands outside the loops.
        switch curve {
        case .leakyRelu: each(Element.self) { $0 < 0 ? a * $0 : $0 }
        case .elu: each(Element.self) { $0 < 0 ? a * expm1($0) : $0 }
        case .selu: each(Element.self) { b * ($0 > 0 ? $0 : a * expm1($0)) }
        case .hardSigmoid: each(Element.self) { Swift.max(0, Swift.min(1, a * $0 + b)) }
        case .hardSwish: each(Element.self) { $0 * Swift.max(0, Swift.min(1, $0 / 6 + 0.5)) }
        case .quickGelu: each(Element.self) { $0 / (1 + exp(-a * $0)) }
        }
    }

    @inline(__always)
    private func each<Element: Number>(_: Element.Type, _ function: (Double) -> Double) {
        let (from, to) = (x.elements(Element.self), y.elements(Element.self))
        for index in 0..<x.count { to[index] = Element(number: function(from[index].number)) }
    }
}

private enum ParametricRectifier: PairOperation {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Element { a < .zero ? .multiplying(a, b) : a }
}
