import Files

extension OperatorTable {
    /// Operators that take elements along some axes together.
    static let reductions: [Operator] = [
        reduction("ReduceSum", SumReduction.self, inputFrom: 13), reduction("ReduceMean", MeanReduction.self),
        reduction("ReduceL1", AbsoluteReduction.self), reduction("ReduceL2", LengthReduction.self),
        reduction("ReduceSumSquare", SquareReduction.self), reduction("ReduceProd", ProductReduction.self),
        reduction("ReduceMax", MaxReduction.self), reduction("ReduceMin", MinReduction.self),
        argument("ArgMax", isMax: true), argument("ArgMin", isMax: false),
    ]

    /// Axes are an attribute up to version `inputFrom` - 1, an input from then on.
    private static func reduction<Operation: Reduction>(
        _ name: String, _: Operation.Type, inputFrom: Int = 18
    ) -> Operator {
        Operator(name, inputs: 1...2) { node throws(BelfryError) in
            let keeps = try node.flag("keepdims", default: true)
            let isNothing = node.version >= inputFrom ? try node.flag("noop_with_empty_axes") : false
            let fixed = try node.version < inputFrom ? node.ints("axes") : nil
            if let fixed, fixed.count > Shape.maximumRank { throw node.invalid("it lists \(fixed.count) axes") }
            let fixedAxes = fixed.flatMap { Shape($0) }
            if node.has(1) { _ = try node.type(1, in: TensorType.indices) }
            guard node.version >= inputFrom || !node.has(1) else {
                throw node.invalid("its axes are an input, which they are from opset \(inputFrom) on")
            }
            // Among booleans the greatest is "any", the least "all".
            let ordered: Set<TensorType> = Operation.isOrder ? [.bool] : []
            let type = try node.type(0, in: TensorType.numbers.union(ordered))
            return Kernel(type) { call throws(BelfryError) in
                let x = call.input(0)
                let axes = try call.has(1) ? call.list(1) : fixedAxes ?? []
                var isReduced = Shape(rank: x.shape.rank, repeating: axes.isEmpty && !isNothing ? 1 : 0)
                for axis in try call.axes(axes, of: x.shape) { isReduced[axis] = 1 }
                var shape = Shape()
                for axis in x.shape.indices {
                    if isReduced[axis] == 0 { shape.append(x.shape[axis]) } else if keeps { shape.append(1) }
                }
                let y = try call.output(0, shape)
                let body = ReductionBody<Operation>(x: x, isReduced: isReduced, y: y)
                if type == .bool { try type.withBits(body) } else { try type.withNumber(body) }
            }
        }
    }

    private static func argument(_ name: String, isMax: Bool) -> Operator {
        Operator(name, inputs: 1...1) { node throws(BelfryError) in
            let axis = try node.int("axis", default: 0)
            let keeps = try node.flag("keepdims", default: true)
            let isLast = try node.flag("select_last_index")
            let type = try node.type(0, in: TensorType.numbers)
            return Kernel(.int64) { call throws(BelfryError) in
                let x = call.input(0)
                let axis = try call.axis(axis, of: x.shape)
                guard x.shape[axis] > 0 else { throw call.fail("dimension \(axis) of \(x.shape) is empty") }
                var shape = Shape()
                for other in x.shape.indices {
                    if other != axis { shape.append(x.shape[other]) } else if keeps { shape.append(1) }
                }
                let y = try call.output(0, shape)
                try type.withNumber(ArgumentBody(x: x, axis: axis, y: y, isMax: isMax, isLast: isLast))
            }
        }
    }

    private struct ArgumentBody: NumberBody {
        let x: TensorView
        let axis: Int
        let y: TensorView
        let isMax: Bool
        let isLast: Bool

        func run<Element: Number>(_: Element.Type) {
            let (x, y) = (self.x.elements(Element.self), self.y.elements(Int64.self))
            let lines = AxisLines(self.x.shape, axis: axis)
            let (extent, inner) = (lines.extent, lines.inner)
            for place in 0..<self.y.count {
                let row = x + lines.start(place)
                var best = 0
                for index in 1..<max(extent, 1) {
                    let (value, held) = (row[index * inner], row[best * inner])
                    let isBetter = isMax ? value > held : value < held
                    if isBetter || isLast && value == held { best = index }
                }
                y[place] = Int64(best)
            }
        }
    }
}

/// How elements are taken together: `start`, then `combine` with each `map`ped element, then `finish`.
protocol Reduction: SendableMetatype {
    static func start<Element: Number>() -> Element
    static func map<Element: Number>(_ x: Element) -> Element
    static func combine<Element: Number>(_ a: Element, _ b: Element) -> Element
    static func finish<Element: Number>(_ x: Element, count: Int) -> Element
    /// Whether only the order of elements matters.
    static var isOrder: Bool { get }
}

extension Reduction {
    static func start<Element: Number>() -> Element { .zero }
    static func map<Element: Number>(_ x: Element) -> Element { x }
    static func combine<Element: Number>(_ a: Element, _ b: Element) -> Element { .adding(a, b) }
    static func finish<Element: Number>(_ x: Element, count: Int) -> Element { x }
    static var isOrder: Bool { false }
}

private enum SumReduction: Reduction {}
private enum MeanReduction: Reduction {
    static func finish<Element: Number>(_ x: Element, count: Int) -> Element {
        .dividing(x, Element(number: Double(count)))
    }
}
private enum AbsoluteReduction: Reduction {
    static func map<Element: Number>(_ x: Element) -> Element { x < .zero ? .negative(x) : x }
}
private enum SquareReduction: Reduction {
    static func map<Element: Number>(_ x: Element) -> Element { .multiplying(x, x) }
}
private enum LengthReduction: Reduction {
    static func map<Element: Number>(_ x: Element) -> Element { .multiplying(x, x) }
    static func finish<Element: Number>(_ x: Element, count: Int) -> Element {
        Element(number: x.number.squareRoot())
    }
}
private enum ProductReduction: Reduction {
    static func start<Element: Number>() -> Element { .one }
    static func combine<Element: Number>(_ a: Element, _ b: Element) -> Element { .multiplying(a, b) }
}
private enum MaxReduction: Reduction {
    static func start<Element: Number>() -> Element { .lowest }
    static func combine<Element: Number>(_ a: Element, _ b: Element) -> Element { .greater(a, b) }
    static var isOrder: Bool { true }
}
private enum MinReduction: Reduction {
    static func start<Element: Number>() -> Element { .greatest }
    static func combine<Element: Number>(_ a: Element, _ b: Element) -> Element { .lesser(a, b) }
    static var isOrder: Bool { true }
}

/// y = x reduced along the marked axes.
///
/// Axes that are reduced, or kept, one after another are taken together. If the last group is reduced, each of its rows
/// becomes one number; if it is kept, rows are added up as rows. Either way the memory is read in order.
private struct ReductionBody<Operation: Reduction>: NumberBody {
    let x: TensorView
    let isReduced: Shape
    let y: TensorView

    func run<Element: Number>(_: Element.Type) {
        let (x, y) = (self.x.bits(Element.self), self.y.bits(Element.self))
        var start: Element = Operation.start()
        // No bytes but 0 and 1 are booleans.
        if self.x.type == .bool, Element.one < start { start = .one }
        y.update(repeating: start, count: self.y.count)
        var groups = Shape()
        var reduced = Shape()
        for axis in self.x.shape.indices where self.x.shape[axis] != 1 {
            if let last = groups.indices.last, reduced[last] == isReduced[axis] {
                groups[last] *= self.x.shape[axis]
            } else {
                groups.append(self.x.shape[axis])
                reduced.append(isReduced[axis])
            }
        }
        if groups.rank == 0 {
            groups.append(1)
            reduced.append(0)
        }
        let outer = groups.rank - 1
        let (row, isRowReduced) = (groups[outer], reduced[outer] != 0)
        // Elements of y from one index to the next in each group.
        var steps = Shape(rank: groups.rank, repeating: 0)
        var step = 1
        for group in groups.indices.reversed() where reduced[group] == 0 {
            steps[group] = step
            step *= groups[group]
        }
        var index = Shape(rank: outer, repeating: 0)
        var place = 0
        for number in 0..<(row == 0 ? 0 : groups.elements(in: 0..<outer)) {
            let from = x + number * row
            if isRowReduced {
                y[place] = Operation.combine(y[place], reduce(from, row))
            } else {
                let to = y + place
                for column in 0..<row { to[column] = Operation.combine(to[column], Operation.map(from[column])) }
            }
            var group = outer - 1
            while group >= 0 {
                index[group] += 1
                place += steps[group]
                if index[group] < groups[group] { break }
                place -= steps[group] * groups[group]
                index[group] = 0
                group -= 1
            }
        }
        let count = self.y.count == 0 ? 0 : self.x.count / self.y.count
        for index in 0..<self.y.count { y[index] = Operation.finish(y[index], count: count) }
    }

    /// Eight partial results at a time: faster, and rounding errors grow with the eighth part of the row.
    private func reduce<Element: Number>(_ from: UnsafeMutablePointer<Element>, _ count: Int) -> Element {
        var parts = InlineArray<8, Element>(repeating: Operation.start())
        for start in stride(from: 0, through: count - 8, by: 8) {
            for lane in 0..<8 { parts[lane] = Operation.combine(parts[lane], Operation.map(from[start + lane])) }
        }
        for index in count / 8 * 8..<count { parts[0] = Operation.combine(parts[0], Operation.map(from[index])) }
        for width in [4, 2, 1] {
            for lane in 0..<width { parts[lane] = Operation.combine(parts[lane], parts[lane + width]) }
        }
        return parts[0]
    }
}
