import Files
import Foundation
import SwiftProtobuf

/// Rewrites an ONNX model for a tower: the graph in `model.onnx`, its numbers in `model.weights`.
///
/// 1. The graph is cut down to the outputs that are wanted (`OnnxPacker+Pruning.swift`).
/// 2. Every tensor's bytes go to the file of weights, each aligned to 64 bytes, and the graph names their place as
///    external data, as the standard has it. So they are mapped when the tower is loaded, wherever the exporter had put
///    them, and nothing is copied.
///
/// A tensor is read, checked and written before the next one: memory does not grow with the model.
struct OnnxPacker {
    static let alignment = 64
    /// Numbers in fields of their own stay in the graph if they are so few bytes.
    private static let smallest = 256

    /// Without the bytes of its tensors, which are still in the source.
    var model: Onnx_ModelProto
    /// Where the model came from.
    let path: String
    private var reader: OnnxTensorReader

    /// Reads the graph of the model at `path`.
    init(_ path: String) throws(BelfryError) {
        let file = try MappedFile(path)
        try GitLFS.refusePointer(file.bytes, file: path)
        model = try OnnxFunctions.inlined(OnnxSkeleton(file).decoded(path: path), path: path)
        guard model.hasGraph else {
            throw .corrupt("This is not an ONNX model: it has no graph.", at: .init(file: path))
        }
        self.path = path
        reader = OnnxTensorReader(file)
    }

    /// The tensor of an initializer, with its bytes still in the source.
    mutating func tensor(_ proto: Onnx_TensorProto) throws(BelfryError) -> Tensor { try reader.tensor(proto) }

    /// Writes the two files into `folder` and gives their names. The graph names its weights from then on.
    mutating func write(to folder: String) throws(BelfryError) -> [String] {
        let writer = try FileWriter(folder + "/" + TowerFiles.graphWeights)
        try Self.pack(&model.graph, &reader, writer)
        try writer.finish()
        try writeGraph(to: folder)
        return [TowerFiles.graph, TowerFiles.graphWeights]
    }

    /// Writes the graph alone.
    func writeGraph(to folder: String) throws(BelfryError) {
        let bytes: [UInt8]
        do {
            bytes = try model.serializedBytes()
        } catch {
            throw BelfryError(.unsupported, "The graph cannot be written.", at: .init(file: path), cause: error)
        }
        try System.write(Data(bytes), to: folder + "/" + TowerFiles.graph)
    }

    private static func pack(
        _ graph: inout Onnx_GraphProto, _ reader: inout OnnxTensorReader, _ writer: FileWriter
    ) throws(BelfryError) {
        for index in graph.initializer.indices { try pack(&graph.initializer[index], &reader, writer) }
        for node in graph.node.indices {
            for attribute in graph.node[node].attribute.indices {
                if graph.node[node].attribute[attribute].hasT {
                    try pack(&graph.node[node].attribute[attribute].t, &reader, writer)
                }
                if graph.node[node].attribute[attribute].hasG {
                    try pack(&graph.node[node].attribute[attribute].g, &reader, writer)
                }
            }
        }
    }

    private static func pack(
        _ proto: inout Onnx_TensorProto, _ reader: inout OnnxTensorReader, _ writer: FileWriter
    ) throws(BelfryError) {
        let tensor = try reader.tensor(proto)
        guard tensor.type != .string else { return }
        let isTyped = proto.dataLocation == 0 && !proto.hasRawOffset
        guard !isTyped || tensor.count * tensor.type.size > smallest else { return }
        proto = external(proto.name, tensor.type, tensor.shape, at: try append(tensor, to: writer))
    }

    /// Writes a tensor's bytes as a file has them, and says where they lie.
    static func append(_ tensor: Tensor, to writer: FileWriter) throws(BelfryError) -> Range<Int> {
        try writer.align(to: alignment)
        let begin = writer.count
        let bytes = UnsafeRawBufferPointer(start: tensor.bytes, count: tensor.count * tensor.type.size)
        let bits = tensor.type.bitsInFile
        if bits == 8 * tensor.type.size {
            try withExtendedLifetime(tensor) { () throws(BelfryError) in try writer.write(bytes) }
        } else {
            let perByte = 8 / bits
            var packed = [UInt8](repeating: 0, count: (tensor.count + perByte - 1) / perByte)
            for (index, byte) in bytes.enumerated() {
                packed[index / perByte] |= (byte & (1 << UInt8(bits) - 1)) << UInt8(index % perByte * bits)
            }
            try packed.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
        }
        return begin..<writer.count
    }

    /// A tensor whose bytes lie in the file of weights.
    static func external(
        _ name: String, _ type: TensorType, _ shape: Shape, at place: Range<Int>
    ) -> Onnx_TensorProto {
        var proto = Onnx_TensorProto()
        proto.name = name
        proto.dims = shape.map { Int64($0) }
        proto.dataType = type.rawValue
        proto.dataLocation = 1
        let entries = [
            "location": TowerFiles.graphWeights, "offset": "\(place.lowerBound)", "length": "\(place.count)",
        ]
        proto.externalData = entries.sorted { $0.key < $1.key }.map { key, value in
            var entry = Onnx_StringStringEntryProto()
            (entry.key, entry.value) = (key, value)
            return entry
        }
        return proto
    }
}
