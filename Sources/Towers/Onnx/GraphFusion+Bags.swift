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
            for (left, weights) in orders(product) where inputs == nil && graph.constants[weights] == nil {
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

    private func isFirst(_ axis: Attribute?) -> Bool {
        switch axis {
        case nil, .int(0)?: true
        default: false
        }
    }

    /// Whether `axis` of [numbers…, columns] is the last of the numbers. An axis that is counted from the front tells only
    /// if their rank is known, and is taken for that of lists in a batch if it is not: the operator looks again.
    private func isOverLast(_ axis: Int, _ numbers: String) -> Bool {
        if axis < 0 { return axis == -2 }
        let port = graph.inputs.first { $0.name == numbers }
        guard let rank = port?.dimensions?.count ?? graph.constants[numbers]?.shape.rank else { return axis == 1 }
        return axis == rank - 1
    }
}
