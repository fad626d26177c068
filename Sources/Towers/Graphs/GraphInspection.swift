import Files

/// What an ONNX model takes, gives and is made of.
public struct GraphInspection: Sendable {
    /// An input or output.
    public struct Port: Hashable, Sendable {
        /// Its name in the graph.
        public let name: String
        /// What its elements are: `float32`, `int64`, `string`, …
        public let type: String
        /// Its extents; a name, or “?”, where they are free.
        public let shape: [String]
    }

    /// What the columns fill.
    public let inputs: [Port]
    /// The vector, or vectors to be pooled.
    public let outputs: [Port]
    /// The version of each domain's operator set.
    public let operatorSets: [String: Int]
    /// How many nodes there are of each operator, those of subgraphs included.
    public let operators: [String: Int]
    /// Numbers in all initialisers of floats.
    public let parameters: Int

    init(_ model: OnnxModel, _ graph: Graph, _ versions: [String: Int]) {
        func port(_ port: OnnxModel.Port) -> Port {
            Port(
                name: port.name, type: "\(port.type)",
                shape: (port.dimensions ?? []).map { "\($0)" })
        }
        (inputs, outputs) = (model.inputs.map(port), model.outputs.map(port))
        operatorSets = versions
        var operators: [String: Int] = [:]
        var parameters = 0
        func count(_ graph: Graph) {
            for node in graph.nodes {
                operators[node.operatorName, default: 0] += 1
                for case .graph(let inner) in node.attributes.values { count(inner) }
            }
            for constant in graph.constants.values where constant.type.isFloat { parameters += constant.count }
        }
        count(graph)
        (self.operators, self.parameters) = (operators, parameters)
    }
}
