import Files

/// What an ONNX model takes, gives and is made of.
package struct GraphInspection: Sendable {
    /// An input or output.
    package struct Port: Hashable, Sendable {
        /// Its name in the graph.
        package let name: String
        /// What its elements are: `float32`, `int64`, `string`, …
        package let type: String
        /// Its extents; a name, or “?”, where they are free.
        package let shape: [String]
    }

    /// What the columns fill.
    package let inputs: [Port]
    /// The vector, or vectors to be pooled.
    package let outputs: [Port]
    /// The version of each domain's operator set.
    package let operatorSets: [String: Int]
    /// How many nodes there are of each operator, those of subgraphs included.
    package let operators: [String: Int]
    /// Numbers in all initializers of floats.
    package let parameters: Int

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
