import CKernels
import Files
import Foundation

extension OperatorTable {
    /// Numbers of few bits and back: y = round(x / scale) + zero point, x = (y - zero point) · scale.
    static let quantization: [Operator] = [
        quantizeLinear, dequantizeLinear, dynamicQuantizeLinear, matMulInteger, qLinearMatMul,
    ]

    private static let dequantizeLinear = Operator(
        "DequantizeLinear", versions: 10...Operator.newest, inputs: 2...3
    ) { node throws(BelfryError) in
        let type = try node.type(0, in: QuantizedType.all.union([.int32]))
        let scales = try node.type(1, in: TensorType.staged)
        if node.has(2) { _ = try node.type(2, in: [type]) }
        let granularity = try Granularity(node)
        let output = try outputType(node) ?? scales
        guard TensorType.staged.contains(output) else { throw node.unsupported("the output type \(output)") }
        let quantized = QuantizedType(type)
        return Kernel(output) { call throws(BelfryError) in
            let (x, scale, zero) = (call.input(0), call.input(1), call.optional(2))
            let y = try call.output(0, x.shape)
            guard y.count > 0 else { return }
            let layout = try granularity.layout(x.shape, scale.shape, zero?.shape, call)
            var staging = try Staging(
                call, Staging.room(scale) + Staging.rounded(zero?.count ?? 0) + Staging.room(y))
            let factors = staging.floats(scale)
            let zeros = zero.map { _ in staging.take(zero!.count) }
            if let zero, let zeros { try quantized.decode(zero, into: zeros) }
            let target = staging.target(y)
            try quantized.decode(x, into: target)
            for row in 0..<layout.rows {
                let (values, first) = (target + row * layout.columns, layout.start(row))
                if layout.step == 0 {
                    let (factor, shift) = (factors[first], zeros?[first] ?? 0)
                    for column in 0..<layout.columns { values[column] = (values[column] - shift) * factor }
                } else {
                    for column in 0..<layout.columns {
                        values[column] = (values[column] - (zeros?[first + column] ?? 0)) * factors[first + column]
                    }
                }
            }
            staging.finish(y, target)
        }
    }

    private static let quantizeLinear = Operator(
        "QuantizeLinear", versions: 10...Operator.newest, inputs: 2...3
    ) { node throws(BelfryError) in
        let type = try node.type(0, in: TensorType.staged.union([.int32]))
        _ = try node.type(1, in: TensorType.staged)
        let granularity = try Granularity(node)
        let rounding = try SmallFloat.Rounding(node)
        let declared = try outputType(node)
        let output = node.has(2) ? try node.type(2, in: QuantizedType.all) : declared ?? .uint8
        guard declared == nil || declared == output, QuantizedType.all.contains(output) else {
            throw node.invalid("its output_dtype is \(declared ?? output), its zero point \(output)")
        }
        // The division is done in f32 whatever is asked for: no narrower one is more exact.
        node.ignore("precision")
        let (quantized, plain) = (QuantizedType(output), QuantizedType(type))
        return Kernel(output) { call throws(BelfryError) in
            let (x, scale, zero) = (call.input(0), call.input(1), call.optional(2))
            let y = try call.output(0, x.shape)
            guard y.count > 0 else { return }
            let layout = try granularity.layout(x.shape, scale.shape, zero?.shape, call)
            var staging = try Staging(
                call, Staging.room(scale) + Staging.rounded(zero?.count ?? 0) + Staging.rounded(x.count))
            let factors = staging.floats(scale)
            let zeros = zero.map { _ in staging.take(zero!.count) }
            if let zero, let zeros { try quantized.decode(zero, into: zeros) }
            let target = staging.take(x.count)
            if type == .int32 { try plain.decode(x, into: target) } else { staging.widen(x, into: target) }
            for row in 0..<layout.rows {
                let (values, first) = (target + row * layout.columns, layout.start(row))
                if layout.step == 0 {
                    quantized.round(values, layout.columns, factors[first], zeros?[first] ?? 0)
                } else {
                    for column in 0..<layout.columns {
                        quantized.round(values + column, 1, factors[first + column], zeros?[first + column] ?? 0)
                    }
                }
            }
            try quantized.encode(target, into: y, rounding)
        }
    }

    private static func outputType(_ node: NodeContext) throws(BelfryError) -> TensorType? {
        guard let number = try node.int("output_dtype"), number != 0 else { return nil }
        guard let type = Int32(exactly: number).flatMap(TensorType.init) else {
            throw node.invalid("its output_dtype is \(number)")
        }
        return type
    }

    /// Quantizes to 8 bits by the range of the input, which always includes 0.
    private static let dynamicQuantizeLinear = Operator(
        "DynamicQuantizeLinear", versions: 11...Operator.newest, inputs: 1...1, outputs: 3...3
    ) { node throws(BelfryError) in
        try dynamicQuantization(node, perRow: false)
    }

    /// The same by the range of each row, so that a row's numbers do not depend on those beside it: scale and zero point
    /// are [rows, 1, …, 1].
    static let dynamicQuantizeRows = Operator(
        "DynamicQuantizeRows", domain: Operator.fused, inputs: 1...1, outputs: 3...3
    ) { node throws(BelfryError) in
        try dynamicQuantization(node, perRow: true)
    }

    private static func dynamicQuantization(_ node: NodeContext, perRow: Bool) throws(BelfryError) -> Kernel {
        _ = try node.type(0, in: [.float32])
        let quantized = QuantizedType(.uint8)
        return Kernel(.uint8, .float32, .uint8) { call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            var shape = Shape()
            if perRow, x.shape.rank > 0 {
                shape = Shape(rank: x.shape.rank)
                shape[0] = x.shape[0]
            }
            let (scales, zeros) = (try call.output(1, shape), try call.output(2, shape))
            let target = try call.scratch(x.count)
            target.update(from: x.floats, count: x.count)
            let size = shape.elements > 0 ? x.count / shape.elements : 0
            for row in 0..<shape.elements {
                let values = target + row * size
                var (minimum, maximum): (Float, Float) = (0, 0)
                for index in 0..<size {
                    minimum = values[index] < minimum ? values[index] : minimum
                    maximum = values[index] > maximum ? values[index] : maximum
                }
                let scale = maximum == minimum ? 1 : (maximum - minimum) / 255
                // What is not a number, of an infinite range or one too small for a scale, is the last code, as in
                // onnxruntime.
                let place = -minimum / scale
                let zero = place.isNaN ? 255 : min(max(place, 0), 255).rounded(.toNearestOrEven)
                scales.floats[row] = scale
                zeros.elements(UInt8.self)[row] = UInt8(zero)
                quantized.round(values, size, scale, zero)
            }
            try quantized.encode(target, into: y, SmallFloat.Rounding())
        }
    }
}

/// Which scale belongs to which element: one for all, one for each index of a dimension, or one for each block of one.
private struct Granularity: Sendable {
    private let axis: Int
    private let block: Int

    init(_ node: NodeContext) throws(BelfryError) {
        axis = try node.int("axis", default: 1)
        block = try node.int("block_size", default: 0)
        guard block >= 0, block < 1 << 48 else { throw node.invalid("its block_size is \(block)") }
    }

    /// Rows of elements, each with one scale (`step` 0) or as many as it has elements (`step` 1).
    struct Layout {
        var rows: Int
        var columns: Int
        var step = 0
        fileprivate var extent = 1
        fileprivate var block = 0
        fileprivate var blocks = 1

        /// The row's first scale.
        func start(_ row: Int) -> Int {
            guard block > 0 else { return row % extent }
            return (row / extent * blocks + row % extent / block) * columns
        }
    }

    func layout(_ shape: Shape, _ scales: Shape, _ zeros: Shape?, _ call: Call) throws(BelfryError) -> Layout {
        guard zeros == nil || zeros!.elements == scales.elements else {
            throw call.fail("its scale has the shape \(scales), its zero point \(zeros!)")
        }
        if scales.elements == 1, block == 0 { return Layout(rows: 1, columns: shape.elements) }
        let axis = try call.axis(axis, of: shape)
        let rows = shape.elements(in: 0..<axis + 1)
        var layout = Layout(rows: rows, columns: shape.elements(in: axis + 1..<shape.rank))
        layout.extent = shape[axis]
        guard block > 0 else {
            guard scales.rank == 1, scales[0] == shape[axis] else {
                throw call.fail("its scale has the shape \(scales) for dimension \(axis) of \(shape)")
            }
            return layout
        }
        var wanted = shape
        wanted[axis] = (shape[axis] + block - 1) / block
        guard scales == wanted else { throw call.fail("its scale has the shape \(scales) instead of \(wanted)") }
        (layout.step, layout.block, layout.blocks) = (1, block, wanted[axis])
        return layout
    }
}
