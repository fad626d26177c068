import Files

extension OperatorTable {
    /// Operators that make elements of shapes and numbers, or tell shapes.
    static let making: [Operator] = [shape, size, constantOfShape, range, triangle]

    private static let shape = Operator("Shape", inputs: 1...1) { node throws(BelfryError) in
        let (start, end) = (try node.int("start", default: 0), try node.int("end"))
        return Kernel(.int64) { call throws(BelfryError) in
            let shape = call.input(0).shape
            func place(_ axis: Int) -> Int { min(max(axis < 0 ? axis + shape.rank : axis, 0), shape.rank) }
            let (first, last) = (place(start), place(end ?? shape.rank))
            let y = try call.output(0, [max(last - first, 0)])
            for axis in first..<max(last, first) { y.elements(Int64.self)[axis - first] = Int64(shape[axis]) }
        }
    }

    private static let size = Operator("Size", inputs: 1...1) { _ in
        Kernel(.int64) { call throws(BelfryError) in
            try call.output(0, []).elements(Int64.self)[0] = Int64(call.input(0).count)
        }
    }

    private static let constantOfShape = Operator(
        "ConstantOfShape", versions: 9...Operator.newest, inputs: 1...1
    ) { node throws(BelfryError) in
        let value = try node.tensor("value") ?? Tensor([Float(0)], shape: [1])
        guard value.count == 1, value.type != .string else { throw node.invalid("its value is not one number") }
        _ = try node.type(0, in: [.int64])
        return Kernel(value.type) { call throws(BelfryError) in
            let y = try call.output(0, try call.list(0))
            let strides = Shape(rank: y.shape.rank, repeating: 0)
            try StridedCopy.copy(value.view, strides: strides, to: y)
        }
    }

    private static let range = Operator("Range", versions: 11...Operator.newest, inputs: 3...3) {
        node throws(BelfryError) in
        node.ignore("stash_type")
        let type = try node.commonType(in: TensorType.numbers)
        return Kernel(type) { call throws(BelfryError) in try type.withNumber(RangeBody(call: call)) }
    }

    private struct RangeBody: NumberBody {
        let call: Call

        func run<Element: Number>(_: Element.Type) throws(BelfryError) {
            for index in 0..<3 where call.input(index).count != 1 { throw call.fail("a bound is not one number") }
            let start = call.input(0).elements(Element.self)[0]
            let (limit, delta) = (call.input(1).elements(Element.self)[0], call.input(2).elements(Element.self)[0])
            let count = ((limit.number - start.number) / delta.number).rounded(.up)
            guard count.isFinite, count < 1e15 else {
                throw call.fail("it steps by \(delta) from \(start) to \(limit)")
            }
            let y = try call.output(0, [Int(max(count, 0))]).elements(Element.self)
            for index in 0..<Int(max(count, 0)) {
                // Exact for integers of any size, and one rounding for floats.
                y[index] =
                    Element.tensorType.isFloat
                    ? Element(number: start.number + Double(index) * delta.number)
                    : .adding(start, .multiplying(Element(number: Double(index)), delta))
            }
        }
    }

    private static let triangle = Operator("Trilu", versions: 14...Operator.newest, inputs: 1...2) {
        node throws(BelfryError) in
        let isUpper = try node.flag("upper", default: true)
        if node.has(1) { _ = try node.type(1, in: [.int64]) }
        return Kernel(try node.type(0)) { call throws(BelfryError) in
            let x = call.input(0)
            guard x.shape.rank >= 2 else { throw call.fail("its input of shape \(x.shape) is not a matrix") }
            let y = try call.output(0, x.shape)
            if let k = call.optional(1), k.count != 1 { throw call.fail("its diagonal is not one number") }
            let (rows, columns) = (x.shape[x.shape.rank - 2], x.shape[x.shape.rank - 1])
            let diagonal = min(max(call.optional(1)?.integer(0) ?? 0, -rows), columns)
            let size = x.type.size
            y.start.copyMemory(from: x.start, byteCount: x.byteCount)
            guard rows > 0, columns > 0 else { return }
            for row in 0..<x.count / columns {
                // The first column on or right of the diagonal, and the first one right of it.
                let on = min(max(row % rows + diagonal, 0), columns)
                let after = min(max(row % rows + diagonal + 1, 0), columns)
                let cleared = isUpper ? 0..<on : after..<columns
                (y.start + (row * columns + cleared.lowerBound) * size)
                    .initializeMemory(as: UInt8.self, repeating: 0, count: cleared.count * size)
            }
        }
    }
}
