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
/// pattern that is not recognized costs time, never correctness.
struct GraphFusion {
    var graph: Graph
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

    /// The graph with all patterns replaced. `fold` computes small constants, which patterns are recognized by.
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
    func matches(_ node: GraphNode, _ operatorName: String) -> Bool {
        let isKnown = node.domain == Operator.standard || node.domain == Operator.fused
        return node.operatorName == operatorName && isKnown
            && node.inputs.count >= (Self.binary.contains(operatorName) ? 2 : 1)
    }

    private static let binary: Set = [
        "MatMul", "Gemm", "Add", "Sub", "Mul", "Div", "Pow", "Expand", "Max", "Linear", "Gather",
    ]

    func scalar(_ name: String) -> Float? {
        guard let tensor = graph.constants[name], tensor.type == .float32, tensor.count == 1 else { return nil }
        return tensor.values(Float.self)[0]
    }

    func isScalar(_ name: String, _ value: Float) -> Bool {
        scalar(name).map { abs($0 - value) <= 1e-5 * abs(value) } ?? false
    }

    /// The two inputs of a commutative node, in both orders.
    func orders(_ node: GraphNode) -> [(String, String)] {
        node.inputs.count == 2
            ? [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] : []
    }

    func permutation(_ node: GraphNode) -> [Int]? {
        if case .ints(let axes)? = node.attributes["perm"] { axes } else { nil }
    }

    func isFloat(_ name: String, rank: Int) -> Bool {
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

    /// Whether all attributes are among these: an operator refuses others, and a pattern must not hide them.
    func hasOnly(_ node: GraphNode, _ names: Set<String>) -> Bool { names.isSuperset(of: node.attributes.keys) }

    func isFlag(_ node: GraphNode, _ name: String, _ wanted: Bool, fallback: Bool = false) -> Bool {
        switch node.attributes[name] {
        case nil: wanted == fallback
        case .int(let value)?: wanted == (value != 0)
        default: false
        }
    }

    func isFloat(_ name: String, count: Int) -> Bool {
        isFloat(name, rank: 1) && graph.constants[name]!.count == count
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
}
