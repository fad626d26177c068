import CKernels
import Files
import Vectors

/// A product's weights, laid out for it.
struct PackedLinear: Sendable {
    /// The outputs that one piece of work has: a panel of the layout.
    static let panel = 32

    let inputs: Int
    let outputs: Int
    /// Panels; for OpenBLAS [outputs, inputs].
    fileprivate let weight: Weights
    fileprivate let bias: Weights

    /// How many panels there are.
    var panels: Int { (outputs + Self.panel - 1) / Self.panel }

    /// The outputs of one panel.
    func panel(_ index: Int) -> Range<Int> { index * Self.panel..<min((index + 1) * Self.panel, outputs) }
}

extension Products {
    /// Rows of a matrix of weights [outputs, inputs], with their biases.
    struct Part {
        var weight: UnsafePointer<Float>
        var bias: UnsafePointer<Float>
        var outputs: Int
    }

    /// Lays the rows of `parts` out as one product.
    func pack(_ parts: [Part], inputs: Int) -> PackedLinear {
        let outputs = parts.reduce(0) { $0 + $1.outputs }
        let bias = Matrix(rows: 1, columns: outputs)
        var row = 0
        for part in parts {
            (bias.pointer + row).update(from: part.bias, count: part.outputs)
            row += part.outputs
        }
        let places = usesBLAS ? outputs * inputs : belfry_nn_packed_size(number, inputs, outputs)
        // Panels of f32 are the same for all kernels of our own.
        let keeps = !usesBLAS && !rounds
        if keeps, let ready = prepared?.next(places) {
            return PackedLinear(inputs: inputs, outputs: outputs, weight: ready, bias: Weights(bias))
        }
        let weight = Matrix(rows: 1, columns: places)
        defer { if keeps { prepared?.keep(UnsafePointer(weight.pointer), places) } }
        if usesBLAS {
            gather(parts, inputs, into: weight.pointer)
        } else if parts.dropLast().allSatisfy({ $0.outputs % PackedLinear.panel == 0 }) {
            var place = weight.pointer
            for part in parts {
                belfry_nn_pack(isa, number, part.weight, inputs, part.outputs, place)
                place += belfry_nn_packed_size(number, inputs, part.outputs)
            }
        } else {
            // A panel has rows of two parts.
            let plain = Matrix(rows: outputs, columns: inputs)
            gather(parts, inputs, into: plain.pointer)
            belfry_nn_pack(isa, number, plain.pointer, inputs, outputs, weight.pointer)
        }
        return PackedLinear(inputs: inputs, outputs: outputs, weight: Weights(weight), bias: Weights(bias))
    }

    /// Lays a matrix of weights [inputs, outputs] out as one product, with its biases or none.
    func pack(
        columns weight: UnsafePointer<Float>, inputs: Int, outputs: Int, bias given: UnsafePointer<Float>?
    ) -> PackedLinear {
        precondition(!usesBLAS && !rounds, "a layout of panels of f32")
        let bias = Matrix(rows: 1, columns: outputs)
        if let given {
            bias.pointer.update(from: given, count: outputs)
        } else {
            bias.pointer.update(repeating: 0, count: outputs)
        }
        let panels = Matrix(rows: 1, columns: belfry_nn_packed_size(number, inputs, outputs))
        var place = panels.pointer
        for first in stride(from: 0, to: outputs, by: PackedLinear.panel) {
            let width = min(PackedLinear.panel, outputs - first)
            for input in 0..<inputs {
                place.update(from: weight + input * outputs + first, count: width)
                (place + width).update(repeating: 0, count: PackedLinear.panel - width)
                place += PackedLinear.panel
            }
        }
        return PackedLinear(inputs: inputs, outputs: outputs, weight: Weights(panels), bias: Weights(bias))
    }

    private func gather(_ parts: [Part], _ inputs: Int, into target: UnsafeMutablePointer<Float>) {
        var target = target
        for part in parts {
            target.update(from: part.weight, count: part.outputs * inputs)
            target += part.outputs * inputs
        }
    }

    /// y = activation(x · weightᵀ + bias), or with `adds` activation(x · weightᵀ + bias + y), for some of the outputs.
    ///
    /// x is [rows, inputs] f32, or bf16 if this `rounds`. `columns` begin at a panel. y is f32 with `stride` floats a
    /// row, its first column the first of `columns`; or if it is nil, `rounded` is the same in bf16.
    func multiply(
        _ x: UnsafeRawPointer, rows: Int, _ part: PackedLinear, columns: Range<Int>,
        _ activation: belfry_activation = BELFRY_IDENTITY, adds: Bool = false, into y: UnsafeMutablePointer<Float>?,
        rounded: UnsafeMutablePointer<UInt16>? = nil, stride: Int
    ) {
        let bias = part.bias.pointer + columns.lowerBound
        guard usesBLAS, let y else {
            var product = belfry_nn_product(
                x: x, x_stride: part.inputs, rows: rows,
                packed: part.weight.pointer + belfry_nn_packed_size(number, part.inputs, columns.lowerBound),
                inputs: part.inputs, outputs: columns.count, bias: bias, activation: activation,
                residual: adds ? UnsafePointer(y) : nil, y: y, y_stride: stride, rounded: rounded)
            belfry_nn_multiply(isa, number, &product)
            return
        }
        BLAS.multiply(
            m: rows, n: columns.count, k: part.inputs, x.assumingMemoryBound(to: Float.self),
            part.weight.pointer + columns.lowerBound * part.inputs, into: y, transposeB: true, leadingC: stride,
            beta: adds ? 1 : 0)
        for row in 0..<rows {
            let values = y + row * stride
            for column in 0..<columns.count { values[column] += bias[column] }
            belfry_nn_activate(isa, values, columns.count, activation)
        }
    }
}
