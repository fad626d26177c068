import Files

/// The gates of one text in one step with any activations, a clip and peepholes, one number at a time; the kernels do
/// the same for what nearly every model has.
struct GatedCell {
    /// Whether the kernels' sigmoid and tanh are what is asked for.
    let isPlain: Bool
    private let gate: RecurrentActivation
    private let inner: RecurrentActivation
    private let outer: RecurrentActivation
    private let clip: Float
    /// Whether an LSTM forgets exactly as much as it takes in.
    var couplesForget = false
    /// An LSTM's weights by which its gates i, o and f see the cell: 3 · hidden.
    var peepholes: UnsafePointer<Float>?

    init(_ settings: RecurrentSettings, _ direction: Int) {
        let list = settings.activations[direction]
        (isPlain, gate, inner, outer) = (settings.isPlain, list[0], list[1], list[list.count - 1])
        clip = settings.clip ?? .infinity
    }

    private func clipped(_ x: Float) -> Float { min(max(x, -clip), clip) }

    /// z and r of x and r, then n of x_n + r · r_n, then h = n + z · (h - n).
    func gru(_ x: UnsafePointer<Float>, _ r: UnsafePointer<Float>, _ h: UnsafeMutablePointer<Float>, _ hidden: Int) {
        for index in 0..<hidden {
            let z = gate(clipped(x[index] + r[index]))
            let reset = gate(clipped(x[hidden + index] + r[hidden + index]))
            let new = inner(clipped(x[2 * hidden + index] + reset * r[2 * hidden + index]))
            h[index] = new + z * (h[index] - new)
        }
    }

    /// z replaces r_z; `reset` = r · h.
    func gruReset(
        _ x: UnsafePointer<Float>, _ r: UnsafeMutablePointer<Float>, _ h: UnsafePointer<Float>,
        _ reset: UnsafeMutablePointer<Float>, _ hidden: Int
    ) {
        for index in 0..<hidden {
            r[index] = gate(clipped(x[index] + r[index]))
            reset[index] = gate(clipped(x[hidden + index] + r[hidden + index])) * h[index]
        }
    }

    /// h = n + z · (h - n), where n is of x_n + c.
    func gruUpdate(
        _ x: UnsafePointer<Float>, _ z: UnsafePointer<Float>, _ c: UnsafePointer<Float>,
        _ h: UnsafeMutablePointer<Float>, _ hidden: Int
    ) {
        for index in 0..<hidden {
            let new = inner(clipped(x[2 * hidden + index] + c[index]))
            h[index] = new + z[index] * (h[index] - new)
        }
    }

    /// The gates i, o, f and g; i and f see the cell as it was, o as it is.
    func lstm(
        _ x: UnsafePointer<Float>, _ r: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>,
        _ h: UnsafeMutablePointer<Float>, _ hidden: Int
    ) {
        for index in 0..<hidden {
            var (i, o) = (x[index] + r[index], x[hidden + index] + r[hidden + index])
            var f = x[2 * hidden + index] + r[2 * hidden + index]
            if let peepholes {
                i += peepholes[index] * c[index]
                f += peepholes[2 * hidden + index] * c[index]
            }
            i = gate(clipped(i))
            f = couplesForget ? 1 - i : gate(clipped(f))
            let new = inner(clipped(x[3 * hidden + index] + r[3 * hidden + index]))
            c[index] = f * c[index] + i * new
            if let peepholes { o += peepholes[hidden + index] * c[index] }
            h[index] = gate(clipped(o)) * outer(c[index])
        }
    }
}
