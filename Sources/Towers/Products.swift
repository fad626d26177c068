import CKernels
import Vectors

/// The matrix products of the encoder and the head, and the one place that chooses who computes them.
///
/// With AVX2 or AVX-512 Belfry's own kernel does: it reads the weights where they lie and finishes bias, residual and
/// activation while the tile is in the first cache. On one thread of an AVX-512 machine it reached 88, 173 and 231
/// GFLOP/s for 8, 32 and 512 rows where OpenBLAS's sgemm reached 56, 131 and 225. For other processors (ARM, old x86)
/// there is only the plain C version of the kernel, which OpenBLAS's own assembly beats many times over: there the
/// product is a sgemm, and bias and activation are passes of their own.
struct Products: Sendable {
    /// What the other kernels of the tower run on.
    let isa: belfry_isa
    /// Whether products are OpenBLAS's. Its bits may depend on how many rows a call has.
    let usesBLAS: Bool

    init(_ instructionSet: InstructionSet) {
        isa = instructionSet.isa
        usesBLAS = instructionSet == .scalar
    }

    /// y = activation(x · weightᵀ + bias), or with `adds` activation(x · weightᵀ + bias + y).
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
