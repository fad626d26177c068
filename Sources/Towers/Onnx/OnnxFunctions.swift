import Files
import SwiftProtobuf

/// Puts the bodies of a model's own functions in the place of their calls.
///
/// 1. A node that names a function by domain, name and overload is a call, also where an operator has that name.
/// 2. The body's inputs and outputs become the call's; all its other values get a name that no other call has.
/// 3. An attribute that refers to one of the function's gets the call's value, or its default, or is left out.
/// 4. Nodes keep the operator set that the function was written for.
///
/// It does not look at what the nodes mean. Bodies may call functions: what this makes is bounded in depth and bytes,
/// since a chain of functions that call the next one twice doubles with each of them.
///
/// Source: the standard's IR.md, "Model-local functions" (github.com/onnx/onnx).
struct OnnxFunctions {
    private struct Function {
        let proto: Onnx_FunctionProto
        /// Bytes of its body without the numbers that it keeps in the file, and of these.
        let size, mapped: Int
        let versions: [String: Int64]
        /// The attributes that a call may give.
        let attributes: Set<String>
    }

    private struct Key: Hashable { let domain, name, overload: String }

    /// What one call puts in the place of the body's names.
    private struct Binding {
        var names: [String: String]
        let prefix: String
        let attributes: [String: Onnx_AttributeProto]
        /// The versions of operator sets that differ from the model's.
        let versions: [String: Int64]
    }

    /// The most functions that call each other.
    static let deepestCall = 64
    /// The most bytes of all bodies together, one for each call. Numbers in the file count from the second call on.
    static let maxBytes = 1 << 25

    private let path: String
    private let versions: [String: Int64]
    private var functions: [Key: Function] = [:]
    private var called: Set<Key> = []
    private var calls = 0
    private var bytes = 0

    /// The model without functions.
    static func inlined(_ model: Onnx_ModelProto, path: String) throws(BelfryError) -> Onnx_ModelProto {
        guard !model.functions.isEmpty else { return model }
        var inliner = try OnnxFunctions(model, path)
        var result = model
        result.functions = []
        result.graph.node = try inliner.expanded(model.graph.node, [], depth: 0)
        return result
    }

    private init(_ model: Onnx_ModelProto, _ path: String) throws(BelfryError) {
        self.path = path
        versions = Self.versions(model.opsetImport)
        for proto in model.functions {
            let key = Key(domain: Self.domain(proto.domain), name: proto.name, overload: proto.overload)
            let function = Function(
                proto: proto, size: try Self.size(proto, path), mapped: proto.node.reduce(0) { $0 + Self.mapped($1) },
                versions: Self.versions(proto.opsetImport),
                attributes: Set(proto.attribute).union(proto.attributeProto.map(\.name)))
            guard functions.updateValue(function, forKey: key) == nil else {
                throw .corrupt("The function “\(proto.name)” is defined twice.", at: place(proto.name))
            }
        }
    }

    private static func domain(_ name: String) -> String { name.isEmpty ? Operator.standard : name }

    private static func versions(_ sets: [Onnx_OperatorSetIdProto]) -> [String: Int64] {
        Dictionary(sets.map { (domain($0.domain), $0.version) }, uniquingKeysWith: { max($0, $1) })
    }

    private func place(_ function: String) -> BelfryError.Location { .init(file: path, place: "function \(function)") }

    // MARK: what is made

    /// The nodes with calls replaced; `callers` are the functions that they are in, the outermost first.
    ///
    /// A graph that a call hands over is its caller's: it is expanded here, so that it may call the same function, and
    /// is known not to be too deep before it lies in another graph that is handed on.
    private mutating func expanded(
        _ nodes: [Onnx_NodeProto], _ callers: [Key], depth: Int
    ) throws(BelfryError) -> [Onnx_NodeProto] {
        guard depth <= OnnxSkeleton.deepestGraph else {
            throw BelfryError(
                .unsupported, "Graphs lie more than \(OnnxSkeleton.deepestGraph) deep in each other.",
                at: .init(file: path))
        }
        var result: [Onnx_NodeProto] = []
        result.reserveCapacity(nodes.count)
        for var node in nodes {
            for index in node.attribute.indices where node.attribute[index].hasG {
                node.attribute[index].g.node = try expanded(node.attribute[index].g.node, callers, depth: depth + 1)
            }
            let key = Key(domain: Self.domain(node.domain), name: node.opType, overload: node.overload)
            if let function = functions[key] {
                guard !callers.contains(key) else {
                    let chain = (callers + [key]).map(\.name).joined(separator: "” → “")
                    throw .corrupt("The function “\(key.name)” calls itself: “\(chain)”.", at: place(key.name))
                }
                guard callers.count < Self.deepestCall else {
                    throw BelfryError(
                        .unsupported, "Functions call each other more than \(Self.deepestCall) deep.",
                        at: place(key.name))
                }
                let isFirst = called.insert(key).inserted
                let body = try body(of: function, called: node, isFirst: isFirst)
                result += try expanded(body, callers + [key], depth: depth)
            } else {
                result.append(node)
            }
        }
        return result
    }

    /// The function's nodes as this call has them.
    private mutating func body(
        of function: Function, called call: Onnx_NodeProto, isFirst: Bool
    ) throws(BelfryError) -> [Onnx_NodeProto] {
        let proto = function.proto
        let location = place(proto.name)
        guard call.input.count <= proto.input.count, call.output.count <= proto.output.count else {
            throw .corrupt(
                "The node “\(call.name)” calls the function “\(proto.name)” with \(call.input.count) inputs and "
                    + "\(call.output.count) outputs; it has \(proto.input.count) and \(proto.output.count).",
                at: location)
        }
        var attributes = Dictionary(
            proto.attributeProto.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for attribute in call.attribute {
            guard function.attributes.contains(attribute.name) else {
                throw BelfryError(
                    .unsupported,
                    "The node “\(call.name)” gives the function “\(proto.name)” the attribute “\(attribute.name)”, which "
                        + "it does not have.", at: location)
            }
            attributes[attribute.name] = attribute
        }
        calls += 1
        let prefix = call.name.isEmpty ? proto.name : call.name
        try charge(
            function.size + (isFirst ? 0 : function.mapped) + (prefix.utf8.count + 24) * proto.node.count, location)
        var binding = Binding(
            names: ["": ""], prefix: "call \(calls)/", attributes: attributes,
            versions: function.versions.filter { versions[$0.key] != $0.value })
        for (index, name) in proto.input.enumerated() {
            binding.names[name] = index < call.input.count ? call.input[index] : ""
        }
        var nodes: [Onnx_NodeProto] = []
        var copies: [Onnx_NodeProto] = []
        for (name, target) in zip(proto.output, call.output) where !target.isEmpty {
            // What goes out as it came in, or goes out twice, is copied.
            guard let known = binding.names[name] else {
                binding.names[name] = target
                continue
            }
            var copy = Onnx_NodeProto()
            (copy.name, copy.opType, copy.input, copy.output) = (call.name, "Identity", [known], [target])
            if let version = binding.versions[Operator.standard] { copy.opsetVersion = version }
            try charge([call.name, known, target], location)
            copies.append(copy)
        }
        for node in proto.node {
            var node = try instance(of: node, binding, location)
            node.name = "\(prefix)/\(node.name.isEmpty ? node.opType : node.name)"
            nodes.append(node)
        }
        return nodes + copies
    }

    private mutating func instance(
        of node: Onnx_NodeProto, _ binding: Binding, _ location: BelfryError.Location
    ) throws(BelfryError) -> Onnx_NodeProto {
        func renamed(_ name: String) -> String { binding.names[name] ?? binding.prefix + name }
        var result = node
        result.input = node.input.map(renamed)
        result.output = node.output.map(renamed)
        try charge(result.input + result.output, location)
        if let version = binding.versions[Self.domain(node.domain)] { result.opsetVersion = version }
        result.attribute = []
        for var attribute in node.attribute {
            if !attribute.refAttrName.isEmpty {
                guard var value = binding.attributes[attribute.refAttrName] else { continue }
                // One value may stand in many places.
                try charge(try Self.size(value, path) + Self.mapped(value), location)
                value.name = attribute.name
                result.attribute.append(value)
                continue
            }
            if attribute.hasG {
                var graph = attribute.g
                for index in graph.input.indices { graph.input[index].name = renamed(graph.input[index].name) }
                for index in graph.output.indices { graph.output[index].name = renamed(graph.output[index].name) }
                for index in graph.initializer.indices {
                    graph.initializer[index].name = renamed(graph.initializer[index].name)
                }
                try charge(
                    graph.input.map(\.name) + graph.output.map(\.name) + graph.initializer.map(\.name), location)
                for index in graph.node.indices {
                    graph.node[index] = try instance(of: graph.node[index], binding, location)
                }
                attribute.g = graph
            }
            result.attribute.append(attribute)
        }
        return result
    }

    // MARK: bounds

    private mutating func charge(_ size: Int, _ location: BelfryError.Location) throws(BelfryError) {
        bytes += size
        guard bytes <= Self.maxBytes else {
            throw BelfryError(
                .unsupported,
                "The bodies of functions, written out for each call, have more than \(Self.maxBytes) bytes.",
                at: location, remedy: "Export the model without functions, or with fewer constants in them.")
        }
    }

    /// A caller's name may be long, and stand in many places of a body.
    private mutating func charge(_ names: [String], _ location: BelfryError.Location) throws(BelfryError) {
        try charge(names.reduce(0) { $0 + $1.utf8.count }, location)
    }

    private static func size(_ message: some SwiftProtobuf.Message, _ path: String) throws(BelfryError) -> Int {
        do {
            return try (message.serializedBytes() as [UInt8]).count
        } catch {
            throw BelfryError(.corruptData, "A function cannot be read.", at: .init(file: path), cause: error)
        }
    }

    /// Bytes of numbers that lie in the file.
    private static func mapped(_ node: Onnx_NodeProto) -> Int { node.attribute.reduce(0) { $0 + mapped($1) } }

    private static func mapped(_ attribute: Onnx_AttributeProto) -> Int {
        let graph = attribute.g
        return max(Int(attribute.t.rawLength), 0) + graph.initializer.reduce(0) { $0 + max(Int($1.rawLength), 0) }
            + graph.node.reduce(0) { $0 + mapped($1) }
    }
}
