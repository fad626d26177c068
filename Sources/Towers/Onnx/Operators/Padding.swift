import Files

extension OperatorTable {
    static let padding: [Operator] = [pad]

    private enum PadMode: String { case constant, reflect, edge, wrap }

    /// Elements before and behind each dimension, or with negative numbers fewer of them. Pads are an attribute up to
    /// version 10, an input from 11 on.
    private static let pad = Operator("Pad", versions: 2...Operator.newest, inputs: 1...4) {
        node throws(BelfryError) in
        let name = try node.string("mode") ?? "constant"
        guard let mode = PadMode(rawValue: name) else { throw node.unsupported("the mode “\(name)”") }
        let type = try node.type(0)
        var fixed: [Int]?
        var fallback: Float = 0
        if node.version < 11 {
            guard node.inputTypes.count == 1, let pads = try node.ints("pads") else {
                throw node.invalid("it has no pads")
            }
            (fixed, fallback) = (pads, try node.float("value", default: 0))
            guard fallback == 0 || type == .float32 else { throw node.unsupported("a value for \(type)") }
        } else {
            _ = try node.type(1, in: [.int64])
            if node.has(2) { _ = try node.type(2, in: [type]) }
            if node.has(3) { _ = try node.type(3, in: TensorType.indices) }
        }
        let (given, filler) = (fixed, fallback)
        return Kernel(type) { call throws(BelfryError) in
            let x = call.input(0)
            let rank = x.shape.rank
            let pads = given ?? (0..<call.input(1).count).map { call.input(1).integer($0) }
            let axes = call.has(3) ? try call.axes(try call.list(3), of: x.shape) : Shape(0..<rank)!
            guard pads.count == 2 * axes.rank else {
                throw call.fail("it has \(pads.count) pads for \(axes.rank) dimensions")
            }
            guard pads.allSatisfy({ $0.magnitude < 1 << 40 }) else {
                throw call.fail("its pads \(pads) are more than any tensor has elements")
            }
            var shape = x.shape
            var before = Shape(rank: rank, repeating: 0)
            for (index, axis) in axes.enumerated() {
                before[axis] = pads[index]
                shape[axis] += pads[index] + pads[index + axes.rank]
                guard shape[axis] >= 0, mode == .constant || x.shape[axis] > 0 || shape[axis] == 0 else {
                    throw call.fail("its pads \(pads) do not fit \(x.shape)")
                }
            }
            let y = try call.output(0, shape)
            guard y.count > 0 else { return }
            // For each index of each dimension of the output its index in the input, or -1.
            let sources = shape.indices.map { axis in
                (0..<shape[axis]).map { source($0 - before[axis], x.shape[axis], mode) }
            }
            // The value's bits, in the lowest bytes; zeros of all types have the same.
            var value = UInt64(filler.bitPattern)
            if let given = call.optional(2) {
                guard given.count == 1 else { throw call.fail("its value is not one number") }
                value = 0
                withUnsafeMutableBytes(of: &value) {
                    $0.baseAddress!.copyMemory(from: given.start, byteCount: type.size)
                }
            }
            try type.withBits(PadBody(x: x, y: y, sources: sources, filler: value))
        }
    }

    private static func source(_ place: Int, _ extent: Int, _ mode: PadMode) -> Int {
        if place >= 0, place < extent { return place }
        switch mode {
        case .constant: return -1
        case .edge: return place < 0 ? 0 : extent - 1
        case .wrap: return ((place % extent) + extent) % extent
        case .reflect:
            // There and back again without the ends twice.
            guard extent > 1 else { return 0 }
            let period = 2 * (extent - 1)
            let phase = ((place % period) + period) % period
            return phase < extent ? phase : period - phase
        }
    }

    private struct PadBody: NumberBody {
        let x: TensorView
        let y: TensorView
        let sources: [[Int]]
        let filler: UInt64

        func run<Element: Number>(_: Element.Type) {
            let (from, to) = (x.bits(Element.self), y.bits(Element.self))
            let value = withUnsafeBytes(of: filler) { $0.loadUnaligned(as: Element.self) }
            let strides = x.shape.strides
            let rank = y.shape.rank
            guard rank > 0 else {
                to[0] = from[0]
                return
            }
            var index = Shape(rank: rank, repeating: 0)
            let (row, last) = (y.shape[rank - 1], sources[rank - 1])
            for start in stride(from: 0, to: y.count, by: row) {
                var place = 0
                for axis in 0..<rank - 1 {
                    let source = sources[axis][index[axis]]
                    if source < 0 {
                        place = -1
                        break
                    }
                    place += source * strides[axis]
                }
                for column in 0..<row {
                    let source = last[column]
                    to[start + column] = place < 0 || source < 0 ? value : from[place + source]
                }
                var axis = rank - 2
                while axis >= 0 {
                    index[axis] += 1
                    if index[axis] < y.shape[axis] { break }
                    index[axis] = 0
                    axis -= 1
                }
            }
        }
    }
}
