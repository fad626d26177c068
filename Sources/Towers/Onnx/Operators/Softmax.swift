import CKernels
import Files
import Foundation

extension OperatorTable {
    /// Operators that go along one dimension and keep it.
    static let running: [Operator] = [
        softmax("Softmax", isLogarithm: false), softmax("LogSoftmax", isLogarithm: true), cumulativeSum,
    ]

    /// Up to version 12 over all dimensions from `axis` on together, from 13 on over `axis` alone.
    private static func softmax(_ name: String, isLogarithm: Bool) -> Operator {
        Operator(name, inputs: 1...1) { node throws(BelfryError) in try softmax(node, isLogarithm: isLogarithm) }
    }

    private static func softmax(_ node: NodeContext, isLogarithm: Bool) throws(BelfryError) -> Kernel {
        let isFlat = node.version < 13
        let axis = try node.int("axis", default: isFlat ? 1 : -1)
        let type = try node.type(0, in: TensorType.floats)
        return Kernel(type) { call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            // A scalar is a row of one.
            let axis = x.shape.rank == 0 ? 0 : isFlat && axis == x.shape.rank ? axis : try call.axis(axis, of: x.shape)
            let end = isFlat ? x.shape.rank : min(axis + 1, x.shape.rank)
            let extent = x.shape.elements(in: axis..<end)
            let inner = x.shape.elements(in: end..<x.shape.rank)
            guard y.count > 0 else { return }
            if type == .float32, inner == 1, !isLogarithm {
                y.start.copyMemory(from: x.start, byteCount: x.byteCount)
                for row in 0..<y.count / extent {
                    belfry_nn_softmax(call.products.isa, y.floats + row * extent, extent, 1)
                }
            } else {
                try type.withNumber(SoftmaxBody(x: x, y: y, extent: extent, inner: inner, isLogarithm: isLogarithm))
            }
        }
    }

    private struct SoftmaxBody: NumberBody {
        let x: TensorView
        let y: TensorView
        let extent: Int
        let inner: Int
        let isLogarithm: Bool

        func run<Element: Number>(_: Element.Type) {
            let (x, y) = (self.x.elements(Element.self), self.y.elements(Element.self))
            let lines = AxisLines(extent: extent, inner: inner)
            for place in 0..<self.x.count / extent {
                let start = lines.start(place)
                var maximum = -Double.infinity
                for index in 0..<extent { maximum = max(maximum, x[start + index * inner].number) }
                // Where nothing may be seen, nothing is.
                guard maximum > -.infinity || (0..<extent).contains(where: { x[start + $0 * inner].isNotANumber })
                else {
                    for index in 0..<extent { y[start + index * inner] = isLogarithm ? .lowest : .zero }
                    continue
                }
                var sum = 0.0
                for index in 0..<extent { sum += exp(x[start + index * inner].number - maximum) }
                for index in 0..<extent {
                    let score = x[start + index * inner].number - maximum
                    y[start + index * inner] = Element(number: isLogarithm ? score - log(sum) : exp(score) / sum)
                }
            }
        }
    }

    private static let cumulativeSum = Operator(
        "CumSum", versions: 11...Operator.newest, inputs: 2...2
    ) { node throws(BelfryError) in
        let (isExclusive, isReverse) = (try node.flag("exclusive"), try node.flag("reverse"))
        let type = try node.type(0, in: TensorType.numbers)
        _ = try node.type(1, in: TensorType.indices)
        return Kernel(type) { call throws(BelfryError) in
            let x = call.input(0)
            guard call.input(1).count == 1 else { throw call.fail("its axis is not one number") }
            let axis = try call.axis(call.input(1).integer(0), of: x.shape)
            let y = try call.output(0, x.shape)
            try type.withNumber(
                CumulativeBody(x: x, y: y, axis: axis, isExclusive: isExclusive, isReverse: isReverse))
        }
    }

    private struct CumulativeBody: NumberBody {
        let x: TensorView
        let y: TensorView
        let axis: Int
        let isExclusive: Bool
        let isReverse: Bool

        func run<Element: Number>(_: Element.Type) {
            let (x, y) = (self.x.elements(Element.self), self.y.elements(Element.self))
            guard self.x.count > 0 else { return }
            let lines = AxisLines(self.x.shape, axis: axis)
            let (extent, inner) = (lines.extent, lines.inner)
            for line in 0..<self.x.count / extent {
                let start = lines.start(line)
                var sum = Element.zero
                for step in 0..<extent {
                    let index = start + (isReverse ? extent - 1 - step : step) * inner
                    let before = sum
                    sum = .adding(sum, x[index])
                    y[index] = isExclusive ? before : sum
                }
            }
        }
    }
}
