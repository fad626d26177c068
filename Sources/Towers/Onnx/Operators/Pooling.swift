import Files

extension OperatorTable {
    /// How often a pooling may look at elements, so that it ends: about a minute.
    private static let maxLooks = 1 << 36

    /// The greatest element that a window sees, and where it is: its number in the whole input.
    static let maxPool = Operator("MaxPool", inputs: 1...1, outputs: 1...2) { node throws(BelfryError) in
        let type = try node.type(0, in: TensorType.floats.union([.uint8, .int8]))
        let settings = try WindowSettings(node)
        guard let kernel = settings.kernel, let extents = Shape(kernel) else {
            throw node.invalid("it has no kernel_shape")
        }
        let isColumnMajor = try node.flag("storage_order")
        return Kernel(type, .int64) { call throws(BelfryError) in
            let x = call.input(0)
            guard x.shape.rank >= 3 else { throw call.fail("its input has the shape \(x.shape)") }
            let window = try settings.window(x.shape, kernel: extents, call)
            guard window.padsLessThanItReaches else { throw call.fail("it pads more than its window reaches") }
            var shape: Shape = [x.shape[0], x.shape[1]]
            for axis in 0..<extents.rank { shape.append(window.output[3 - extents.rank + axis]) }
            let y = try call.output(0, shape)
            guard y.count <= maxLooks / max(min(window.kernelSize, window.inputSize), 1) else {
                throw call.unsupported("its window of \(extents) would look more than \(maxLooks) times at \(x.shape)")
            }
            let places = call.wants(1) ? try call.output(1, shape) : nil
            try type.withNumber(MaxPoolBody(window: window, x: x, y: y, places: places, isColumnMajor: isColumnMajor))
        }
    }

    /// The mean of each channel.
    static let globalAveragePool = Operator("GlobalAveragePool", inputs: 1...1) { node throws(BelfryError) in
        let type = try node.type(0, in: TensorType.staged)
        return Kernel(type) { call throws(BelfryError) in
            let x = call.input(0)
            guard x.shape.rank >= 2 else { throw call.fail("its input has the shape \(x.shape)") }
            var shape = Shape(rank: x.shape.rank)
            (shape[0], shape[1]) = (x.shape[0], x.shape[1])
            let y = try call.output(0, shape)
            var staging = try Staging(call, Staging.room(x) + Staging.room(y))
            let (from, to) = (staging.floats(x), staging.target(y))
            let size = x.shape.elements(in: 2..<x.shape.rank)
            for channel in 0..<y.count {
                var sum = 0.0
                for index in channel * size..<(channel + 1) * size { sum += Double(from[index]) }
                to[channel] = Float(sum / Double(size))
            }
            staging.finish(y, to)
        }
    }
}

private struct MaxPoolBody: NumberBody {
    let window: Window
    let x: TensorView
    let y: TensorView
    let places: TensorView?
    let isColumnMajor: Bool

    func run<Element: Number>(_: Element.Type) {
        let (window, size) = (window, window.inputSize)
        let (input, output) = (window.input, window.output)
        let to = y.elements(Element.self)
        let places = places?.elements(Int64.self)
        var position = 0
        for channel in 0..<x.shape[0] * x.shape[1] {
            let from = x.elements(Element.self) + channel * size
            for z in 0..<output[0] {
                for y in 0..<output[1] {
                    for x in 0..<output[2] {
                        // Padding is never the greatest: only what lies inside is looked at.
                        var (maximum, place) = (Element.lowest, -1)
                        let columns = window.inside(2, x)
                        for k in window.inside(0, z) {
                            let a = window.place(0, z, k)
                            for k in window.inside(1, y) {
                                let b = window.place(1, y, k)
                                for k in columns {
                                    let c = window.place(2, x, k)
                                    let value = from[(a * input[1] + b) * input[2] + c]
                                    guard place < 0 || value > maximum else { continue }
                                    maximum = value
                                    place =
                                        isColumnMajor
                                        ? (c * input[1] + b) * input[0] + a : (a * input[1] + b) * input[2] + c
                                }
                            }
                        }
                        to[position] = maximum
                        places?[position] = Int64(channel * size + max(place, 0))
                        position += 1
                    }
                }
            }
        }
    }
}
