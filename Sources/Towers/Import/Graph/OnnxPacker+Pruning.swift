import Files

extension OnnxPacker {
    /// What the graph gives: name and rank, nil where the file does not tell.
    var outputs: [(name: String, rank: Int?)] {
        model.graph.output.map { output in
            guard case .tensorType(let type)? = output.type.value, type.hasShape else { return (output.name, nil) }
            return (output.name, type.shape.dim.count)
        }
    }

    /// The outputs that can be vectors: floats that the graph computes, in two or three dimensions as far as it tells. A
    /// graph that computes nothing hands its vectors on: then a copy of an input is one.
    var vectorOutputs: [(name: String, rank: Int?)] {
        let computed = vectorOutputs(withCopies: false)
        return computed.isEmpty ? vectorOutputs(withCopies: true) : computed
    }

    private func vectorOutputs(withCopies: Bool) -> [(name: String, rank: Int?)] {
        let inputs = Set(model.graph.input.map(\.name)).subtracting(model.graph.initializer.map(\.name))
        let floats = TensorType.floats.map(\.rawValue)
        let copies = Dictionary(
            model.graph.node.filter { $0.opType == "Identity" && $0.output.count == 1 && $0.input.count == 1 }
                .map { ($0.output[0], $0.input[0]) }, uniquingKeysWith: { first, _ in first })
        return model.graph.output.compactMap { output in
            // A plain copy of an input is no vector of the model's.
            var (name, left) = (output.name, copies.count)
            while let source = copies[name], left > 0 { (name, left) = (source, left - 1) }
            guard withCopies || !inputs.contains(name) else { return nil }
            guard case .tensorType(let type)? = output.type.value else { return (output.name, nil) }
            guard type.elemType == 0 || floats.contains(type.elemType) else { return nil }
            guard type.hasShape else { return (output.name, nil) }
            return (2...3).contains(type.shape.dim.count) ? (output.name, type.shape.dim.count) : nil
        }
    }

    /// Makes `name` the graph's only output, and drops nodes, weights and inputs that it does not need.
    ///
    /// It may be a value inside of the graph: the state of a recurrent network before its output layer.
    mutating func keep(output name: String) throws(BelfryError) {
        let known = model.graph.node.contains { $0.output.contains(name) }
        guard known, !name.isEmpty else {
            throw BelfryError(
                .notFound, "The graph has no value “\(name)”.", at: .init(file: path),
                remedy: "Its outputs are: \(outputs.map(\.name).joined(separator: ", ")).")
        }
        if let output = model.graph.output.first(where: { $0.name == name }) {
            model.graph.output = [output]
        } else {
            var output = Onnx_ValueInfoProto()
            output.name = name
            model.graph.output = [output]
        }
        var live: Set<String> = [name]
        var nodes: [Onnx_NodeProto] = []
        // Nodes stand after those that they need.
        for node in model.graph.node.reversed() where node.output.contains(where: { live.contains($0) }) {
            Self.names(in: node, into: &live)
            nodes.append(node)
        }
        model.graph.node = nodes.reversed()
        model.graph.initializer.removeAll { !live.contains($0.name) }
        model.graph.input.removeAll { !live.contains($0.name) }
    }

    /// Everything that a node reads, its subgraphs included.
    private static func names(in node: Onnx_NodeProto, into names: inout Set<String>) {
        names.formUnion(node.input.filter { !$0.isEmpty })
        for attribute in node.attribute where attribute.hasG {
            for node in attribute.g.node { Self.names(in: node, into: &names) }
            names.formUnion(attribute.g.output.map(\.name))
        }
    }

    /// Writes down what the output was found to be.
    mutating func setOutput(_ type: TensorType, rank: Int, size: Int) {
        var tensor = Onnx_TypeProto.Tensor()
        tensor.elemType = type.rawValue
        for axis in 0..<rank {
            var dimension = Onnx_TensorShapeProto.Dimension()
            if axis == rank - 1 {
                dimension.dimValue = Int64(size)
            } else {
                dimension.dimParam = axis == 0 ? "rows" : "elements"
            }
            tensor.shape.dim.append(dimension)
        }
        model.graph.output[0].type.tensorType = tensor
    }
}
