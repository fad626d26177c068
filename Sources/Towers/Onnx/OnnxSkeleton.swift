import Files
import SwiftProtobuf

/// An ONNX file without the bytes of its weights: what is left is small enough to decode into objects.
///
/// 1. Walks the file's fields, going into graphs, nodes, attributes and tensors, and checks every length.
/// 2. Copies the fields that `onnx.proto` knows, and drops the others.
/// 3. In a tensor, writes in place of raw_data where it lies: the numbers stay in the mapped file.
///
/// It does not say what the fields mean: that is protobuf's and `OnnxImporter`'s work. Memory is bounded by limits on
/// the skeleton's size and on the number of messages, since an empty one takes 2 bytes in a file and 100 in memory.
struct OnnxSkeleton {
    /// The skeleton as a protobuf message.
    let bytes: [UInt8]

    static let largest = 1 << 26
    static let maxMessages = 1 << 20
    static let deepestGraph = 16

    /// The messages that are walked, of which a model or a tensor makes a file; each with the fields that are copied and those that are walked in turn.
    enum Message {
        case model, function, graph, node, attribute, tensor

        fileprivate var copied: Set<Int> {
            switch self {
            case .model: [1, 2, 3, 8]
            case .function: [1, 4, 5, 6, 9, 10, 13]
            case .graph: [2, 11, 12, 15]
            case .node: [1, 2, 3, 4, 7, 8, 1000]
            case .attribute: [1, 2, 3, 4, 7, 8, 9, 20, 21]
            case .tensor: [1, 2, 4, 5, 6, 7, 8, 10, 11, 13, 14]
            }
        }

        fileprivate func walked(_ field: Int) -> Message? {
            switch (self, field) {
            case (.model, 7): .graph
            case (.model, 25): .function
            case (.function, 7): .node
            case (.function, 11): .attribute
            case (.graph, 1): .node
            case (.graph, 5): .tensor
            case (.node, 5): .attribute
            case (.attribute, 5): .tensor
            case (.attribute, 6): .graph
            default: nil
            }
        }
    }

    private static let rawData = 9
    private static let rawOffset: UInt64 = 1000
    private static let rawLength: UInt64 = 1001

    init(_ file: MappedFile, _ message: Message = .model) throws(BelfryError) {
        var walk = Walk(path: file.path)
        bytes = try walk.copy(message, file.bytes, base: 0, depth: 0)
        withExtendedLifetime(file) {}
    }

    /// The skeleton as an object.
    func decoded<Decoded: SwiftProtobuf.Message>(path: String) throws(BelfryError) -> Decoded {
        var options = BinaryDecodingOptions()
        options.discardUnknownFields = true
        do {
            return try Decoded(serializedBytes: bytes, options: options)
        } catch {
            throw BelfryError(.corruptData, "This is not an ONNX file.", at: .init(file: path), cause: error)
        }
    }

    private struct Walk {
        let path: String
        var messages = 0
        var size = 0

        mutating func copy(
            _ message: Message, _ bytes: UnsafeRawBufferPointer, base: Int, depth: Int
        ) throws(BelfryError) -> [UInt8] {
            messages += 1
            let copied = message.copied
            var reader = ByteReader(bytes, file: path, base: base)
            var output: [UInt8] = []
            while reader.remaining > 0 {
                let start = reader.offset
                let place = reader.location
                let tag = try varint(&reader)
                guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw .corrupt("A field has the number 0.", at: place) }
                let field = Int(tag >> 3)
                var content = UnsafeRawBufferPointer(start: nil, count: 0)
                switch tag & 7 {
                case 0: _ = try varint(&reader)
                case 1: _ = try reader.read(bytes: 8, "A number")
                case 2:
                    let length = try varint(&reader)
                    guard length <= UInt64(reader.remaining) else {
                        throw .corrupt(
                            "A field would have \(length) bytes, but only \(reader.remaining) are left.", at: place)
                    }
                    content = try reader.read(bytes: Int(length), "A field")
                case 5: _ = try reader.read(bytes: 4, "A number")
                default: throw .corrupt("A field has the wire type \(tag & 7), which ONNX does not use.", at: place)
                }
                let contentStart = base + reader.offset - content.count
                if tag & 7 == 2, let inner = message.walked(field) {
                    let deeper = depth + (inner == .graph ? 1 : 0)
                    guard deeper <= deepestGraph else {
                        throw BelfryError(
                            .unsupported, "Graphs lie more than \(deepestGraph) deep in each other.", at: place)
                    }
                    let nested = try copy(inner, content, base: contentStart, depth: deeper)
                    Walk.append(tag, to: &output)
                    Walk.append(UInt64(nested.count), to: &output)
                    output += nested
                } else if tag & 7 == 2, message == .tensor, field == rawData {
                    Walk.append(rawOffset << 3, to: &output)
                    Walk.append(UInt64(contentStart), to: &output)
                    Walk.append(rawLength << 3, to: &output)
                    Walk.append(UInt64(content.count), to: &output)
                } else if copied.contains(field) {
                    output += bytes[start..<reader.offset]
                    size += reader.offset - start
                    messages += message == .graph || message == .function ? 1 : 0
                }
                guard size <= largest, messages <= maxMessages else {
                    throw BelfryError(
                        .unsupported,
                        "Without its weights the file has more than \(largest) bytes or \(maxMessages) parts.",
                        at: place, remedy: "Save the weights as raw_data or as external data.")
                }
            }
            return output
        }

        private func varint(_ reader: inout ByteReader) throws(BelfryError) -> UInt64 {
            let place = reader.location
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 70, by: 7) {
                let byte = try reader.read(UInt8.self, "A variable-length number")
                value |= UInt64(byte & 0x7f) << shift
                if byte < 0x80 { return value }
            }
            throw .corrupt("A variable-length number has more than 10 bytes.", at: place)
        }

        private static func append(_ value: UInt64, to output: inout [UInt8]) {
            var value = value
            while value >= 0x80 {
                output.append(UInt8(truncatingIfNeeded: value) | 0x80)
                value >>= 7
            }
            output.append(UInt8(value))
        }
    }
}
