import Files
import Vectors

extension OperatorTable {
    /// Operators that move a window over an image or a sequence.
    static let convolution: [Operator] = [conv, maxPool, globalAveragePool]

    /// y [batch, outputs, …] = the windows of x [batch, channels, …] times w [outputs, channels / group, …], plus a
    /// bias for each output.
    ///
    /// What the windows see is laid out as a matrix [channels · window, positions], a block of positions at a time, so
    /// that a convolution is a product per text and group.
    private static let conv = Operator("Conv", inputs: 2...3) { node throws(BelfryError) in
        let type = try node.commonType(in: TensorType.staged)
        let settings = try WindowSettings(node)
        let groups = try node.int("group", default: 1, in: 1...NodeContext.maxParts)
        return Kernel(type) { call throws(BelfryError) in
            let (x, w, bias) = (call.input(0), call.input(1), call.optional(2))
            guard x.shape.rank >= 3, w.shape.rank == x.shape.rank, x.shape[1] % groups == 0,
                w.shape[1] == x.shape[1] / groups,
                w.shape[0] % groups == 0, bias == nil || bias!.shape == [w.shape[0]]
            else {
                throw call.fail("its input has the shape \(x.shape) and its weights \(w.shape), in \(groups) groups")
            }
            var extents = Shape()
            for axis in 2..<w.shape.rank { extents.append(w.shape[axis]) }
            for (axis, extent) in (settings.kernel ?? []).enumerated() {
                guard axis < extents.rank, extents[axis] == extent else {
                    throw call.fail("its kernel_shape is not that of its weights \(w.shape)")
                }
            }
            let window = try settings.window(x.shape, kernel: extents, call)
            guard max(window.outputSize, w.shape[0], w.count / max(w.shape[0], 1)) <= Int32.max else {
                throw call.fail("its input has the shape \(x.shape)")
            }
            var shape: Shape = [x.shape[0], w.shape[0]]
            for axis in 0..<extents.rank { shape.append(window.output[3 - extents.rank + axis]) }
            let y = try call.output(0, shape)
            guard y.count > 0 else { return }

            let (channels, outputs, positions) = (x.shape[1] / groups, w.shape[0] / groups, window.outputSize)
            let depth = channels * window.kernelSize
            // As many positions at a time as keep the matrix within 1 MiB, so that it stays near.
            let block = window.isIdentity ? positions : min(positions, max((1 << 18) / max(depth, 1), 64))
            var staging = try Staging(
                call,
                Staging.room(x) + Staging.room(w) + Staging.room(bias) + Staging.room(y)
                    + (window.isIdentity ? 0 : Staging.rounded(depth * block)))
            let (from, weights) = (staging.floats(x), staging.floats(w))
            let offsets = bias.map { staging.floats($0) }
            let target = staging.target(y)
            let columns = window.isIdentity ? from : staging.take(depth * block)
            for text in 0..<x.shape[0] {
                for group in 0..<groups {
                    let image = from + (text * groups + group) * channels * window.inputSize
                    let result = target + (text * groups + group) * outputs * positions
                    let matrix = weights + group * outputs * depth
                    for output in 0..<outputs {
                        (result + output * positions).update(
                            repeating: offsets?[group * outputs + output] ?? 0, count: positions)
                    }
                    for first in stride(from: 0, to: positions, by: block) {
                        let count = min(block, positions - first)
                        if !window.isIdentity {
                            window.lay(image, channels, first..<first + count, into: columns, stride: block)
                        }
                        BLAS.multiply(
                            m: outputs, n: count, k: depth, matrix, window.isIdentity ? image : columns,
                            into: result + first, leadingB: block, leadingC: positions, beta: 1)
                    }
                }
            }
            staging.finish(y, target)
        }
    }
}

extension Window {
    /// What the window sees at each of `range`'s positions: a row for every channel and element of the window.
    fileprivate func lay(
        _ image: UnsafePointer<Float>, _ channels: Int, _ range: Range<Int>,
        into columns: UnsafeMutablePointer<Float>, stride: Int
    ) {
        var row = columns
        for channel in 0..<channels {
            let plane = image + channel * inputSize
            for z in 0..<kernel[0] {
                for y in 0..<kernel[1] {
                    for x in 0..<kernel[2] {
                        lay(plane, (z, y, x), range, into: row)
                        row += stride
                    }
                }
            }
        }
    }

    /// One element of the window at each position, line by line of the output.
    private func lay(
        _ plane: UnsafePointer<Float>, _ offset: (Int, Int, Int), _ range: Range<Int>,
        into row: UnsafeMutablePointer<Float>
    ) {
        var position = range.lowerBound
        while position < range.upperBound {
            let (line, start) = (position / output[2], position % output[2])
            let end = min(output[2], start + range.upperBound - position)
            let to = row + (position - range.lowerBound) - start
            let (z, y) = (place(0, line / output[1], offset.0), place(1, line % output[1], offset.1))
            position += end - start
            guard z >= 0, z < input[0], y >= 0, y < input[1] else {
                (to + start).update(repeating: 0, count: end - start)
                continue
            }
            let from = plane + (z * input[1] + y) * input[2]
            let (step, width) = (self.step[2], input[2])
            var x = place(2, start, offset.2)
            for index in start..<end {
                to[index] = x >= 0 && x < width ? from[x] : 0
                x += step
            }
        }
    }
}
