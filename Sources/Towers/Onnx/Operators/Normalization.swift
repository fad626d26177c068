import CKernels
import Files
import Foundation
import Vectors

extension OperatorTable {
    /// Norms, and the activation that goes with them in encoders.
    static let normalization: [Operator] = [
        layerNormalization, rms("RMSNormalization", from: 23), rms("SimplifiedLayerNormalization", from: 1),
        rms("SimplifiedLayerNormalization", domain: microsoftDomain, from: 1), batchNormalization, lpNormalization,
        gelu,
    ]

    /// (x - mean) / √(variance + epsilon) · scale + bias over the dimensions from `axis` on (Ba et al., 2016).
    ///
    /// The optimizer of onnxruntime writes it in files of older opsets, too.
    private static let layerNormalization = Operator(
        "LayerNormalization", inputs: 2...3, outputs: 1...3
    ) { node throws(BelfryError) in
        let type = try node.type(0, in: TensorType.staged)
        for index in 1...2 where node.has(index) { _ = try node.type(index, in: TensorType.staged) }
        let (axis, epsilon) = (try node.int("axis", default: -1), try node.float("epsilon", default: 1e-5))
        guard try node.int("stash_type", default: 1) == 1 else { throw node.unsupported("a stash_type beside f32") }
        return Kernel(type, .float32, .float32) { call throws(BelfryError) in
            let (x, scale, bias) = (call.input(0), call.input(1), call.optional(2))
            let y = try call.output(0, x.shape)
            let norm = try NormalizedRows(x.shape, axis, call)
            guard y.count > 0 else {
                return try norm.statistics(of: y.start.assumingMemoryBound(to: Float.self), epsilon, call)
            }
            var staging = try Staging(
                call, norm.room(scale) + norm.room(bias) + Staging.rounded(norm.columns) + Staging.room(y))
            let weight = try norm.row(scale, &staging, call)
            let offset: UnsafeMutablePointer<Float>
            if let bias {
                offset = try norm.row(bias, &staging, call)
            } else {
                offset = staging.take(norm.columns)
                offset.update(repeating: 0, count: norm.columns)
            }
            let target = staging.target(y)
            staging.widen(x, into: target)
            try norm.statistics(of: target, epsilon, call)
            normalize(target, norm.rows, norm.columns, weight, offset, epsilon, call)
            staging.finish(y, target)
        }
    }

    /// x / √(mean of x² + epsilon) · scale over the dimensions from `axis` on (Zhang and Sennrich, 2019).
    ///
    /// The optimizer of onnxruntime writes it under a name of its own, in the standard's domain, too.
    private static func rms(_ name: String, domain: String = Operator.standard, from: Int) -> Operator {
        Operator(name, domain: domain, versions: from...Operator.newest, inputs: 2...2) { node throws(BelfryError) in
            try rms(node)
        }
    }

    private static func rms(_ node: NodeContext) throws(BelfryError) -> Kernel {
        let type = try node.type(0, in: TensorType.staged)
        _ = try node.type(1, in: TensorType.staged)
        let (axis, epsilon) = (try node.int("axis", default: -1), try node.float("epsilon", default: 1e-5))
        guard try node.int("stash_type", default: 1) == 1 else { throw node.unsupported("a stash_type beside f32") }
        return Kernel(type) { call throws(BelfryError) in
            let (x, scale) = (call.input(0), call.input(1))
            let y = try call.output(0, x.shape)
            guard y.count > 0 else { return }
            let norm = try NormalizedRows(x.shape, axis, call)
            var staging = try Staging(call, norm.room(scale) + Staging.room(y))
            let weight = try norm.row(scale, &staging, call)
            let target = staging.target(y)
            staging.widen(x, into: target)
            for row in 0..<norm.rows {
                let values = target + row * norm.columns
                var squares: Float = 0
                for column in 0..<norm.columns { squares += values[column] * values[column] }
                let factor = 1 / (squares / Float(norm.columns) + epsilon).squareRoot()
                for column in 0..<norm.columns { values[column] *= factor * weight[column] }
            }
            staging.finish(y, target)
        }
    }

    /// x divided by its norm along one dimension, in f32 as onnxruntime does it: zeros where that is 0.
    private static let lpNormalization = Operator("LpNormalization", inputs: 1...1) { node throws(BelfryError) in
        let type = try node.type(0, in: TensorType.staged)
        let (axis, p) = (try node.int("axis", default: -1), try node.int("p", default: 2))
        guard p == 1 || p == 2 else { throw node.unsupported("the norm \(p)") }
        return Kernel(type) { call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            guard y.count > 0 else { return }
            let axis = try call.axis(axis, of: x.shape)
            var staging = try Staging(call, Staging.room(y))
            let target = staging.target(y)
            staging.widen(x, into: target)
            let (extent, step) = (x.shape[axis], x.shape.elements(in: axis + 1..<x.shape.rank))
            for row in 0..<x.shape.elements(in: 0..<axis) * step {
                let values = target + row / step * extent * step + row % step
                var sum: Float = 0
                for index in 0..<extent {
                    let value = values[index * step]
                    sum += p == 1 ? abs(value) : value * value
                }
                let norm = p == 1 ? sum : sum.squareRoot()
                for index in 0..<extent { values[index * step] = norm == 0 ? 0 : values[index * step] / norm }
            }
            staging.finish(y, target)
        }
    }

    /// (x - mean) / √(variance + epsilon) · scale + bias, each of them one number per channel, as a trained model has
    /// them (Ioffe and Szegedy, 2015).
    private static let batchNormalization = Operator(
        "BatchNormalization", versions: 7...Operator.newest, inputs: 5...5, outputs: 1...5
    ) { node throws(BelfryError) in
        let type = try node.type(0, in: TensorType.staged)
        for index in 1...4 { _ = try node.type(index, in: TensorType.staged) }
        let epsilon = try node.float("epsilon", default: 1e-5)
        node.ignore("momentum")
        guard try !node.flag("training_mode"), node.outputCount == 1 else {
            throw node.unsupported("the form for training, which changes its own weights")
        }
        guard try node.flag("spatial", default: true) else { throw node.unsupported("spatial = 0") }
        return Kernel(type) { call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            guard y.count > 0 else { return }
            guard x.shape.rank >= 2 else { throw call.fail("its input has the shape \(x.shape)") }
            let (channels, size) = (x.shape[1], x.shape.elements(in: 2..<x.shape.rank))
            var room = Staging.room(y)
            for index in 1...4 {
                guard call.input(index).count == channels else {
                    throw call.fail("input \(index) has the shape \(call.input(index).shape) for \(channels) channels")
                }
                room += Staging.room(call.input(index))
            }
            var staging = try Staging(call, room)
            let (scale, bias) = (staging.floats(call.input(1)), staging.floats(call.input(2)))
            let (mean, variance) = (staging.floats(call.input(3)), staging.floats(call.input(4)))
            let target = staging.target(y)
            staging.widen(x, into: target)
            for row in 0..<x.shape[0] * channels {
                let channel = row % channels
                let factor = scale[channel] / (variance[channel] + epsilon).squareRoot()
                let (center, offset) = (mean[channel], bias[channel])
                let values = target + row * size
                for index in 0..<size { values[index] = (values[index] - center) * factor + offset }
            }
            staging.finish(y, target)
        }
    }

    /// x / 2 · (1 + erf(x / √2)), or the form with tanh (Hendrycks and Gimpel, 2016).
    private static let gelu = Operator("Gelu", versions: 20...Operator.newest, inputs: 1...1) {
        node throws(BelfryError) in
        let approximation = try node.string("approximate") ?? "none"
        guard ["none", "tanh"].contains(approximation) else {
            throw node.unsupported("the approximation “\(approximation)”")
        }
        return try activation(node, approximation == "tanh" ? BELFRY_GELU_TANH : BELFRY_GELU_ERF)
    }

    /// The activation of input 0, plus input 1 if there is one.
    static func activation(_ node: NodeContext, _ activation: belfry_activation) throws(BelfryError) -> Kernel {
        let type = try node.commonType(in: TensorType.staged)
        return Kernel(type) { call throws(BelfryError) in
            let (x, bias) = (call.input(0), call.optional(1))
            let y = try call.output(0, x.shape)
            guard y.count > 0 else { return }
            var staging = try Staging(call, Staging.room(bias) + Staging.room(y))
            let target = staging.target(y)
            staging.widen(x, into: target)
            if let bias {
                guard bias.shape.rank == 1, bias.shape[0] == x.shape.last, bias.count > 0 else {
                    throw call.fail("its bias has the shape \(bias.shape) for \(x.shape)")
                }
                let (columns, offset) = (bias.count, staging.floats(bias))
                for row in 0..<x.count / columns {
                    let values = target + row * columns
                    for column in 0..<columns { values[column] += offset[column] }
                }
            }
            let isa = call.products.isa
            WorkPool(threads: call.threads).forEachSlice(
                of: UnsafeMutableBufferPointer(start: target, count: y.count), size: piece, reading: ()
            ) { values, _, _ in
                belfry_nn_activate(isa, values.baseAddress!, values.count, activation)
            }
            staging.finish(y, target)
        }
    }

    /// Layer norm of rows in place.
    static func normalize(
        _ x: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, _ weight: UnsafePointer<Float>,
        _ bias: UnsafePointer<Float>, _ epsilon: Float, _ call: Call
    ) {
        let isa = call.products.isa
        WorkPool(threads: call.threads).forEachRange(
            of: rows, size: max(piece / max(columns, 1), 1), sharing: (x: x, weight: weight, bias: bias)
        ) { range, _, shared in
            belfry_nn_layer_norm(
                isa, shared.x + range.lowerBound * columns, range.count, columns, shared.weight, shared.bias, epsilon)
        }
    }

    /// Elements that are worth a thread's while.
    private static let piece = 1 << 15
}
