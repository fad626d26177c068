import CKernels
import Files

/// Makes a graph of 16-bit floats one of f32: sums of many numbers keep their digits, and the products are the fast ones.
///
/// 1. Initializers, attributes and casts become f32; the inputs are cast behind the graph's door, the outputs before it.
/// 2. A table that rows are gathered from stays as it is in the file: its rows are cast.
///
/// Numbers are rounded to 16 bits only where they go in or out, so results are nearer to those of the f32 model than
/// those of runtimes that round after each operator.
struct GraphWidening {
    private static let suffix = "/f32"
    private static let narrow: Set<TensorType> = [.float16, .bfloat16]

    private let isa: belfry_isa
    /// The names of 16-bit inputs and constants.
    private var names: Set<String> = []
    /// Those of them that some node reads as f32.
    private var needed: Set<String> = []

    /// The same graph if it has no 16-bit floats.
    static func widened(_ graph: Graph, _ isa: belfry_isa) throws(BelfryError) -> Graph {
        guard isNarrow(graph) else { return graph }
        var widening = GraphWidening(isa: isa)
        return try widening.main(graph)
    }

    private init(isa: belfry_isa) { self.isa = isa }

    private static func isNarrow(_ graph: Graph) -> Bool {
        graph.constants.values.contains { narrow.contains($0.type) }
            || (graph.inputs + graph.outputs).contains { $0.type.map(narrow.contains) ?? false }
            || graph.nodes.contains { node in
                node.attributes.contains { name, value in
                    switch value {
                    case .int(let number): isType(name) && type(number) != nil
                    case .tensor(let tensor): narrow.contains(tensor.type)
                    case .graph(let inner): isNarrow(inner)
                    default: false
                    }
                }
            }
    }

    /// Attributes that are a type's number.
    private static func isType(_ attribute: String) -> Bool { ["to", "dtype", "output_dtype"].contains(attribute) }

    private static func type(_ number: Int) -> TensorType? {
        Int32(exactly: number).flatMap(TensorType.init).flatMap { narrow.contains($0) ? $0 : nil }
    }

    private mutating func main(_ graph: Graph) throws(BelfryError) -> Graph {
        let inputs = graph.inputs.filter { $0.type.map(Self.narrow.contains) ?? false }.map(\.name)
        names = Set(inputs)
        // What goes out as it came in is not touched.
        let known = Set(graph.inputs.map(\.name)).union(graph.constants.keys)
        let outputs = graph.outputs.filter { $0.type.map(Self.narrow.contains) ?? false && !known.contains($0.name) }
        var renamed: [String: String] = [:]
        for output in outputs { renamed[output.name] = output.name + Self.suffix }
        var result = try widen(graph, renamed)
        result.nodes =
            inputs.filter(needed.contains).map { Self.cast($0, to: .float32, as: $0 + Self.suffix) } + result.nodes
            + outputs.map { Self.cast($0.name + Self.suffix, to: $0.type!, as: $0.name) }
        return result
    }

    private static func cast(_ input: String, to type: TensorType, as output: String) -> GraphNode {
        GraphNode(
            name: "cast of \(input)", operatorName: "Cast", domain: Operator.standard, inputs: [input],
            outputs: [output], attributes: ["to": .int(Int(type.rawValue))])
    }

    /// A graph whose own 16-bit constants are widened, as are all that its nodes read.
    private mutating func widen(_ graph: Graph, _ renamed: [String: String]) throws(BelfryError) -> Graph {
        var result = graph
        names.formUnion(graph.constants.filter { Self.narrow.contains($0.value.type) }.keys)
        result.nodes = []
        for node in graph.nodes {
            var node = node
            let isGather = node.operatorName == "Gather" && node.domain == Operator.standard
            let keepsTable = isGather && node.outputs.count == 1 && names.contains(node.inputs.first ?? "")
            for index in node.inputs.indices where !(keepsTable && index == 0) {
                node.inputs[index] = read(node.inputs[index], renamed)
            }
            node.outputs = node.outputs.map { renamed[$0] ?? $0 }
            for (name, value) in node.attributes {
                switch value {
                case .int(let number) where Self.isType(name) && Self.type(number) != nil:
                    node.attributes[name] = .int(Int(TensorType.float32.rawValue))
                case .tensor(let tensor) where Self.narrow.contains(tensor.type):
                    node.attributes[name] = .tensor(widened(tensor))
                case .graph(let inner): node.attributes[name] = .graph(try body(inner, renamed))
                default: break
                }
            }
            guard keepsTable else {
                result.nodes.append(node)
                continue
            }
            let (output, rows) = (node.outputs[0], node.outputs[0] + "/16")
            node.outputs[0] = rows
            result.nodes += [node, Self.cast(rows, to: .float32, as: output)]
        }
        for (name, tensor) in graph.constants where needed.contains(name) {
            result.constants[name + Self.suffix] = widened(tensor)
        }
        return result
    }

    /// A graph in a node: what goes in and out of it is f32.
    private mutating func body(_ graph: Graph, _ renamed: [String: String]) throws(BelfryError) -> Graph {
        // Its outputs may be constants of its own, which are known before its nodes are looked at.
        names.formUnion(graph.constants.filter { Self.narrow.contains($0.value.type) }.keys)
        var graph = graph
        for index in graph.outputs.indices {
            graph.outputs[index].name = read(graph.outputs[index].name, renamed)
            if graph.outputs[index].type.map(Self.narrow.contains) ?? false { graph.outputs[index].type = .float32 }
        }
        for index in graph.inputs.indices where graph.inputs[index].type.map(Self.narrow.contains) ?? false {
            graph.inputs[index].type = .float32
        }
        return try widen(graph, renamed)
    }

    /// The name under which a node finds a value as f32.
    private mutating func read(_ name: String, _ renamed: [String: String]) -> String {
        guard names.contains(name) else { return renamed[name] ?? name }
        needed.insert(name)
        return name + Self.suffix
    }

    private func widened(_ tensor: Tensor) -> Tensor {
        let buffer = TensorBuffer(bytes: 4 * tensor.count)
        let floats = buffer.start.assumingMemoryBound(to: Float.self)
        let convert = belfry_convert_kernels_for(isa)
        defer { withExtendedLifetime(tensor) {} }
        if tensor.type == .float16 {
            convert?.pointee.widen_f16(tensor.bytes, tensor.count, floats)
        } else {
            convert?.pointee.widen_bf16(tensor.bytes, tensor.count, floats)
        }
        return Tensor(buffer, type: .float32, shape: tensor.shape)
    }
}
