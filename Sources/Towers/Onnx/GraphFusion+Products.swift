/// Products with a bias and an activation.
extension GraphFusion {
    func linear(_ root: GraphNode) -> GraphNode? {
        guard let transposed = node(root.inputs[1], "Transpose"), permutation(transposed) == [1, 0],
            isFloat(transposed.inputs[0], rank: 2)
        else { return nil }
        return fused(root, "Linear", [root.inputs[0], transposed.inputs[0]])
    }

    func linearWithBias(_ root: GraphNode) -> GraphNode? {
        for (product, bias) in orders(root) {
            guard let linear = node(product, "Linear"), linear.inputs.count == 2, uses[product] == 1,
                isFloat(bias, rank: 1), graph.constants[bias]?.shape[0] == graph.constants[linear.inputs[1]]?.shape[0]
            else { continue }
            return fused(root, "Linear", linear.inputs + [bias])
        }
        return nil
    }

    /// x · weightᵀ + bias, or without the bias.
    func gemm(_ root: GraphNode) -> GraphNode? {
        func isOne(_ name: String) -> Bool {
            switch root.attributes[name] {
            case nil, .float(1)?: true
            default: false
            }
        }
        guard hasOnly(root, ["alpha", "beta", "transA", "transB"]), isOne("alpha"), isOne("beta"),
            isFlag(root, "transA", false),
            isFlag(root, "transB", true), isFloat(root.inputs[1], rank: 2),
            let outputs = graph.constants[root.inputs[1]]?.shape[0],
            root.inputs.dropFirst(2).allSatisfy({ isFloat($0, count: outputs) })
        else { return nil }
        return fused(root, "Linear", root.inputs)
    }

    /// (x · weightᵀ + bias - mean) · scale / √(variance + ε) + offset, which is a product with another weight and bias.
    mutating func normalizedGemm(_ root: GraphNode) -> GraphNode? {
        guard hasOnly(root, ["epsilon", "momentum", "training_mode", "spatial"]), root.inputs.count == 5,
            root.outputs.count == 1, isFlag(root, "training_mode", false),
            isFlag(root, "spatial", true, fallback: true), let product = node(root.inputs[0], "Gemm"),
            uses[root.inputs[0]] == 1,
            let linear = gemm(product), let weight = graph.constants[linear.inputs[1]],
            root.inputs.dropFirst().allSatisfy({ isFloat($0, count: weight.shape[0]) })
        else { return nil }
        func floats(_ name: String) -> [Float] { graph.constants[name]!.values() }
        let (scale, offset) = (floats(root.inputs[1]), floats(root.inputs[2]))
        let (mean, variance) = (floats(root.inputs[3]), floats(root.inputs[4]))
        var rows = floats(linear.inputs[1])
        var bias = linear.inputs.count > 2 ? floats(linear.inputs[2]) : mean.map { _ in 0 }
        let inputs = weight.shape[1]
        var epsilon: Float = 1e-5
        if case .float(let value)? = root.attributes["epsilon"] { epsilon = value }
        for output in bias.indices {
            let factor = scale[output] / (variance[output] + epsilon).squareRoot()
            for index in output * inputs..<(output + 1) * inputs { rows[index] *= factor }
            bias[output] = (bias[output] - mean[output]) * factor + offset[output]
        }
        let names = ["weight", "bias"].map { "\(root.outputs[0])/\(Operator.fused)/\($0)" }
        graph.constants[names[0]] = Tensor(rows, shape: weight.shape)
        graph.constants[names[1]] = Tensor(bias, shape: [bias.count])
        return fused(root, "Linear", [product.inputs[0]] + names)
    }

    func linearWithActivation(_ root: GraphNode) -> GraphNode? {
        guard let linear = node(root.inputs[0], "Linear"), uses[root.inputs[0]] == 1,
            linear.attributes["activation"] == nil
        else { return nil }
        let name =
            switch root.operatorName {
            case "Relu": "relu"
            case "Tanh": "tanh"
            default: if case .string("tanh")? = root.attributes["approximate"] { "gelu_tanh" } else { "gelu" }
            }
        return fused(root, "Linear", linear.inputs, ["activation": .string(name)])
    }

    /// A product of x, ½ and 1 + erf(x/√2) or 1 + tanh(…), multiplied in any order.
    func gelu(_ root: GraphNode) -> GraphNode? {
        guard root.domain == Operator.standard else { return nil }
        for (first, second) in orders(root) {
            guard let inner = node(first, "Mul"), inner.inputs.count == 2 else { continue }
            let factors = [second] + inner.inputs
            for half in 0..<3 where isScalar(factors[half], 0.5) {
                for gate in 0..<3 where gate != half {
                    let x = factors[3 - half - gate]
                    guard let sum = node(factors[gate], "Add") else { continue }
                    for (curve, one) in orders(sum) where isScalar(one, 1) {
                        if let erf = node(curve, "Erf"), isQuotient(erf.inputs[0], of: x, by: Float(2).squareRoot()) {
                            return fused(root, "Gelu", [x])
                        }
                        if let tanh = node(curve, "Tanh"), isCubic(tanh.inputs[0], of: x) {
                            return fused(root, "Gelu", [x], ["approximate": .string("tanh")])
                        }
                    }
                }
            }
        }
        return nil
    }

    private func isQuotient(_ name: String, of x: String, by divisor: Float) -> Bool {
        if let quotient = node(name, "Div") { return quotient.inputs[0] == x && isScalar(quotient.inputs[1], divisor) }
        guard let product = node(name, "Mul") else { return false }
        return orders(product).contains { $0 == x && isScalar($1, 1 / divisor) }
    }

    /// Whether the value is √(2/π) · (x + 0.044715 · x³).
    private func isCubic(_ name: String, of x: String) -> Bool {
        guard let product = node(name, "Mul") else { return false }
        return orders(product).contains { sum, factor in
            guard isScalar(factor, (2 / Float.pi).squareRoot()), let sum = node(sum, "Add") else { return false }
            return orders(sum).contains { left, right in
                guard left == x, let scaled = node(right, "Mul") else { return false }
                return orders(scaled).contains { cube, factor in
                    isScalar(factor, 0.044715) && isCube(cube, of: x)
                }
            }
        }
    }

    private func isCube(_ name: String, of x: String) -> Bool {
        if let power = node(name, "Pow") { return power.inputs[0] == x && isScalar(power.inputs[1], 3) }
        guard let product = node(name, "Mul") else { return false }
        return orders(product).contains { square, other in
            other == x && node(square, "Mul")?.inputs == [x, x]
        }
    }
}
