/// A tensor as an operator sees it: memory that belongs to somebody else, valid during the operator's call.
package struct TensorView {
    package let type: TensorType
    package let shape: Shape
    /// The first element. May be written only by the operator that asked for it as its output.
    package let start: UnsafeMutableRawPointer

    /// How many elements there are.
    package var count: Int { shape.elements }
    /// How many bytes they take.
    package var byteCount: Int { count * type.size }

    /// The elements, which must be of this Swift type.
    package func elements<Element: TensorElement>(_: Element.Type = Element.self) -> UnsafeMutablePointer<Element> {
        assert(type == Element.tensorType)
        return start.assumingMemoryBound(to: Element.self)
    }

    /// The elements of a float32 tensor.
    package var floats: UnsafeMutablePointer<Float> { elements() }

    /// Element `index` of a tensor of int64 or int32, as axes, shapes and indices are.
    package func integer(_ index: Int) -> Int {
        if type == .int64 { return Int(elements(Int64.self)[index]) }
        precondition(type == .int32, "a type that compile checked")
        return Int(start.assumingMemoryBound(to: Int32.self)[index])
    }

    /// The same memory under another shape of as many elements.
    func reshaped(_ shape: Shape) -> TensorView { TensorView(type: type, shape: shape, start: start) }
}

extension Tensor {
    /// The tensor as operators see it; valid while the tensor is alive. A string tensor's numbers are the frame's.
    var view: TensorView { TensorView(type: type, shape: shape, start: bytes) }
}
