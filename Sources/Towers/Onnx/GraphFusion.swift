import Files
import Foundation

/// Finds the patterns that exporters write an encoder's parts in, and puts one operator in the place of each.
///
/// | found | becomes |
/// |---|---|
/// | MatMul by a transposed weight, + bias, then GELU, ReLU or tanh | Linear: the weight stays where the file has it |
/// | Gemm of that form, then one of them | the same |
/// | Gemm of that form, then BatchNormalization | Linear, of a weight and bias that have its factors in them |
/// | x/2 · (1 + erf(x/√2)), and the form with tanh | Gelu |
/// | softmax(q · kᵀ · scale + mask) · v with its four transpositions | Attention |
/// | (x - mean) / √(variance + ε) · weight + bias | LayerNorm |
/// | x / max(‖x‖, ε) | L2Normalize |
/// | rows of a table, times weights or not, then their sum or mean | EmbeddingBag |
///
/// Each step replaces the last node of a pattern; nodes whose results nobody reads any more are dropped at the end. A
/// pattern that is not recognised costs time, never correctness.
struct GraphFusion {
    private(set) var graph: Graph
    /// The node that computes a value.
    private var producers: [String: Int] = [:]
    /// How often a value is read.
    var uses: [String: Int] = [:]
    /// The version of the standard's operators, for nodes that name none of their own.
    private let opset: Int?

    init(_ graph: Graph, opset: Int? = nil) {
        (self.graph, self.opset) = (graph, opset)
        index()
    }

    /// The graph with all patterns replaced. `fold` computes small constants, which patterns are recognised by.
    static func fused(_ graph: Graph, opset: Int?, fold: (Graph) -> Graph) -> Graph {
        var fusion = GraphFusion(graph, opset: opset)
        fusion.replace("MatMul") { $0.linear($1) }
        fusion = GraphFusion(fold(fusion.graph), opset: opset)
        fusion.replace("Add") { $0.linearWithBias($1) }
        fusion.replace("BatchNormalization") { $0.normalizedGemm($1) }
        fusion.replace("Gemm") { $0.gemm($1) }
        fusion.replace("Mul") { $0.gelu($1) }
        for name in ["Gelu", "Relu", "Tanh"] { fusion.replace(name) { $0.linearWithActivation($1) } }
        fusion.replace("Add") { $0.layerNorm($1) }
        fusion.replace("Div") { $0.l2Normalize($1) }
        for name in ["ReduceSum", "ReduceMean"] { fusion.replace(name) { $0.embeddingBag($1) } }
        fusion.replace("Transpose") { $0.attention($1) }
        fusion.dropUnread()
        return fusion.graph
    }

    /// Tries `match` on each node of an operator; the node that it gives takes the old one's place and outputs.
    private mutating func replace(_ name: String, _ match: (inout GraphFusion, GraphNode) -> GraphNode?) {
        for index in graph.nodes.indices where matches(graph.nodes[index], name) {
            guard let found = match(&self, graph.nodes[index]) else { continue }
            // It computes the same value: only what is read has changed.
            for name in Self.reads(graph.nodes[index]) { uses[name]! -= 1 }
            for name in Self.reads(found) { uses[name, default: 0] += 1 }
            graph.nodes[index] = found
        }
    }

    private mutating func index() {
        (producers, uses) = ([:], [:])
        for (index, node) in graph.nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { producers[output] = index }
        }
        for name in Self.reads(graph) { uses[name, default: 0] += 1 }
    }

    private static func reads(_ graph: Graph) -> [String] {
        var names = graph.outputs.map(\.name)
        for node in graph.nodes { names += reads(node) }
        return names
    }

    private static func reads(_ node: GraphNode) -> [String] {
        var names = node.inputs
        for case .graph(let inner) in node.attributes.values { names += reads(inner) }
        return names
    }

    /// The graph without nodes whose results nobody reads, and nothing else changed.
    static func pruned(_ graph: Graph) -> Graph {
        var fusion = GraphFusion(graph)
        fusion.dropUnread()
        return fusion.graph
    }

    private mutating func dropUnread() {
        var read = Set(graph.outputs.map(\.name))
        var kept: [GraphNode] = []
        for node in graph.nodes.reversed() where node.outputs.contains(where: read.contains) {
            read.formUnion(Self.reads(node))
            kept.append(node)
        }
        graph.nodes = kept.reversed()
    }

    // MARK: what a pattern asks

    func node(_ name: String, _ operatorName: String) -> GraphNode? {
        guard let index = producers[name] else { return nil }
        return matches(graph.nodes[index], operatorName) ? graph.nodes[index] : nil
    }

    /// Whether the node is of this operator and has as many inputs as the patterns look at.
    private func matches(_ node: GraphNode, _ operatorName: String) -> Bool {
        let isKnown = node.domain == Operator.standard || node.domain == Operator.fused
        return node.operatorName == operatorName && isKnown
            && node.inputs.count >= (Self.binary.contains(operatorName) ? 2 : 1)
    }

    private static let binary: Set = [
        "MatMul", "Gemm", "Add", "Sub", "Mul", "Div", "Pow", "Expand", "Max", "Linear", "Gather",
    ]

    private func scalar(_ name: String) -> Float? {
        guard let tensor = graph.constants[name], tensor.type == .float32, tensor.count == 1 else { return nil }
        return tensor.values(Float.self)[0]
    }

    private func isScalar(_ name: String, _ value: Float) -> Bool {
        scalar(name).map { abs($0 - value) <= 1e-5 * abs(value) } ?? false
    }

    /// The two inputs of a commutative node, in both orders.
    func orders(_ node: GraphNode) -> [(String, String)] {
        node.inputs.count == 2
            ? [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] : []
    }

    private func permutation(_ node: GraphNode) -> [Int]? {
        if case .ints(let axes)? = node.attributes["perm"] { axes } else { nil }
    }

    private func isFloat(_ name: String, rank: Int) -> Bool {
        guard let tensor = graph.constants[name] else { return false }
        return tensor.type == .float32 && tensor.shape.rank == rank
    }

    func fused(
        _ old: GraphNode, _ name: String, _ inputs: [String], _ attributes: [String: Attribute] = [:]
    ) -> GraphNode {
        GraphNode(
            name: old.name, operatorName: name, domain: Operator.fused, inputs: inputs, outputs: old.outputs,
            attributes: attributes)
    }

    // MARK: the patterns

    private func linear(_ root: GraphNode) -> GraphNode? {
        guard let transposed = node(root.inputs[1], "Transpose"), permutation(transposed) == [1, 0],
            isFloat(transposed.inputs[0], rank: 2)
        else { return nil }
        return fused(root, "Linear", [root.inputs[0], transposed.inputs[0]])
    }

    private func linearWithBias(_ root: GraphNode) -> GraphNode? {
        for (product, bias) in orders(root) {
            guard let linear = node(product, "Linear"), linear.inputs.count == 2, uses[product] == 1,
                isFloat(bias, rank: 1), graph.constants[bias]?.shape[0] == graph.constants[linear.inputs[1]]?.shape[0]
            else { continue }
            return fused(root, "Linear", linear.inputs + [bias])
        }
        return nil
    }

    /// x · weightᵀ + bias, or without the bias.
    private func gemm(_ root: GraphNode) -> GraphNode? {
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
    private mutating func normalizedGemm(_ root: GraphNode) -> GraphNode? {
        guard hasOnly(root, ["epsilon", "momentum", "training_mode", "spatial"]), root.inputs.count == 5,
            root.outputs.count == 1, isFlag(root, "training_mode", false),
            isFlag(root, "spatial", true, usual: true), let product = node(root.inputs[0], "Gemm"),
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

    /// Whether all attributes are among these: an operator refuses others, and a pattern must not hide them.
    func hasOnly(_ node: GraphNode, _ names: Set<String>) -> Bool { names.isSuperset(of: node.attributes.keys) }

    private func isFlag(_ node: GraphNode, _ name: String, _ wanted: Bool, usual: Bool = false) -> Bool {
        switch node.attributes[name] {
        case nil: wanted == usual
        case .int(let value)?: wanted == (value != 0)
        default: false
        }
    }

    private func isFloat(_ name: String, count: Int) -> Bool {
        isFloat(name, rank: 1) && graph.constants[name]!.count == count
    }

    private func linearWithActivation(_ root: GraphNode) -> GraphNode? {
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
    private func gelu(_ root: GraphNode) -> GraphNode? {
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

    /// The axes that a node names, in the form that its version has: an attribute at first; an input from opset 13 on,
    /// or 18 for reductions other than the sum. What has the other form is refused where it is compiled.
    func axes(_ node: GraphNode) -> [Int]? {
        guard let version = node.version ?? opset else { return nil }
        let isLater = node.operatorName.hasPrefix("Reduce") && node.operatorName != "ReduceSum"
        guard version >= (isLater ? 18 : 13) else {
            guard node.inputs.count == 1, node.attributes["noop_with_empty_axes"] == nil,
                case .ints(let axes)? = node.attributes["axes"]
            else { return nil }
            return axes
        }
        guard node.attributes["axes"] == nil, node.inputs.count == 2, let tensor = graph.constants[node.inputs[1]],
            tensor.type == .int64
        else {
            return nil
        }
        return tensor.values(Int64.self).map { Int($0) }
    }

    func keepsDimensions(_ node: GraphNode) -> Bool {
        if case .int(let value)? = node.attributes["keepdims"] { value != 0 } else { true }
    }

    private func isMean(_ name: String, of x: String) -> Bool {
        guard let mean = node(name, "ReduceMean") else { return false }
        return mean.inputs[0] == x && axes(mean) == [-1] && keepsDimensions(mean)
    }

    private func layerNorm(_ root: GraphNode) -> GraphNode? {
        for (product, bias) in orders(root) where isFloat(bias, rank: 1) {
            guard let product = node(product, "Mul") else { continue }
            for (quotient, weight) in orders(product) where isFloat(weight, rank: 1) {
                guard let quotient = node(quotient, "Div"), let centred = node(quotient.inputs[0], "Sub"),
                    isMean(centred.inputs[1], of: centred.inputs[0]), let deviation = node(quotient.inputs[1], "Sqrt"),
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
                        root, "LayerNorm", [centred.inputs[0], weight, bias], ["epsilon": .float(epsilon)])
                }
            }
        }
        return nil
    }

    private func isSquare(_ name: String, of x: String) -> Bool {
        if let power = node(name, "Pow") { return power.inputs[0] == x && isScalar(power.inputs[1], 2) }
        return node(name, "Mul")?.inputs == [x, x]
    }

    private func l2Normalize(_ root: GraphNode) -> GraphNode? {
        let x = root.inputs[0]
        var divisor = root.inputs[1]
        if let expand = node(divisor, "Expand"), let shape = node(expand.inputs[1], "Shape"), shape.inputs[0] == x,
            shape.attributes.isEmpty
        {
            divisor = expand.inputs[0]
        }
        var epsilon: Float = 0
        if let clip = node(divisor, "Clip"), clip.inputs.count >= 2, clip.inputs.count == 2 || clip.inputs[2].isEmpty,
            let least = scalar(clip.inputs[1])
        {
            (epsilon, divisor) = (least, clip.inputs[0])
        } else if let most = node(divisor, "Max"), most.inputs.count == 2, let least = scalar(most.inputs[1]) {
            (epsilon, divisor) = (least, most.inputs[0])
        } else {
            return nil
        }
        guard let length = node(divisor, "ReduceL2"), length.inputs[0] == x, keepsDimensions(length), epsilon > 0,
            let axes = axes(length), axes.count == 1
        else { return nil }
        return fused(root, "L2Normalize", [x], ["axis": .int(axes[0]), "epsilon": .float(epsilon)])
    }

    /// q, k and v are [texts, tokens, heads, size]; so is the result.
    private func attention(_ root: GraphNode) -> GraphNode? {
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
