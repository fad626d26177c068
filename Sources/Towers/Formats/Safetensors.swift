package import Files
import Foundation
import Vectors

/// A file of named tensors in the safetensors format, mapped into memory.
///
/// | bytes | what |
/// |---|---|
/// | 8 | the header's length n, little-endian |
/// | n | a JSON object: name → `{"dtype", "shape", "data_offsets": [begin, end]}`, and perhaps `__metadata__` |
/// | rest | the tensors' bytes, which fill the rest exactly: no gap, no overlap |
///
/// The file is not trusted: all of this is checked before the first tensor is handed out, and an error names the
/// tensor. Weights of type F32 that lie aligned are used straight from the mapping.
package final class Safetensors: Sendable {
    /// Where the file is.
    package var path: String { file.path }
    /// The tensors, in the order of their bytes.
    package let tensors: [StoredTensor]
    private let byName: [UTF8Key: StoredTensor]
    private let file: MappedFile

    /// Room for the names of about 150,000 tensors; a model has hundreds.
    static let longestHeader = 16 << 20
    private static let sizes = [
        "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4,
        "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
    ]

    /// Maps the file and checks its header.
    package init(_ path: String) throws(BelfryError) {
        file = try MappedFile(path)
        try GitLFS.refusePointer(file.bytes, file: path)
        var reader = file.reader
        let length = try reader.readCount(UInt64.self, "The length of the header")
        guard length <= Self.longestHeader else {
            throw .corrupt(
                "The header would have \(length) bytes; at most \(Self.longestHeader) are read.",
                at: .byte(0, of: path))
        }
        let header = try StrictJSON(parsing: reader.read(bytes: length, "The header"), file: path, base: 8)
        guard file.bytes[8] == UInt8(ascii: "{"), let members = header.members else {
            throw .corrupt("The header is not a JSON object.", at: .byte(8, of: path))
        }
        let data = 8 + length..<file.bytes.count
        var found: [StoredTensor] = []
        for (name, entry) in members {
            let name = String(decoding: name, as: UTF8.self)
            if name == "__metadata__" {
                guard let pairs = entry.members, pairs.allSatisfy({ $0.value.utf8 != nil }) else {
                    throw .corrupt("__metadata__ is not an object of strings.", at: .init(file: path))
                }
            } else {
                found.append(try Self.tensor(name, entry, data, path))
            }
        }
        found.sort { ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound) }
        var end = data.lowerBound
        for tensor in found {
            guard tensor.bytes.lowerBound >= end else {
                throw Self.failure(tensor.name, path, "overlaps the tensor before it, which ends at byte \(end)")
            }
            guard tensor.bytes.lowerBound == end else {
                throw Self.failure(
                    tensor.name, path, "leaves a gap: it begins at byte \(tensor.bytes.lowerBound), not at \(end)")
            }
            end = tensor.bytes.upperBound
        }
        guard end == data.upperBound else {
            throw .corrupt("\(data.upperBound - end) bytes belong to no tensor.", at: .byte(end, of: path))
        }
        tensors = found
        // The header's parser has refused names that occur twice.
        byName = Dictionary(found.map { (UTF8Key($0.name), $0) }, uniquingKeysWith: { first, _ in first })
    }

    private static func failure(_ name: String, _ path: String, _ what: String) -> BelfryError {
        .corrupt("The tensor “\(name)” \(what).", at: .init(file: path, place: "tensor \(name)"))
    }

    private static func tensor(
        _ name: String, _ entry: StrictJSON, _ data: Range<Int>, _ path: String
    ) throws(BelfryError) -> StoredTensor {
        guard let type = entry["dtype"]?.string, let extents = entry["shape"]?.array,
            let offsets = entry["data_offsets"]?.array, entry.members?.count == 3
        else { throw failure(name, path, "needs exactly dtype, shape and data_offsets") }
        guard let size = sizes[type] else {
            throw BelfryError(
                .unsupported, "The tensor “\(name)” has the type \(type), which is not read.",
                at: .init(file: path, place: "tensor \(name)"))
        }
        var shape: [Int] = []
        var bytes = size
        for extent in extents {
            guard let extent = extent.integer, extent >= 0 else {
                throw failure(name, path, "has an extent that is not a count")
            }
            let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw failure(name, path, "has a shape that no memory can hold") }
            bytes = product
            shape.append(extent)
        }
        guard offsets.count == 2, let begin = offsets[0].integer, let end = offsets[1].integer, begin >= 0 else {
            throw failure(name, path, "needs two data_offsets that are counts")
        }
        guard begin <= end, end <= data.count else {
            throw failure(name, path, "would lie at \(begin)..<\(end) of \(data.count) bytes")
        }
        guard end - begin == bytes else {
            throw failure(name, path, "has \(end - begin) bytes, but \(type) \(shape) needs \(bytes)")
        }
        return StoredTensor(
            name: name, type: type, shape: shape, count: bytes / size,
            bytes: data.lowerBound + begin..<data.lowerBound + end)
    }

    /// The tensor called `name`.
    package func tensor(_ name: String) -> StoredTensor? { byName[UTF8Key(name)] }

    /// The bytes of `tensor`, which stay where they are for as long as the file's object lives.
    func bytes(of tensor: StoredTensor) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[tensor.bytes])
    }

    /// The tensor `name`, or what to say where it is missing.
    func required(_ name: String, _ shape: String) throws(BelfryError) -> StoredTensor {
        guard let tensor = self.tensor(name) else {
            throw BelfryError(
                .notFound, "The tensor “\(name)” \(shape) is missing.", at: location(name),
                remedy: "Export the whole model again: this file lacks a part of it.")
        }
        return tensor
    }

    /// The place of the tensor `name`, for an error.
    func location(_ name: String) -> BelfryError.Location { .init(file: path, place: "tensor \(name)") }

    /// The numbers of the tensor `name`, which must have this shape; F32, F16, BF16 and F64 are read.
    func weights(_ name: String, shape: [Int]) throws(BelfryError) -> Weights {
        let place = location(name)
        let tensor = try required(name, "\(shape)")
        guard tensor.shape == shape else {
            throw .corrupt(
                "The tensor “\(name)” should have the shape \(shape), and has \(tensor.shape).", at: place)
        }
        let bytes = bytes(of: tensor)
        if tensor.type == "F32", let start = bytes.baseAddress, Int(bitPattern: start) % 4 == 0 {
            return Weights(mapped: start.assumingMemoryBound(to: Float.self), count: tensor.count, owner: file)
        }
        let copy = Matrix(rows: 1, columns: tensor.count)
        let stored: ElementType? = ["F32": .f32, "F16": .f16, "BF16": .bf16][tensor.type]
        if let stored, let start = bytes.baseAddress {
            stored.widen(start, to: copy.pointer, count: tensor.count)
        } else if tensor.type == "F64" {
            for index in 0..<tensor.count {
                copy.pointer[index] = Float(bytes.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
            }
        } else if stored == nil {
            throw BelfryError(
                .unsupported, "The tensor “\(name)” has the type \(tensor.type); weights must be floats.", at: place)
        }
        return Weights(mapped: UnsafePointer(copy.pointer), count: tensor.count, owner: copy)
    }
}
