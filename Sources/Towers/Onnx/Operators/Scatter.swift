import Files

extension OperatorTable {
    /// A copy of the data with single elements replaced, or added to: the index along `axis` comes from `indices`, the
    /// others are those of the update.
    static func scatterElements(_ name: String, _ versions: ClosedRange<Int>) -> Operator {
        Operator(name, versions: versions, inputs: 3...3) { node throws(BelfryError) in
            let axis = try node.int("axis", default: 0)
            let (reduction, type) = try ScatterReduction.read(node)
            return Kernel(type) { call throws(BelfryError) in
                let (x, indices, updates) = (call.input(0), call.input(1), call.input(2))
                let axis = try call.axis(axis, of: x.shape)
                guard indices.shape == updates.shape, indices.shape.rank == x.shape.rank,
                    x.shape.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= x.shape[$0] })
                else {
                    throw call.fail(
                        "its indices have the shape \(indices.shape), its updates \(updates.shape) for \(x.shape)")
                }
                let y = try call.output(0, x.shape)
                y.start.copyMemory(from: x.start, byteCount: x.byteCount)
                let scatter = ScatterBody(
                    call: call, indices: indices, updates: updates, axis: axis, reduction: reduction, y: y)
                if reduction == .replace { try type.withBits(scatter) } else { try type.withNumber(scatter) }
            }
        }
    }
}

/// What an update does to the element at its place.
enum ScatterReduction: String {
    case replace = "none"
    case add
    case multiply = "mul"
    case max, min

    /// The node's, for data, indices and updates as its first three inputs; and the type of the data.
    static func read(_ node: NodeContext) throws(BelfryError) -> (ScatterReduction, TensorType) {
        let name = try node.string("reduction") ?? "none"
        guard let reduction = ScatterReduction(rawValue: name) else {
            throw node.unsupported("the reduction “\(name)”")
        }
        _ = try node.type(1, in: TensorType.indices)
        let type = try node.type(0)
        guard try node.type(2) == type else { throw node.invalid("the updates are of another type") }
        guard reduction == .replace || TensorType.numbers.contains(type) else {
            throw node.unsupported("the reduction “\(name)” for \(type)")
        }
        return (reduction, type)
    }
}

private struct ScatterBody: NumberBody {
    let call: Call
    let indices: TensorView
    let updates: TensorView
    let axis: Int
    let reduction: ScatterReduction
    let y: TensorView

    func run<Element: Number>(_: Element.Type) throws(BelfryError) {
        let (from, to) = (updates.bits(Element.self), y.bits(Element.self))
        let strides = y.shape.strides
        var index = Shape(rank: y.shape.rank, repeating: 0)
        for number in 0..<indices.count {
            var target =
                try OperatorTable.place(indices.integer(number), y.shape[axis], call) * strides[axis]
            for other in index.indices where other != axis { target += index[other] * strides[other] }
            switch reduction {
            case .add: to[target] = .adding(to[target], from[number])
            case .multiply: to[target] = .multiplying(to[target], from[number])
            case .max: to[target] = .greater(to[target], from[number])
            case .min: to[target] = .lesser(to[target], from[number])
            case .replace: to[target] = from[number]
            }
            OperatorTable.advance(&index, in: indices.shape)
        }
    }
}
