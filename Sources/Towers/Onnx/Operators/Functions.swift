import CKernels
import Files
import Foundation
import Vectors

extension OperatorTable {
    /// Operators that give one element for one.
    static let functions: [Operator] = [
        function("Exp", Exponential.self), function("Log", Logarithm.self), function("Sqrt", SquareRoot.self),
        function("Sin", Sine.self), function("Cos", Cosine.self), function("Ceil", Ceiling.self),
        function("Floor", Floor.self), function("Erf", ErrorFunction.self), function("Sigmoid", Sigmoid.self),
        function("Tanh", HyperbolicTangent.self, activation: BELFRY_TANH), function("Softplus", Softplus.self, from: 1),
        function("Reciprocal", Reciprocal.self), function("Round", Round.self),
        number("Abs", Magnitude.self), number("Neg", Negative.self), number("Sign", Sign.self),
        number("Relu", Rectified.self), clip,
    ]

    /// An operator on floating-point numbers. `activation` names the kernel that computes it for f32, if there is one.
    private static func function<Function: FloatFunction>(
        _ name: String, _: Function.Type, activation: belfry_activation? = nil, from: Int = 6
    ) -> Operator {
        Operator(name, versions: from...Operator.newest, inputs: 1...1) { node throws(BelfryError) in
            let type = try node.type(0, in: TensorType.floats)
            return Kernel(type) { call throws(BelfryError) in
                let x = call.input(0)
                let y = try call.output(0, x.shape)
                if let activation, type == .float32 {
                    y.start.copyMemory(from: x.start, byteCount: x.byteCount)
                    belfry_nn_activate(call.products.isa, y.floats, y.count, activation)
                } else {
                    FunctionBody<Function>(x: x, y: y).run(type)
                }
            }
        }
    }

    /// An operator on any numbers.
    private static func number<Operation: PairOperation>(_ name: String, _: Operation.Type) -> Operator {
        Operator(name, versions: 6...Operator.newest, inputs: 1...1) { node throws(BelfryError) in
            let type = try node.type(0, in: TensorType.numbers)
            return Kernel(type) { call throws(BelfryError) in
                let x = call.input(0)
                let y = try call.output(0, x.shape)
                try type.withNumber(PairBody<Operation>(a: x, b: x, y: y, threads: call.threads))
            }
        }
    }

    /// Bounds are attributes up to version 10, inputs from 11 on.
    private static let clip = Operator("Clip", versions: 6...Operator.newest, inputs: 1...3) {
        node throws(BelfryError) in
        let type = try node.type(0, in: TensorType.numbers)
        let minimum = try node.version < 11 ? node.float("min", default: -.infinity) : -.infinity
        let maximum = try node.version < 11 ? node.float("max", default: .infinity) : .infinity
        for bound in 1...2 where node.has(bound) { _ = try node.type(bound, in: [type]) }
        return Kernel(type) { call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            for bound in 1...2 {
                if let view = call.optional(bound), view.count != 1 { throw call.fail("a bound is not one number") }
            }
            try type.withNumber(
                ClipBody(x: x, y: y, low: call.optional(1), high: call.optional(2), minimum: minimum, maximum: maximum))
        }
    }

    private struct ClipBody: NumberBody {
        let x: TensorView
        let y: TensorView
        let low: TensorView?
        let high: TensorView?
        let minimum: Float
        let maximum: Float

        func run<Element: Number>(_: Element.Type) {
            let low = self.low?.elements(Element.self)[0] ?? Element(number: Double(minimum))
            let high = self.high?.elements(Element.self)[0] ?? Element(number: Double(maximum))
            let (from, to) = (x.elements(Element.self), y.elements(Element.self))
            for index in 0..<x.count {
                let value = from[index] < low ? low : from[index]
                to[index] = value > high ? high : value
            }
        }
    }
}

private enum Magnitude: PairOperation {
    static func apply<Element: Number>(_ a: Element, _: Element) -> Element { a < .zero ? .negative(a) : a }
}
private enum Negative: PairOperation {
    static func apply<Element: Number>(_ a: Element, _: Element) -> Element { .negative(a) }
}
private enum Sign: PairOperation {
    static func apply<Element: Number>(_ a: Element, _: Element) -> Element {
        a > .zero ? .one : a < .zero ? .negative(.one) : a
    }
}
private enum Rectified: PairOperation {
    static func apply<Element: Number>(_ a: Element, _: Element) -> Element { a < .zero ? .zero : a }
}

/// A function of one number, in both precisions; numbers of 16 bits are computed as f32.
protocol FloatFunction: SendableMetatype {
    static func apply(_ x: Float) -> Float
    static func apply(_ x: Double) -> Double
}

private enum Exponential: FloatFunction {
    static func apply(_ x: Float) -> Float { expf(x) }
    static func apply(_ x: Double) -> Double { exp(x) }
}
private enum Logarithm: FloatFunction {
    static func apply(_ x: Float) -> Float { logf(x) }
    static func apply(_ x: Double) -> Double { log(x) }
}
private enum SquareRoot: FloatFunction {
    static func apply(_ x: Float) -> Float { x.squareRoot() }
    static func apply(_ x: Double) -> Double { x.squareRoot() }
}
private enum Sine: FloatFunction {
    static func apply(_ x: Float) -> Float { sinf(x) }
    static func apply(_ x: Double) -> Double { sin(x) }
}
private enum Cosine: FloatFunction {
    static func apply(_ x: Float) -> Float { cosf(x) }
    static func apply(_ x: Double) -> Double { cos(x) }
}
private enum Ceiling: FloatFunction {
    static func apply(_ x: Float) -> Float { x.rounded(.up) }
    static func apply(_ x: Double) -> Double { x.rounded(.up) }
}
private enum Floor: FloatFunction {
    static func apply(_ x: Float) -> Float { x.rounded(.down) }
    static func apply(_ x: Double) -> Double { x.rounded(.down) }
}
private enum Round: FloatFunction {
    static func apply(_ x: Float) -> Float { x.rounded(.toNearestOrEven) }
    static func apply(_ x: Double) -> Double { x.rounded(.toNearestOrEven) }
}
private enum ErrorFunction: FloatFunction {
    static func apply(_ x: Float) -> Float { erff(x) }
    static func apply(_ x: Double) -> Double { erf(x) }
}
private enum Sigmoid: FloatFunction {
    static func apply(_ x: Float) -> Float { 1 / (1 + expf(-x)) }
    static func apply(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
}
private enum HyperbolicTangent: FloatFunction {
    static func apply(_ x: Float) -> Float { tanhf(x) }
    static func apply(_ x: Double) -> Double { tanh(x) }
}
private enum Softplus: FloatFunction {
    static func apply(_ x: Float) -> Float { max(x, 0) + log1pf(expf(-abs(x))) }
    static func apply(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
}
private enum Reciprocal: FloatFunction {
    static func apply(_ x: Float) -> Float { 1 / x }
    static func apply(_ x: Double) -> Double { 1 / x }
}

private struct FunctionBody<Function: FloatFunction> {
    let x: TensorView
    let y: TensorView

    func run(_ type: TensorType) {
        let count = x.count
        switch type {
        case .float64:
            let (from, to) = (x.elements(Double.self), y.elements(Double.self))
            for index in 0..<count { to[index] = Function.apply(from[index]) }
        case .float16:
            let (from, to) = (x.elements(Float16.self), y.elements(Float16.self))
            for index in 0..<count { to[index] = Float16(Function.apply(Float(from[index]))) }
        case .bfloat16:
            let (from, to) = (x.elements(BFloat16.self), y.elements(BFloat16.self))
            for index in 0..<count { to[index] = BFloat16(Function.apply(from[index].float)) }
        default:
            let (from, to) = (x.floats, y.floats)
            for index in 0..<count { to[index] = Function.apply(from[index]) }
        }
    }
}
