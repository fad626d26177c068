import CKernels
import Vectors

/// The matrix products of the encoder and the head, and the one place that chooses who computes them.
///
/// With AVX2 or AVX-512 Belfry's own kernel does: it finishes bias, residual and activation while the tile is in the
/// first cache. For other processors (ARM, old x86) there is only the plain C version of the kernel, which OpenBLAS's
/// own assembly beats many times over: there the product is a sgemm, and bias and activation are passes of their own.
///
/// Weights that serve every token are laid out once (`pack`): on one thread of an AVX-512 machine a product of 16 rows
/// with all weights of a MiniLM took 1.6 ms so, and 3.8 ms when they were transposed on the way; of 512 rows 46 ms
/// and 48.
struct Products: Sendable {
    /// What the other kernels of the tower run on.
    let isa: belfry_isa
    /// Whether products are OpenBLAS's. Its bits may depend on how many rows a call has.
    let usesBLAS: Bool
    /// What packed weights, and the inputs of products with them, are rounded to.
    let number: belfry_number
    /// Weights that are laid out already, or those that are being laid out for the next time; nil for neither.
    var prepared: PreparedWeights?
    /// Whether that is bf16.
    var rounds: Bool { number != BELFRY_F32 }

    init(_ instructionSet: InstructionSet, _ precision: Precision = .f32) {
        isa = instructionSet.isa
        usesBLAS = instructionSet == .scalar
        number = precision == .bf16 ? BELFRY_BF16 : BELFRY_F32
    }

    /// y = activation(x · weightᵀ + bias), or with `adds` activation(x · weightᵀ + bias + y), in f32.
    ///
    /// x is [rows, inputs] without gaps, weight [outputs, inputs], y [rows, outputs] with `stride` floats a row.
    func multiply(
        _ x: UnsafePointer<Float>, rows: Int, _ weight: UnsafePointer<Float>, inputs: Int, outputs: Int,
        bias: UnsafePointer<Float>?, _ activation: belfry_activation = BELFRY_IDENTITY, adds: Bool = false,
        into y: UnsafeMutablePointer<Float>, stride: Int, _ workspace: Workspace
    ) {
        guard usesBLAS else {
            belfry_nn_linear(
                isa, x, inputs, rows, weight, inputs, outputs, bias, activation, adds ? UnsafePointer(y) : nil, y,
                stride, workspace.buffer(.panel, Int(BELFRY_NN_LINEAR_SCRATCH)))
            return
        }
        BLAS.multiply(
            m: rows, n: outputs, k: inputs, x, weight, into: y, transposeB: true, leadingC: stride,
            beta: adds ? 1 : 0)
        for row in 0..<rows {
            let values = y + row * stride
            if let bias {
                for column in 0..<outputs { values[column] += bias[column] }
            }
            belfry_nn_activate(isa, values, outputs, activation)
        }
    }
}
