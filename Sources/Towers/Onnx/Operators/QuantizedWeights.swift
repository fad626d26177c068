import CKernels
import Files

extension OperatorTable {
    /// A product with weights of few bits, in blocks that have a scale and a zero point each: [outputs, blocks, bytes],
    /// the lowest bits of a byte first.
    ///
    /// The weights are laid out as f32 at import: a tower's vectors do not change with what a processor has for few bits.
    static let matMulNBits = Operator(
        "MatMulNBits", domain: microsoftDomain, inputs: 3...6
    ) { node throws(BelfryError) in
        _ = try node.type(0, in: [.float32])
        let weights = try BlockWeights(node)
        let bias = node.has(5) ? node.constant(5) : nil
        guard bias != nil || !node.has(5) else { throw node.unsupported("a bias that is not constant") }
        guard bias == nil || bias!.type == .float32 && bias!.count == weights.outputs else {
            throw node.invalid("its bias has the shape \(bias!.shape)")
        }
        // How exact the product must be at least: it always is f32's.
        node.ignore("accuracy_level")
        let (inner, columns) = (weights.inputs, weights.outputs)
        let matrix = Tensor(try weights.floats(node), shape: [columns, inner])
        return Kernel(.float32) { call throws(BelfryError) in
            let x = call.input(0)
            guard x.shape.last == inner else { throw call.fail("its input has the shape \(x.shape) for \(inner) rows") }
            var shape = x.shape
            shape[shape.rank - 1] = columns
            let y = try call.output(0, shape)
            guard y.count > 0 else { return }
            var product = MatrixProduct(rows: y.count / columns, inner: inner, columns: columns)
            product.transposesB = true
            product.bias = bias.map { UnsafePointer($0.view.floats) }
            try product.multiply(x, 0, matrix.view, 0, into: y, 0, call)
            withExtendedLifetime((matrix, bias)) {}
        }
    }
}

/// The constants of a MatMulNBits.
private struct BlockWeights {
    let inputs: Int
    let outputs: Int
    private let bits: Int
    private let block: Int
    private var blocks: Int { (inputs + block - 1) / block }

    init(_ node: NodeContext) throws(BelfryError) {
        guard let inputs = try node.int("K", in: 1...NodeContext.maxParts),
            let outputs = try node.int("N", in: 1...NodeContext.maxParts)
        else { throw node.invalid("it has no K and N") }
        bits = try node.int("bits", default: 4)
        block = try node.int("block_size", default: 32, in: 16...1 << 16)
        (self.inputs, self.outputs) = (inputs, outputs)
        guard [2, 4, 8].contains(bits) else { throw node.unsupported("weights of \(bits) bits") }
        guard block & (block - 1) == 0 else { throw node.invalid("its block_size is \(block)") }
        guard !node.has(4) else { throw node.unsupported("an order of its inputs (g_idx)") }
    }

    /// The weights, [outputs, inputs].
    func floats(_ node: NodeContext) throws(BelfryError) -> [Float] {
        guard let packed = node.constant(1), let scales = node.constant(2), packed.type == .uint8,
            !node.has(3) || node.constant(3) != nil
        else { throw node.unsupported("weights that are not constant bytes") }
        let bytes = block * bits / 8
        guard packed.count == outputs * blocks * bytes, scales.count == outputs * blocks,
            TensorType.staged.contains(scales.type)
        else { throw node.invalid("its weights have the shape \(packed.shape) and its scales \(scales.shape)") }
        let zeros = try zeros(node)
        let factors = try scales.floats(node.name)
        var result = [Float](repeating: 0, count: outputs * inputs)
        let codes = packed.values(UInt8.self)
        let (perByte, mask) = (8 / bits, UInt8(truncatingIfNeeded: 1 << bits - 1))
        for output in 0..<outputs {
            for input in 0..<inputs {
                let (number, within) = (output * blocks + input / block, input % block)
                let byte = codes[number * bytes + within / perByte]
                let code = byte >> UInt8(within % perByte * bits) & mask
                result[output * inputs + input] = (Float(code) - zeros[number]) * factors[number]
            }
        }
        return result
    }

    /// The zero point of each block: half of the range without any.
    private func zeros(_ node: NodeContext) throws(BelfryError) -> [Float] {
        guard let given = node.constant(3) else {
            return [Float](repeating: Float(1 << (bits - 1)), count: outputs * blocks)
        }
        if given.type != .uint8 {
            guard TensorType.staged.contains(given.type), given.count == outputs * blocks else {
                throw node.invalid("its zero points have the shape \(given.shape)")
            }
            return try given.floats(node.name)
        }
        // Packed as the weights are, each output's from a byte of its own on.
        let row = (blocks * bits + 7) / 8
        guard given.count == outputs * row else {
            throw node.invalid("its zero points have the shape \(given.shape)")
        }
        let (codes, perByte) = (given.values(UInt8.self), 8 / bits)
        let mask = UInt8(truncatingIfNeeded: 1 << bits - 1)
        return (0..<outputs * blocks).map { number in
            let (output, place) = (number / blocks, number % blocks)
            return Float(codes[output * row + place / perByte] >> UInt8(place % perByte * bits) & mask)
        }
    }
}
