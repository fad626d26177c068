import Files
import Foundation

/// Reads the tensors of a file: initializers, and those in attributes.
///
/// Numbers in raw_data and in external files stay where they are, mapped, if they are aligned for their type; else they
/// are copied once. Every length is compared with the shape before memory is taken.
struct OnnxTensorReader {
    let file: MappedFile
    /// The files of external data that were opened so far, by the bytes of their names, as the system has them.
    private var external: [[UInt8]: MappedFile] = [:]

    init(_ file: MappedFile) { self.file = file }

    /// The tensor in a file of its own, as the standard's conformance cases come, and its name.
    static func read(_ path: String) throws(BelfryError) -> (name: String, tensor: Tensor) {
        let file = try MappedFile(path)
        let proto: Onnx_TensorProto = try OnnxSkeleton(file, .tensor).decoded(path: path)
        var reader = OnnxTensorReader(file)
        return (proto.name, try reader.tensor(proto))
    }

    mutating func tensor(_ proto: Onnx_TensorProto) throws(BelfryError) -> Tensor {
        let name = proto.name
        guard let type = TensorType(rawValue: proto.dataType) else {
            throw failure(name, .unsupported, "has elements of the type number \(proto.dataType), which is not read")
        }
        guard let shape = Shape(proto.dims.map { Int($0) }) else {
            throw failure(
                name, .unsupported, "has \(proto.dims.count) dimensions; at most \(Shape.maximumRank) are read")
        }
        guard let count = shape.checkedElements else {
            throw failure(name, .corruptData, "has the shape \(shape), which no memory can hold")
        }
        if type == .string {
            guard proto.stringData.count == count else { throw miscounted(proto, proto.stringData.count, shape) }
            return Tensor(strings: proto.stringData.map { String(decoding: $0, as: UTF8.self) }, shape: shape)
        }
        if proto.dataLocation == 1 { return try externalTensor(proto, type, shape) }
        if proto.hasRawOffset {
            return try tensor(
                name, type, shape, in: file, at: Int(proto.rawOffset), length: Int(proto.rawLength))
        }
        return try typedTensor(proto, type, shape, count)
    }

    private func failure(_ name: String, _ code: BelfryError.Code, _ what: String) -> BelfryError {
        BelfryError(code, "The tensor “\(name)” \(what).", at: .init(file: file.path, place: "tensor \(name)"))
    }

    private func miscounted(_ proto: Onnx_TensorProto, _ found: Int, _ shape: Shape) -> BelfryError {
        failure(proto.name, .corruptData, "has \(found) elements, but its shape is \(shape)")
    }

    // MARK: bytes in a file

    private func tensor(
        _ name: String, _ type: TensorType, _ shape: Shape, in source: MappedFile, at offset: Int, length: Int
    ) throws(BelfryError) -> Tensor {
        let count = shape.elements
        let needed = (count * type.bitsInFile + 7) / 8
        guard offset >= 0, length >= 0, offset <= source.bytes.count, length <= source.bytes.count - offset else {
            throw failure(name, .corruptData, "would lie at \(offset), \(length) bytes, of \(source.bytes.count)")
        }
        guard length == needed else {
            throw failure(name, .corruptData, "has \(length) bytes, but \(type) \(shape) needs \(needed)")
        }
        guard count > 0, let start = source.bytes.baseAddress.map({ $0 + offset }) else {
            return Tensor(TensorBuffer(bytes: 0), type: type, shape: shape)
        }
        if type.bitsInFile == 8 * type.size, type != .bool, Int(bitPattern: start) % type.size == 0 {
            return Tensor(mapped: start, owner: source, type: type, shape: shape)
        }
        let buffer = TensorBuffer(bytes: count * type.size)
        if type.bitsInFile < 8 {
            Self.unpack(start, type, count, into: buffer.start.assumingMemoryBound(to: UInt8.self))
        } else if type == .bool {
            for index in 0..<count {
                buffer.start.storeBytes(
                    of: start.load(fromByteOffset: index, as: UInt8.self) != 0, toByteOffset: index, as: Bool.self)
            }
        } else {
            buffer.start.copyMemory(from: start, byteCount: length)
        }
        return Tensor(buffer, type: type, shape: shape)
    }

    /// Numbers of 4 or 2 bits, the lowest bits first, one to a byte. Signed ones keep their sign.
    private static func unpack(
        _ packed: UnsafeRawPointer, _ type: TensorType, _ count: Int, into target: UnsafeMutablePointer<UInt8>
    ) {
        let bits = type.bitsInFile
        let perByte = 8 / bits
        for index in 0..<count {
            let byte = packed.load(fromByteOffset: index / perByte, as: UInt8.self)
            let value = byte >> UInt8(index % perByte * bits) & (1 << UInt8(bits) - 1)
            let isNegative = (type == .int4 || type == .int2) && value >> UInt8(bits - 1) == 1
            target[index] = isNegative ? value | ~(1 << UInt8(bits) - 1) : value
        }
    }

    private mutating func externalTensor(
        _ proto: Onnx_TensorProto, _ type: TensorType, _ shape: Shape
    ) throws(BelfryError) -> Tensor {
        let entries = Dictionary(proto.externalData.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        func number(_ key: String) throws(BelfryError) -> Int? {
            guard let text = entries[key] else { return nil }
            guard let value = Int(text), value >= 0 else {
                throw failure(proto.name, .corruptData, "has the \(key) “\(text)”, which is not a count")
            }
            return value
        }
        guard let location = entries["location"], !location.isEmpty else {
            throw failure(proto.name, .corruptData, "is external, but no file is named")
        }
        // Links are followed, since download caches are made of them; names that lead out of the folder are not.
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        guard !location.hasPrefix("/"), !location.contains("\\"), !location.utf8.contains(0),
            !parts.contains(".."), parts.last != "", parts.last != "."
        else {
            throw failure(proto.name, .corruptData, "lies in “\(location)”, which is not a file beside the model")
        }
        let path = System.parent(of: file.path) + "/" + location
        let key = Array(path.utf8)
        if external[key] == nil {
            do throws(BelfryError) {
                external[key] = try MappedFile(path)
            } catch {
                var error = error
                error.remedy = error.remedy ?? "The model keeps weights in this file: put it beside the model."
                throw error
            }
        }
        let source = external[key]!
        let needed = (shape.elements * type.bitsInFile + 7) / 8
        return try tensor(
            proto.name, type, shape, in: source, at: number("offset") ?? 0, length: number("length") ?? needed)
    }

    // MARK: numbers in fields of their type

    private func typedTensor(
        _ proto: Onnx_TensorProto, _ type: TensorType, _ shape: Shape, _ count: Int
    ) throws(BelfryError) -> Tensor {
        func copy<Stored, Element: TensorElement>(
            _ stored: [Stored], _ convert: (Stored) -> Element
        ) throws(BelfryError) -> Tensor {
            guard stored.count == count else { throw miscounted(proto, stored.count, shape) }
            return Tensor(stored.map(convert), shape: shape)
        }
        let small = proto.int32Data
        switch type {
        case .float32: return try copy(proto.floatData) { $0 }
        case .float64: return try copy(proto.doubleData) { $0 }
        case .int64: return try copy(proto.int64Data) { $0 }
        case .uint64: return try copy(proto.uint64Data) { $0 }
        case .uint32: return try copy(proto.uint64Data) { UInt32(truncatingIfNeeded: $0) }
        case .int32: return try copy(small) { $0 }
        case .int16: return try copy(small) { Int16(truncatingIfNeeded: $0) }
        case .int8: return try copy(small) { Int8(truncatingIfNeeded: $0) }
        case .uint16: return try copy(small) { UInt16(truncatingIfNeeded: $0) }
        case .uint8: return try copy(small) { UInt8(truncatingIfNeeded: $0) }
        case .bool: return try copy(small) { $0 != 0 }
        case .float16: return try copy(small) { Float16(bitPattern: UInt16(truncatingIfNeeded: $0)) }
        case .bfloat16: return try copy(small) { BFloat16(bits: UInt16(truncatingIfNeeded: $0)) }
        case .string: preconditionFailure("read before")
        default:
            let perByte = 8 / type.bitsInFile
            guard small.count == (count + perByte - 1) / perByte else { throw miscounted(proto, small.count, shape) }
            let packed = small.map { UInt8(truncatingIfNeeded: $0) }
            let buffer = TensorBuffer(bytes: count)
            packed.withUnsafeBytes { packed in
                guard let start = packed.baseAddress else { return }
                if perByte == 1 {
                    buffer.start.copyMemory(from: start, byteCount: count)
                } else {
                    Self.unpack(start, type, count, into: buffer.start.assumingMemoryBound(to: UInt8.self))
                }
            }
            return Tensor(buffer, type: type, shape: shape)
        }
    }
}
