import Files
import Vectors

/// One call of a node's kernel: its inputs, memory for its outputs, scratch.
package struct Call {
    let step: GraphStep
    let frame: Frame

    // MARK: inputs

    /// Whether input `index` is there.
    func has(_ index: Int) -> Bool { index < step.inputs.count && step.inputs[index] >= 0 }

    /// Input `index`, which must be there.
    func input(_ index: Int) -> TensorView {
        let slot = step.inputs[index]
        precondition(slot >= 0, "an input that compile has asked for")
        return frame.values[slot]
    }

    /// Input `index`, or nil if it is left out.
    func optional(_ index: Int) -> TensorView? { has(index) ? input(index) : nil }

    /// How many inputs the node names.
    var inputCount: Int { step.inputs.count }

    // MARK: outputs

    /// Whether anybody reads output `index`. One that nobody reads may be skipped.
    func wants(_ index: Int) -> Bool { index < step.outputs.count && step.outputs[index] >= 0 }

    /// How many outputs the node names.
    var outputCount: Int { step.outputs.count }

    /// Memory for output `index` in this shape, 64-byte aligned, with whatever was in it.
    func output(_ index: Int, _ shape: Shape) throws(BelfryError) -> TensorView {
        guard let elements = shape.checkedElements else { throw fail("its output would have the shape \(shape)") }
        guard wants(index) else {
            let type = step.types[index]
            let start = try frame.unwanted(index, bytes: elements * type.size, step)
            return TensorView(type: type, shape: shape, start: start)
        }
        let slot = step.outputs[index]
        let type = step.types[index]
        let start = try frame.memory(slot, bytes: elements * type.size, step)
        let view = TensorView(type: type, shape: shape, start: start)
        frame.values[slot] = view
        return view
    }

    /// Output 0 is input 0's memory in this shape. Only for a kernel with `sharesInput`.
    func share(_ shape: Shape) {
        guard wants(0) else { return }
        frame.values[step.outputs[0]] = input(0).reshaped(shape)
    }

    // MARK: work

    /// How many threads may work on this call, the caller's being one of them.
    var threads: Int { frame.threads }

    /// What the C kernels run on.
    var products: Products { frame.products }

    /// At least so many floats, 64-byte aligned, until the call returns. One such memory per call.
    func scratch(_ floats: Int) throws(BelfryError) -> UnsafeMutablePointer<Float> {
        try scratch(bytes: 4 * floats).assumingMemoryBound(to: Float.self)
    }

    /// At least so many bytes, 64-byte aligned, until the call returns. One such memory per call.
    func scratch(bytes: Int) throws(BelfryError) -> UnsafeMutableRawPointer { try buffer(0, bytes: bytes) }

    /// At least so many bytes in the buffer that the node reserved at import; its content stays between calls of a run.
    func buffer(_ number: Int, bytes: Int) throws(BelfryError) -> UnsafeMutableRawPointer {
        try frame.buffer(number, bytes: bytes, step)
    }

    /// The texts of string elements.
    var strings: StringTable { frame.strings }

    // MARK: errors

    /// An error that names the node: "its inputs have the shapes …".
    func fail(_ what: String) -> BelfryError { step.fail(what) }

    /// The same for what the standard allows and is beyond a limit of Belfry's.
    func unsupported(_ what: String) -> BelfryError { step.fail(what, .unsupported) }

    /// Throws if a tensor of so many dimensions cannot be.
    func checkRank(_ rank: Int) throws(BelfryError) {
        guard rank <= Shape.maximumRank else {
            throw unsupported("its output would have more than \(Shape.maximumRank) dimensions")
        }
    }

    /// The shape that inputs of these shapes broadcast to.
    func broadcast(_ left: Shape, _ right: Shape) throws(BelfryError) -> Shape {
        guard let shape = left.broadcast(with: right) else {
            throw fail("the shapes \(left) and \(right) do not fit each other")
        }
        return shape
    }

    /// A dimension of `shape`, counted from its end if negative.
    func axis(_ axis: Int, of shape: Shape) throws(BelfryError) -> Int {
        guard let found = shape.axis(axis) else { throw fail("a tensor of shape \(shape) has no dimension \(axis)") }
        return found
    }

    /// Dimensions of `shape`, counted from its end if negative, none of them twice.
    func axes(_ axes: Shape, of shape: Shape) throws(BelfryError) -> Shape {
        var (found, isNamed) = (axes, Shape(rank: shape.rank, repeating: 0))
        for index in axes.indices {
            let axis = try self.axis(axes[index], of: shape)
            guard isNamed[axis] == 0 else { throw fail("its axes \(axes) name dimension \(axis) twice") }
            (found[index], isNamed[axis]) = (axis, 1)
        }
        return found
    }
}

extension Call {
    /// The integers of input `index` as a small list: extents, axes, pads.
    func list(_ index: Int) throws(BelfryError) -> Shape {
        let view = input(index)
        guard view.shape.rank <= 1 else { throw fail("input \(index) of shape \(view.shape) is not a list") }
        guard view.count <= Shape.maximumRank else {
            throw unsupported(
                "input \(index) lists \(view.count) dimensions, of which there are \(Shape.maximumRank) at most")
        }
        var list = Shape()
        for element in 0..<view.count { list.append(view.integer(element)) }
        return list
    }
}
