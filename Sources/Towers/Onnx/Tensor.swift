import Files
import Foundation

/// Elements in row-major order, without gaps: what goes into a model and comes out, and what its constants are.
package struct Tensor: @unchecked Sendable {
    /// What the elements are.
    package let type: TensorType
    /// The extents, the slowest first; empty for a scalar.
    package let shape: Shape
    /// The texts of a string tensor; empty for all others.
    package let strings: [String]
    /// The elements' bytes; valid while the tensor is alive.
    let bytes: UnsafeMutableRawPointer
    // A buffer of its own, or the file that the bytes are mapped from.
    private let owner: AnyObject

    /// The values in row-major order, as many as the shape has.
    package init<Element: TensorElement>(_ values: [Element], shape: Shape) {
        precondition(values.count == shape.elements, "as many values as the shape has")
        let buffer = TensorBuffer(bytes: values.count * MemoryLayout<Element>.stride)
        values.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { buffer.start.copyMemory(from: start, byteCount: bytes.count) }
        }
        self.init(buffer, type: Element.tensorType, shape: shape)
    }

    /// The texts in row-major order, as many as the shape has.
    package init(strings: [String], shape: Shape) {
        precondition(strings.count == shape.elements, "as many texts as the shape has")
        (type, self.shape, self.strings) = (.string, shape, strings)
        let buffer = TensorBuffer(bytes: 0)
        (bytes, owner) = (buffer.start, buffer)
    }

    /// Texts that have numbers, as constants of a model have.
    init(numbers: [UInt32], strings: [String], _ shape: Shape) {
        let values = Tensor(numbers, shape: shape)
        (type, self.shape, self.strings, bytes, owner) = (.string, shape, strings, values.bytes, values.owner)
    }

    /// The buffer as it is.
    init(_ buffer: TensorBuffer, type: TensorType, shape: Shape) {
        (self.type, self.shape, strings, bytes, owner) = (type, shape, [], buffer.start, buffer)
    }

    /// Bytes of a mapped file, aligned for the type.
    init(mapped start: UnsafeRawPointer, owner: MappedFile, type: TensorType, shape: Shape) {
        (self.type, self.shape, strings, self.owner) = (type, shape, [], owner)
        // Nothing writes through it: a tensor's memory is written only where an operator asked for its output.
        bytes = UnsafeMutableRawPointer(mutating: start)
    }

    /// How many elements there are.
    package var count: Int { shape.elements }

    /// The elements, which must be of this Swift type.
    package func values<Element: TensorElement>(_: Element.Type = Element.self) -> [Element] {
        precondition(type == Element.tensorType, "a tensor of \(Element.tensorType), not of \(type)")
        defer { withExtendedLifetime(owner) {} }
        return Array(UnsafeBufferPointer(start: bytes.assumingMemoryBound(to: Element.self), count: count))
    }
}
