import Files

extension GraphFusion {
    /// The sum or mean of a table's rows over the last dimension of their numbers, each row times a weight or not.
    ///
    /// A masked mean is this sum, and a quotient that is left as it is.
    func embeddingBag(_ root: GraphNode) -> GraphNode? {
        guard root.domain == Operator.standard, root.outputs.count == 1,
            hasOnly(root, ["axes", "keepdims", "noop_with_empty_axes"]), let axes = axes(root), axes.count == 1
        else { return nil }
        var inputs = rows(root.inputs[0])
        if inputs == nil, uses[root.inputs[0]] == 1, let product = node(root.inputs[0], "Mul") {
            for (left, weights) in orders(product) where inputs == nil && mayBeWeights(weights) {
                inputs = rows(left).map { $0 + [weights] }
            }
        }
        guard let inputs, isOverLast(axes[0], inputs[1]) else { return nil }
        return fused(
            root, "EmbeddingBag", inputs,
            [
                "axis": .int(axes[0]), "keepdims": .int(keepsDimensions(root) ? 1 : 0),
                "mean": .int(root.operatorName == "ReduceMean" ? 1 : 0),
            ])
    }

    /// The table and the numbers of the rows that a value is, if nobody else reads it.
    private func rows(_ name: String) -> [String]? {
        guard uses[name] == 1 else { return nil }
        var (value, types): (String, Set<TensorType>) = (name, [.float32])
        if let cast = node(name, "Cast"), uses[cast.inputs[0]] == 1, case .int(let type)? = cast.attributes["to"],
            type == Int(TensorType.float32.rawValue)
        {
            (value, types) = (cast.inputs[0], [.float16, .bfloat16])
        }
        guard let gather = node(value, "Gather"), hasOnly(gather, ["axis"]), isFirst(gather.attributes["axis"]),
            let table = graph.constants[gather.inputs[0]], types.contains(table.type), table.shape.rank == 2
        else { return nil }
        return gather.inputs
    }

    /// Whether a value may be one number for each row: not what is known to have several columns.
    private func mayBeWeights(_ name: String) -> Bool {
        guard graph.constants[name] == nil else { return false }
        guard let gather = node(node(name, "Cast")?.inputs[0] ?? name, "Gather"),
            let table = graph.constants[gather.inputs[0]], table.shape.rank == 2
        else { return true }
        return table.shape[1] == 1
    }

    private func isFirst(_ axis: Attribute?) -> Bool {
        switch axis {
        case nil, .int(0)?: true
        default: false
        }
    }

    /// Whether `axis` of [numbers…, columns] is the last of the numbers. An axis that is counted from the front tells only
    /// if their rank is known.
    private func isOverLast(_ axis: Int, _ numbers: String) -> Bool {
        axis < 0 ? axis == -2 : axis + 1 == rank(numbers)
    }

    /// How many dimensions a value has, if an input or constant tells that is a few steps away at most.
    private func rank(_ name: String) -> Int? {
        var (name, change) = (name, 0)
        for _ in 0..<4 {
            if let port = graph.inputs.first(where: { $0.name == name }) {
                return port.dimensions.map { $0.count + change }
            }
            if let constant = graph.constants[name] { return constant.shape.rank + change }
            if let cast = node(name, "Cast") {
                name = cast.inputs[0]
            } else if let wider = node(name, "Unsqueeze"), let axes = axes(wider) {
                (name, change) = (wider.inputs[0], change + axes.count)
            } else if let narrower = node(name, "Squeeze"), let axes = axes(narrower) {
                (name, change) = (narrower.inputs[0], change - axes.count)
            } else {
                return nil
            }
        }
        return nil
    }
}
