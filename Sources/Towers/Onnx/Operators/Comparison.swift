import Files

extension OperatorTable {
    /// Operators that give booleans, or take them.
    static let comparison: [Operator] = [
        compare("Less", IsLess.self, from: 7), compare("LessOrEqual", IsLessOrEqual.self, from: 12),
        compare("Greater", IsGreater.self, from: 7), compare("GreaterOrEqual", IsGreaterOrEqual.self, from: 12),
        compare("Equal", IsEqual.self, from: 7),
        logic("And", And.self), logic("Or", Or.self), logic("Xor", Xor.self), not, isNaN, select,
    ]

    private static func compare<Operation: Comparison>(_ name: String, _: Operation.Type, from: Int) -> Operator {
        Operator(name, versions: from...Operator.newest, inputs: 2...2) { node throws(BelfryError) in
            // Booleans and texts have no order, but can be equal; both are so if their bits are.
            let extra: Set<TensorType> = Operation.self == IsEqual.self ? [.bool, .string] : []
            let type = try node.commonType(in: TensorType.numbers.union(extra))
            return Kernel(.bool) { call throws(BelfryError) in
                let (a, b) = (call.input(0), call.input(1))
                let y = try call.output(0, try call.broadcast(a.shape, b.shape))
                let body = ComparisonBody<Operation>(a: a, b: b, y: y)
                if extra.contains(type) { try type.withBits(body) } else { try type.withNumber(body) }
            }
        }
    }

    private static func logic<Operation: Comparison>(_ name: String, _: Operation.Type) -> Operator {
        Operator(name, versions: 7...Operator.newest, inputs: 2...2) { node throws(BelfryError) in
            _ = try node.commonType(in: [.bool])
            return Kernel(.bool) { call throws(BelfryError) in
                let (a, b) = (call.input(0), call.input(1))
                let y = try call.output(0, try call.broadcast(a.shape, b.shape))
                ComparisonBody<Operation>(a: a, b: b, y: y).run(UInt8.self)
            }
        }
    }

    private static let not = Operator("Not", inputs: 1...1) { node throws(BelfryError) in
        _ = try node.type(0, in: [.bool])
        return Kernel(.bool) { call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            let (from, to) = (x.elements(Bool.self), y.elements(Bool.self))
            for index in 0..<x.count { to[index] = !from[index] }
        }
    }

    private static let isNaN = Operator("IsNaN", versions: 9...Operator.newest, inputs: 1...1) {
        node throws(BelfryError) in
        let type = try node.type(0, in: TensorType.floats)
        return Kernel(.bool) { call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            try type.withNumber(IsNaNBody(x: x, y: y))
        }
    }

    private struct IsNaNBody: NumberBody {
        let x: TensorView
        let y: TensorView

        func run<Element: Number>(_: Element.Type) {
            let (from, to) = (x.elements(Element.self), y.elements(Bool.self))
            for index in 0..<x.count { to[index] = from[index].isNotANumber }
        }
    }

    private static let select = Operator("Where", versions: 9...Operator.newest, inputs: 3...3) {
        node throws(BelfryError) in
        _ = try node.type(0, in: [.bool])
        let type = try node.type(1)
        guard try node.type(2) == type else { throw node.invalid("the two choices have different types") }
        return Kernel(type) { call throws(BelfryError) in
            let (a, b) = (call.input(1), call.input(2))
            let shape = try call.broadcast(try call.broadcast(call.input(0).shape, a.shape), b.shape)
            let y = try call.output(0, shape)
            try type.withBits(SelectBody(condition: call.input(0), a: a, b: b, y: y))
        }
    }

    private struct SelectBody: NumberBody {
        let condition: TensorView
        let a: TensorView
        let b: TensorView
        let y: TensorView

        func run<Element: Number>(_: Element.Type) {
            let condition = self.condition.elements(Bool.self)
            let (a, b, y) = (self.a.bits(Element.self), self.b.bits(Element.self), self.y.bits(Element.self))
            let layout = Broadcast(self.y.shape, self.condition.shape, self.a.shape, self.b.shape)
            let (stepC, stepA, stepB, count) = (layout.step(0), layout.step(1), layout.step(2), layout.row)
            layout.forEachRow { starts, start in
                for index in 0..<count {
                    y[start + index] =
                        condition[starts[0] + index * stepC]
                        ? a[starts[1] + index * stepA] : b[starts[2] + index * stepB]
                }
            }
        }
    }
}

/// What is asked about two elements.
protocol Comparison: SendableMetatype {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Bool
}

private enum IsLess: Comparison {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Bool { a < b }
}
private enum IsLessOrEqual: Comparison {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Bool { a <= b }
}
private enum IsGreater: Comparison {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Bool { a > b }
}
private enum IsGreaterOrEqual: Comparison {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Bool { a >= b }
}
private enum IsEqual: Comparison {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Bool { a == b }
}
private enum And: Comparison {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Bool { a != .zero && b != .zero }
}
private enum Or: Comparison {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Bool { a != .zero || b != .zero }
}
private enum Xor: Comparison {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Bool { (a != .zero) != (b != .zero) }
}

/// y = operation(a, b), broadcast to y's shape.
private struct ComparisonBody<Operation: Comparison>: NumberBody {
    let a: TensorView
    let b: TensorView
    let y: TensorView

    func run<Element: Number>(_: Element.Type) {
        let (a, b, y) = (self.a.bits(Element.self), self.b.bits(Element.self), self.y.elements(Bool.self))
        let layout = Broadcast(self.y.shape, self.a.shape, self.b.shape)
        let (stepA, stepB, count) = (layout.step(0), layout.step(1), layout.row)
        layout.forEachRow { starts, start in
            let (a, b, y) = (a + starts[0], b + starts[1], y + start)
            for index in 0..<count { y[index] = Operation.apply(a[index * stepA], b[index * stepB]) }
        }
    }
}
