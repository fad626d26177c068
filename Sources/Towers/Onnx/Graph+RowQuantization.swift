extension Graph {
    /// The same graph with dynamic quantization by rows, in its subgraphs, too.
    var quantizingByRows: Graph {
        var graph = self
        for index in graph.nodes.indices {
            let node = graph.nodes[index]
            if node.operatorName == "DynamicQuantizeLinear", node.domain == Operator.standard {
                graph.nodes[index].operatorName = "DynamicQuantizeRows"
                graph.nodes[index].domain = Operator.fused
                graph.nodes[index].version = nil
            }
            for case (let name, .graph(let inner)) in node.attributes {
                graph.nodes[index].attributes[name] = .graph(inner.quantizingByRows)
            }
        }
        return graph
    }
}
