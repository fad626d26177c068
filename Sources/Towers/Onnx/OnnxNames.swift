import Files

/// Gives values whose names differ in bytes, and not for Swift, names that differ.
///
/// ONNX compares names by their bytes. Swift's strings are equal where Unicode calls them canonically equivalent: `é` as
/// one scalar, and as `e` with an accent. All that comes after the import looks values up by their names.
///
/// 1. The names of the whole model are gathered, those of its own inputs and outputs first: these stay as they are.
/// 2. Of names that are equal and have other bytes, each but the first becomes `name (form 2)`, everywhere.
///
/// Inputs and outputs of the model are what people name: two of them that look the same are refused. So are functions
/// and attributes, by whoever reads them.
struct OnnxNames {
    /// Names by what Swift calls equal, each of the others by its bytes.
    private var forms: [String: [String]] = [:]
    private var renamed: [UTF8Key: String] = [:]

    /// The model in which no two names are equal whose bytes differ.
    static func separated(_ model: Onnx_ModelProto, path: String) throws(BelfryError) -> Onnx_ModelProto {
        var (names, result) = (OnnxNames(), model)
        for value in model.graph.input + model.graph.output { names.add(value.name) }
        if let both = names.forms.values.first(where: { $0.count > 1 }) {
            throw BelfryError(
                .unsupported,
                "Two inputs or outputs are called “\(both[0])”: they differ only in Unicode's normal form.",
                at: .init(file: path), remedy: "Export the model with names that can be told apart.")
        }
        visit(&result) { names.add($0) }
        for (first, forms) in names.forms where forms.count > 1 {
            for (index, form) in forms.enumerated().dropFirst() {
                var name = "\(first) (form \(index + 1))"
                while names.forms[name] != nil { name += "'" }
                names.renamed[UTF8Key(form)] = name
            }
        }
        guard !names.renamed.isEmpty else { return model }
        visit(&result) { $0 = names.renamed[UTF8Key($0)] ?? $0 }
        return result
    }

    private mutating func add(_ name: String) {
        if forms[name, default: []].containsBytes(of: name) { return }
        forms[name, default: []].append(name)
    }

    /// Hands over every name of a value.
    private static func visit(_ model: inout Onnx_ModelProto, _ body: (inout String) -> Void) {
        visit(&model.graph, body)
        for index in model.functions.indices {
            model.functions[index].input.indices.forEach { body(&model.functions[index].input[$0]) }
            model.functions[index].output.indices.forEach { body(&model.functions[index].output[$0]) }
            model.functions[index].node.indices.forEach { visit(&model.functions[index].node[$0], body) }
        }
    }

    private static func visit(_ graph: inout Onnx_GraphProto, _ body: (inout String) -> Void) {
        graph.node.indices.forEach { visit(&graph.node[$0], body) }
        graph.initializer.indices.forEach { body(&graph.initializer[$0].name) }
        graph.input.indices.forEach { body(&graph.input[$0].name) }
        graph.output.indices.forEach { body(&graph.output[$0].name) }
    }

    private static func visit(_ node: inout Onnx_NodeProto, _ body: (inout String) -> Void) {
        node.input.indices.forEach { body(&node.input[$0]) }
        node.output.indices.forEach { body(&node.output[$0]) }
        for index in node.attribute.indices where node.attribute[index].hasG { visit(&node.attribute[index].g, body) }
    }
}
