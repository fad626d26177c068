import Files

/// How a window moves over the spatial dimensions of a tensor [batch, channels, …]: the attributes that convolution
/// and pooling share.
struct WindowSettings: Sendable {
    private enum AutoPad: String { case notSet = "NOTSET", valid = "VALID", upper = "SAME_UPPER", lower = "SAME_LOWER" }

    let kernel: [Int]?
    private let strides: [Int]?
    private let dilations: [Int]?
    private let pads: [Int]?
    private let autoPad: AutoPad
    private let roundsUp: Bool

    /// What no extent, step or pad reaches, so that their products are numbers.
    private static let limit = 1 << 20
    /// The most spatial dimensions.
    static let maxDimensions = 3

    init(_ node: NodeContext) throws(BelfryError) {
        kernel = try node.ints("kernel_shape")
        strides = try node.ints("strides")
        dilations = try node.ints("dilations")
        pads = try node.ints("pads")
        let name = try node.string("auto_pad") ?? "NOTSET"
        guard let autoPad = AutoPad(rawValue: name) else { throw node.invalid("auto_pad is “\(name)”") }
        self.autoPad = autoPad
        roundsUp = try node.flag("ceil_mode")
        let limit = Self.limit
        for list in [kernel, strides, dilations] {
            guard list?.allSatisfy({ $0 > 0 && $0 < limit }) ?? true else {
                throw node.invalid("its window is not positive")
            }
        }
        guard pads?.allSatisfy({ $0 >= 0 && $0 < limit }) ?? true else { throw node.unsupported("negative pads") }
    }

    /// The window of `kernel` elements over a tensor of shape `x`.
    func window(_ x: Shape, kernel: Shape, _ call: Call) throws(BelfryError) -> Window {
        let count = x.rank - 2
        guard count >= 1 else { throw call.fail("its input \(x) has no spatial dimensions") }
        guard count <= Self.maxDimensions else {
            throw call.unsupported(
                "its input has the shape \(x), but at most \(Self.maxDimensions) spatial dimensions are supported")
        }
        guard kernel.rank == count, (self.kernel?.count ?? count) == count, (strides?.count ?? count) == count,
            (dilations?.count ?? count) == count, (pads?.count ?? 2 * count) == 2 * count
        else { throw call.fail("its window does not have the \(count) dimensions of its input \(x)") }
        var window = Window()
        for axis in 0..<count {
            let (size, extent) = (x[axis + 2], kernel[axis])
            guard extent > 0, extent < Self.limit else { throw call.fail("its window has the shape \(kernel)") }
            let (step, dilation) = (strides?[axis] ?? 1, dilations?[axis] ?? 1)
            let reach = (extent - 1) * dilation + 1
            var (before, after) = (pads?[axis] ?? 0, pads?[axis + count] ?? 0)
            var positions: Int
            switch autoPad {
            case .upper, .lower:
                positions = (size + step - 1) / step
                let missing = max((positions - 1) * step + reach - size, 0)
                before = autoPad == .upper ? missing / 2 : missing - missing / 2
                after = missing - before
            case .valid, .notSet:
                if autoPad == .valid { (before, after) = (0, 0) }
                let room = size + before + after - reach
                positions = room < 0 ? 0 : room / step + 1
                if roundsUp, room >= 0, room % step != 0, positions * step < size + before { positions += 1 }
            }
            guard positions > 0 else {
                throw call.fail("its window of \(reach) does not fit into dimension \(axis + 2) of its input \(x)")
            }
            window.input[axis] = size
            window.output[axis] = positions
            window.kernel[axis] = extent
            window.step[axis] = step
            window.dilation[axis] = dilation
            window.before[axis] = before
            if before >= reach || after >= reach { window.padsLessThanItReaches = false }
        }
        // Pads make places without any memory: their number must be one, too.
        guard Self.isCount(window.output) else {
            throw call.fail("its window would have too many positions over its input \(x)")
        }
        // Missing dimensions come first and have one element, so that a line is always the last one.
        window.shift(Self.maxDimensions - count)
        return window
    }

    /// Whether a tensor may have so many elements.
    private static func isCount(_ extents: Window.Triple) -> Bool {
        ([extents[0], extents[1], extents[2]] as Shape).checkedElements != nil
    }
}

/// The numbers of a window for one input, in three dimensions.
struct Window {
    typealias Triple = InlineArray<3, Int>

    var input = Triple(repeating: 1)
    var output = Triple(repeating: 1)
    var kernel = Triple(repeating: 1)
    var step = Triple(repeating: 1)
    var dilation = Triple(repeating: 1)
    var before = Triple(repeating: 0)
    /// Whether the padding on each side is less than the window's reach, as pooling demands: windows of nothing but
    /// padding have no greatest element.
    fileprivate(set) var padsLessThanItReaches = true

    fileprivate mutating func shift(_ count: Int) {
        func shifted(_ values: Triple, _ filler: Int) -> Triple {
            var result = Triple(repeating: filler)
            for axis in count..<3 { result[axis] = values[axis - count] }
            return result
        }
        (input, output, kernel) = (shifted(input, 1), shifted(output, 1), shifted(kernel, 1))
        (step, dilation, before) = (shifted(step, 1), shifted(dilation, 1), shifted(before, 0))
    }

    /// Elements of one channel of the input, of the output, of the window.
    var inputSize: Int { input[0] * input[1] * input[2] }
    var outputSize: Int { output[0] * output[1] * output[2] }
    var kernelSize: Int { kernel[0] * kernel[1] * kernel[2] }

    /// Where the window's element `offset` lies along `axis` when the window is at `position`; may be outside.
    func place(_ axis: Int, _ position: Int, _ offset: Int) -> Int {
        position * step[axis] + offset * dilation[axis] - before[axis]
    }

    /// Which of the window's elements along `axis` lie inside of the input when the window is at `position`.
    func inside(_ axis: Int, _ position: Int) -> Range<Int> {
        let start = position * step[axis] - before[axis]
        let first = start < 0 ? (-start + dilation[axis] - 1) / dilation[axis] : 0
        let end = start < input[axis] ? (input[axis] - start + dilation[axis] - 1) / dilation[axis] : 0
        let last = min(end, kernel[axis])
        return min(first, last)..<last
    }

    /// Whether every position sees exactly the element of the same place.
    var isIdentity: Bool {
        kernelSize == 1 && outputSize == inputSize && step[0] * step[1] * step[2] == 1
            && before[0] + before[1] + before[2] == 0
    }
}
