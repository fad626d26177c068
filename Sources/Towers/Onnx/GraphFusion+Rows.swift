/// Norms of rows, and attention.
extension GraphFusion {
    private func isMean(_ name: String, of x: String) -> Bool {
        guard let mean = node(name, "ReduceMean") else { return false }
        return mean.inputs[0] == x && axes(mean) == [-1] && keepsDimensions(mean)
    }

    func layerNorm(_ root: GraphNode) -> GraphNode? {
        for (product, bias) in orders(root) where isFloat(bias, rank: 1) {
            guard let product = node(product, "Mul") else { continue }
            for (quotient, weight) in orders(product) where isFloat(weight, rank: 1) {
                guard let quotient = node(quotient, "Div"), let centered = node(quotient.inputs[0], "Sub"),
                    isMean(centered.inputs[1], of: centered.inputs[0]),
                    let deviation = node(quotient.inputs[1], "Sqrt"),
                    let sum = node(deviation.inputs[0], "Add")
                else { continue }
                // One number for all columns is no weight of a layer.
                guard let columns = graph.constants[weight]?.count, columns > 1, graph.constants[bias]?.count == columns
                else { continue }
                for (variance, epsilon) in orders(sum) {
                    guard let epsilon = scalar(epsilon), let mean = node(variance, "ReduceMean"),
                        isMean(variance, of: mean.inputs[0]), isSquare(mean.inputs[0], of: quotient.inputs[0])
                    else { continue }
                    return fused(
                        root, "LayerNorm", [centered.inputs[0], weight, bias], ["epsilon": .float(epsilon)])
                }
            }
        }
        return nil
    }

    private func isSquare(_ name: String, of x: String) -> Bool {
        if let power = node(name, "Pow") { return power.inputs[0] == x && isScalar(power.inputs[1], 2) }
        return node(name, "Mul")?.inputs == [x, x]
    }

    func l2Normalize(_ root: GraphNode) -> GraphNode? {
        let x = root.inputs[0]
        var divisor = root.inputs[1]
        if let expand = node(divisor, "Expand"), let shape = node(expand.inputs[1], "Shape"), shape.inputs[0] == x,
            shape.attributes.isEmpty
        {
            divisor = expand.inputs[0]
        }
        var epsilon: Float = 0
        if let clip = node(divisor, "Clip"), clip.inputs.count >= 2, clip.inputs.count == 2 || clip.inputs[2].isEmpty,
            let minimum = scalar(clip.inputs[1])
        {
            (epsilon, divisor) = (minimum, clip.inputs[0])
        } else if let maximum = node(divisor, "Max"), maximum.inputs.count == 2, let minimum = scalar(maximum.inputs[1])
        {
            (epsilon, divisor) = (minimum, maximum.inputs[0])
        } else {
            return nil
        }
        guard let length = node(divisor, "ReduceL2"), length.inputs[0] == x, keepsDimensions(length), epsilon > 0,
            let axes = axes(length), axes.count == 1
        else { return nil }
        return fused(root, "L2Normalize", [x], ["axis": .int(axes[0]), "epsilon": .float(epsilon)])
    }

    /// q, k and v are [texts, tokens, heads, size]; so is the result.
    func attention(_ root: GraphNode) -> GraphNode? {
        guard permutation(root) == [0, 2, 1, 3], let mixed = node(root.inputs[0], "MatMul"), uses[root.inputs[0]] == 1,
            let values = node(mixed.inputs[1], "Transpose"), permutation(values) == [0, 2, 1, 3],
            let softmax = node(mixed.inputs[0], "Softmax"), uses[mixed.inputs[0]] == 1, isOverLast(softmax)
        else { return nil }
        var scores = softmax.inputs[0]
        var scale: Float = 1
        var mask: [String] = []
        var product = node(scores, "MatMul")
        if product == nil, let sum = node(scores, "Add") {
            for (left, right) in orders(sum) where mask.isEmpty {
                let unscaled = scaled(left)
                guard node(unscaled.name, "MatMul") != nil else { continue }
                (mask, scores) = ([right], left)
            }
            if mask.isEmpty { return nil }
        }
        let unscaled = scaled(scores)
        scale *= unscaled.factor
        product = node(unscaled.name, "MatMul")
        guard let product else { return nil }
        let (left, right) = (scaled(product.inputs[0]), scaled(product.inputs[1]))
        scale *= left.factor * right.factor
        guard let queries = node(left.name, "Transpose"), permutation(queries) == [0, 2, 1, 3],
            let keys = node(right.name, "Transpose")
        else { return nil }
        var key = keys.inputs[0]
        if permutation(keys) == [0, 1, 3, 2], let inner = node(key, "Transpose"), permutation(inner) == [0, 2, 1, 3] {
            key = inner.inputs[0]
        } else if permutation(keys) != [0, 2, 3, 1] {
            return nil
        }
        return fused(
            root, "Attention", [queries.inputs[0], key, values.inputs[0]] + mask, ["scale": .float(scale)])
    }

    /// Without multiplications by constants, and what they come to.
    private func scaled(_ name: String) -> (name: String, factor: Float) {
        if let quotient = node(name, "Div"), let divisor = scalar(quotient.inputs[1]) {
            return (quotient.inputs[0], 1 / divisor)
        }
        if let product = node(name, "Mul") {
            for (value, factor) in orders(product) {
                if let factor = scalar(factor) { return (value, factor) }
            }
        }
        return (name, 1)
    }

    private func isOverLast(_ softmax: GraphNode) -> Bool {
        switch softmax.attributes["axis"] {
        case .int(-1)?, .int(3)?: true
        default: false
        }
    }
}
