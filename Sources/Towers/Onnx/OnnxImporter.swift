import Files
import Foundation
import SwiftProtobuf

/// Reads an ONNX file into a `Graph`.
///
/// 1. `OnnxSkeleton` checks all lengths and leaves the weights where they are; protobuf decodes the rest.
/// 2. `OnnxNames` tells names apart that differ in bytes alone.
/// 3. `OnnxFunctions` writes out the functions that the model defines.
/// 4. Initializers and Constant nodes become constants, everything else nodes by name.
///
/// Whether operators, types and names make sense together is `GraphCompiler`'s work.
struct OnnxImporter {
    /// The file's main graph.
    let graph: Graph
    /// The version of each domain's operator set.
    let versions: [String: Int]

    init(_ path: String) throws(BelfryError) {
        let file = try MappedFile(path)
        try GitLFS.refusePointer(file.bytes, file: path)
        let named = try OnnxNames.separated(OnnxSkeleton(file).decoded(path: path), path: path)
        let model = try OnnxFunctions.inlined(named, path: path)
        guard model.hasGraph else {
            throw .corrupt("This is not an ONNX model: it has no graph.", at: .init(file: path))
        }
        versions = Dictionary(
            model.opsetImport.map { (Self.domain($0.domain), Int($0.version)) }, uniquingKeysWith: { max($0, $1) })
        var reader = OnnxGraphReader(path: path, tensors: OnnxTensorReader(file))
        graph = try reader.graph(model.graph, isMain: true)
    }

    fileprivate static func domain(_ name: String) -> String { name.isEmpty ? Operator.standard : name }
}

private struct OnnxGraphReader {
    let path: String
    var tensors: OnnxTensorReader

    mutating func graph(_ proto: Onnx_GraphProto, isMain: Bool) throws(BelfryError) -> Graph {
        guard proto.sparseInitializer.isEmpty else {
            throw BelfryError(.unsupported, "Sparse initializers are not read.", at: .init(file: path))
        }
        var constants: [String: Tensor] = [:]
        for tensor in proto.initializer {
            try add(try tensors.tensor(tensor), as: tensor.name, to: &constants)
        }
        var nodes: [GraphNode] = []
        for (index, proto) in proto.node.enumerated() {
            let node = try node(proto, index)
            if node.operatorName == "Constant", node.domain == Operator.standard, node.outputs.count == 1 {
                try add(try constant(node), as: node.outputs[0], to: &constants)
            } else {
                nodes.append(node)
            }
        }
        var inputs: [GraphValue] = []
        // Before version 4 of the format every initializer was an input, too, with the initializer as its default.
        for input in proto.input where constants[input.name] == nil {
            inputs.append(try value(input, isTyped: isMain))
        }
        var outputs: [GraphValue] = []
        for output in proto.output { outputs.append(try value(output, isTyped: false)) }
        return Graph(name: proto.name, nodes: nodes, constants: constants, inputs: inputs, outputs: outputs)
    }

    private func add(_ tensor: Tensor, as name: String, to constants: inout [String: Tensor]) throws(BelfryError) {
        guard constants.updateValue(tensor, forKey: name) == nil else {
            throw .corrupt(
                "Duplicate definition of name: “\(name)” is given to two constants.", at: .init(file: path))
        }
    }

    private func value(_ proto: Onnx_ValueInfoProto, isTyped: Bool) throws(BelfryError) -> GraphValue {
        let place = BelfryError.Location(file: path, place: "value \(proto.name)")
        guard case .tensorType(let tensor)? = proto.type.value else {
            guard !isTyped, proto.type.value == nil else {
                throw BelfryError(
                    .unsupported, "“\(proto.name)” is not a tensor; lists, maps and optional values are not read.",
                    at: place)
            }
            return GraphValue(name: proto.name)
        }
        let type = TensorType(rawValue: tensor.elemType)
        guard type != nil || tensor.elemType == 0 && !isTyped else {
            throw BelfryError(
                .unsupported, "“\(proto.name)” has elements of the type number \(tensor.elemType), which is not read.",
                at: place)
        }
        let dimensions = tensor.hasShape ? tensor.shape.dim.map { dimension(of: $0) } : nil
        if let dimensions, dimensions.count > Shape.maximumRank {
            throw BelfryError(
                .unsupported,
                "“\(proto.name)” has \(dimensions.count) dimensions; at most \(Shape.maximumRank) are "
                    + "read.", at: place)
        }
        return GraphValue(name: proto.name, type: type, dimensions: dimensions)
    }

    private func dimension(of proto: Onnx_TensorShapeProto.Dimension) -> Dimension {
        switch proto.value {
        case .dimValue(let extent) where extent >= 0: .fixed(Int(extent))
        case .dimParam(let name): .symbolic(name)
        default: .symbolic("")
        }
    }

    // MARK: nodes

    private mutating func node(_ proto: Onnx_NodeProto, _ index: Int) throws(BelfryError) -> GraphNode {
        let name = proto.name.isEmpty ? "#\(index) → \(proto.output.first ?? "")" : proto.name
        var attributes: [String: Attribute] = [:]
        for attribute in proto.attribute {
            guard attribute.refAttrName.isEmpty else {
                throw .corrupt(
                    "The attribute “\(attribute.name)” refers to “\(attribute.refAttrName)” of a function, but the node "
                        + "“\(name)” is in none.", at: .init(file: path, place: "node \(name)"))
            }
            let value = try self.attribute(attribute, of: name)
            guard attributes.updateValue(value, forKey: attribute.name) == nil else {
                throw .corrupt(
                    "The node “\(name)” has the attribute “\(attribute.name)” twice.",
                    at: .init(file: path, place: "node \(name)"))
            }
        }
        return GraphNode(
            name: name, operatorName: proto.opType, domain: OnnxImporter.domain(proto.domain), inputs: proto.input,
            outputs: proto.output, attributes: attributes,
            version: proto.hasOpsetVersion ? Int(proto.opsetVersion) : nil)
    }

    private mutating func attribute(_ proto: Onnx_AttributeProto, of node: String) throws(BelfryError) -> Attribute {
        switch proto.type {
        case .float: return .float(proto.f)
        case .int: return .int(Int(proto.i))
        case .string: return .string(String(decoding: proto.s, as: UTF8.self))
        case .tensor: return .tensor(try tensors.tensor(proto.t))
        case .graph: return .graph(try graph(proto.g, isMain: false))
        case .floats: return .floats(proto.floats)
        case .ints: return .ints(proto.ints.map { Int($0) })
        case .strings: return .strings(proto.strings.map { String(decoding: $0, as: UTF8.self) })
        case .undefined:
            // Files of the first versions do not say the type.
            if proto.hasF { return .float(proto.f) }
            if proto.hasI { return .int(Int(proto.i)) }
            if proto.hasS { return .string(String(decoding: proto.s, as: UTF8.self)) }
            if proto.hasT { return .tensor(try tensors.tensor(proto.t)) }
            if proto.hasG { return .graph(try graph(proto.g, isMain: false)) }
            if !proto.floats.isEmpty { return .floats(proto.floats) }
            if !proto.strings.isEmpty { return .strings(proto.strings.map { String(decoding: $0, as: UTF8.self) }) }
            return .ints(proto.ints.map { Int($0) })
        case .tensors, .graphs, .sparseTensor, .sparseTensors, .typeProto, .typeProtos:
            return .other("\(proto.type)")
        }
    }

    /// The value of a Constant node.
    private func constant(_ node: GraphNode) throws(BelfryError) -> Tensor {
        if node.attributes.count == 1, let (name, value) = node.attributes.first {
            switch (name, value) {
            case ("value", .tensor(let tensor)): return tensor
            case ("value_float", .float(let value)): return Tensor([value], shape: [])
            case ("value_int", .int(let value)): return Tensor([Int64(value)], shape: [])
            case ("value_string", .string(let text)): return Tensor(strings: [text], shape: [])
            case ("value_floats", .floats(let values)): return Tensor(values, shape: [values.count])
            case ("value_ints", .ints(let values)): return Tensor(values.map { Int64($0) }, shape: [values.count])
            case ("value_strings", .strings(let texts)): return Tensor(strings: texts, shape: [texts.count])
            default: break
            }
        }
        throw BelfryError(
            .unsupported, "The node “\(node.name)” (Constant) has no value that is read.",
            at: .init(file: path, place: "node \(node.name)"))
    }
}
