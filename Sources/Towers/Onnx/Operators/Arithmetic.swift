import Files
import Vectors

extension OperatorTable {
    /// Operators that give for each pair of elements one of the same type, with broadcasting.
    static let arithmetic: [Operator] = [
        pairwise("Add", Addition.self), pairwise("Sub", Subtraction.self), pairwise("Mul", Multiplication.self),
        pairwise("Div", Division.self), modulo, power,
        anyNumber("Sum", Addition.self), anyNumber("Max", Greater.self), anyNumber("Min", Lesser.self),
    ]

    static func pairwise<Operation: PairOperation>(_ name: String, _: Operation.Type) -> Operator {
        Operator(name, versions: 7...Operator.newest, inputs: 2...2) { node throws(BelfryError) in
            try pairKernel(Operation.self, try node.commonType(in: TensorType.numbers))
        }
    }

    private static func pairKernel<Operation: PairOperation>(
        _: Operation.Type, _ type: TensorType
    ) throws(BelfryError) -> Kernel {
        Kernel(type) { call throws(BelfryError) in
            let (a, b) = (call.input(0), call.input(1))
            let y = try call.output(0, try call.broadcast(a.shape, b.shape))
            try type.withNumber(PairBody<Operation>(a: a, b: b, y: y, threads: call.threads))
        }
    }

    private static let modulo = Operator("Mod", versions: 10...Operator.newest, inputs: 2...2) {
        node throws(BelfryError) in
        let type = try node.commonType(in: TensorType.numbers)
        return try node.flag("fmod") ? pairKernel(Remainder.self, type) : pairKernel(Modulo.self, type)
    }

    private static func anyNumber<Operation: PairOperation>(_ name: String, _: Operation.Type) -> Operator {
        Operator(name, versions: 8...Operator.newest, inputs: 1...Operator.any) { node throws(BelfryError) in
            let type = try node.commonType(in: TensorType.numbers)
            return Kernel(type) { call throws(BelfryError) in
                var shape = call.input(0).shape
                for index in 1..<max(call.inputCount, 1) {
                    shape = try call.broadcast(shape, call.input(index).shape)
                }
                let y = try call.output(0, shape)
                try StridedCopy.expand(call.input(0), to: y)
                for index in 1..<max(call.inputCount, 1) {
                    try type.withNumber(PairBody<Operation>(a: y, b: call.input(index), y: y, threads: call.threads))
                }
            }
        }
    }

    /// The exponent may be of another type than the base, which gives the result its type.
    private static let power = Operator("Pow", versions: 7...Operator.newest, inputs: 2...2) {
        node throws(BelfryError) in
        let type = try node.type(0, in: TensorType.numbers)
        let exponents = try node.type(1, in: TensorType.numbers)
        let areIntegers = !type.isFloat && !exponents.isFloat
        return Kernel(type) { call throws(BelfryError) in
            let (a, b) = (call.input(0), call.input(1))
            let y = try call.output(0, try call.broadcast(a.shape, b.shape))
            if b.count == 1, exponents == .float32, type == .float32, b.floats[0] == 2 {
                // What layer norms are written with.
                let (from, to) = (a.floats, y.floats)
                for index in 0..<a.count { to[index] = from[index] * from[index] }
            } else if type == exponents {
                try type.withNumber(PairBody<Power>(a: a, b: b, y: y, threads: call.threads))
            } else {
                // Both as the wider kind of number: cast in, compute, cast out.
                let wide: TensorType = areIntegers ? .int64 : .float64
                let memory = try call.scratch(bytes: 8 * (a.count + b.count + y.count) + 128)
                let wideA = TensorView(type: wide, shape: a.shape, start: memory)
                let wideB = TensorView(type: wide, shape: b.shape, start: memory + 8 * a.count)
                let wideY = TensorView(type: wide, shape: y.shape, start: memory + 8 * (a.count + b.count))
                try CastBody.cast(a, to: wideA)
                try CastBody.cast(b, to: wideB)
                try wide.withNumber(PairBody<Power>(a: wideA, b: wideB, y: wideY, threads: 1))
                try CastBody.cast(wideY, to: y)
            }
        }
    }
}

/// What is done with two elements.
protocol PairOperation: SendableMetatype {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Element
}

enum Addition: PairOperation {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Element { .adding(a, b) }
}
enum Subtraction: PairOperation {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Element { .subtracting(a, b) }
}
enum Multiplication: PairOperation {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Element { .multiplying(a, b) }
}
enum Division: PairOperation {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Element { .dividing(a, b) }
}
enum Modulo: PairOperation {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Element { .modulo(a, b) }
}
enum Remainder: PairOperation {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Element { .remainder(a, b) }
}
enum Power: PairOperation {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Element { .power(a, b) }
}
enum Greater: PairOperation {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Element { .greater(a, b) }
}
enum Lesser: PairOperation {
    static func apply<Element: Number>(_ a: Element, _ b: Element) -> Element { .lesser(a, b) }
}

/// y = operation(a, b), broadcast to y's shape. y may be a, or b, if the shapes are the same.
struct PairBody<Operation: PairOperation>: NumberBody {
    let a: TensorView
    let b: TensorView
    let y: TensorView
    let threads: Int

    /// Elements from which a second thread is worth its start, about 10 µs.
    static var parallelFrom: Int { 1 << 16 }

    func run<Element: Number>(_: Element.Type) {
        let (a, b, y) = (
            self.a.elements(Element.self), self.b.elements(Element.self), self.y.elements(Element.self)
        )
        let layout = Broadcast(self.y.shape, self.a.shape, self.b.shape)
        let (stepA, stepB, count) = (layout.step(0), layout.step(1), layout.row)
        if layout.extents.rank == 1, threads > 1, count >= Self.parallelFrom {
            WorkPool(threads: threads).forEachRange(
                of: count, size: Self.parallelFrom / 4, sharing: (a: a, b: b, y: y)
            ) { range, _, shared in
                let start = range.lowerBound
                Self.row(
                    shared.a + start * stepA, stepA, shared.b + start * stepB, stepB, shared.y + start, range.count)
            }
            return
        }
        layout.forEachRow { starts, start in
            Self.row(a + starts[0], stepA, b + starts[1], stepB, y + start, count)
        }
    }

    @inline(__always)
    private static func row<Element: Number>(
        _ a: UnsafeMutablePointer<Element>, _ stepA: Int, _ b: UnsafeMutablePointer<Element>, _ stepB: Int,
        _ y: UnsafeMutablePointer<Element>, _ count: Int
    ) {
        if stepA == 1, stepB == 1 {
            for index in 0..<count { y[index] = Operation.apply(a[index], b[index]) }
        } else if stepA == 1 {
            let value = b[0]
            for index in 0..<count { y[index] = Operation.apply(a[index], value) }
        } else if stepB == 1 {
            let value = a[0]
            for index in 0..<count { y[index] = Operation.apply(value, b[index]) }
        } else {
            y.update(repeating: Operation.apply(a[0], b[0]), count: count)
        }
    }
}
