import CKernels
import Files

/// The extents and attributes that GRU and LSTM share.
struct RecurrentSettings: Sendable {
    enum Direction: String { case forward, reverse, bidirectional }

    /// Gates of one unit.
    let gates: Int
    let directions: Int
    /// Whether direction 0 goes from the end to the beginning.
    let startsBackwards: Bool
    /// Whether texts come before tokens.
    let isBatchFirst: Bool
    let clip: Float?
    /// For each direction, one for the gates, then those for what goes into the state and out of it.
    let activations: [[RecurrentActivation]]
    /// Whether the kernels have these activations built in.
    let isPlain: Bool
    private let hidden: Int?

    init(_ node: NodeContext, gates: Int, activations names: [String]) throws(BelfryError) {
        self.gates = gates
        hidden = try node.int("hidden_size")
        let name = try node.string("direction") ?? "forward"
        guard let direction = Direction(rawValue: name) else { throw node.invalid("its direction is “\(name)”") }
        directions = direction == .bidirectional ? 2 : 1
        startsBackwards = direction == .reverse
        isBatchFirst = try node.flag("layout")
        clip = try node.float("clip")
        activations = try RecurrentActivation.read(node, names, directions: directions)
        isPlain = clip == nil && activations.allSatisfy { list in
            list.enumerated().allSatisfy { $1.kind == ($0 == 0 ? .sigmoid : .tanh) }
        }
    }

    /// The extents of a call, checked.
    func extents(_ call: Call) throws(BelfryError) -> RecurrentExtents {
        let (x, w, r) = (call.input(0).shape, call.input(1).shape, call.input(2).shape)
        guard x.rank == 3, w.rank == 3, r.rank == 3, w[0] == directions, r[0] == directions, w[1] == gates * r[2],
            r[1] == w[1], w[2] == x[2], hidden == nil || hidden! == r[2]
        else { throw call.fail("its input has the shape \(x), its weights \(w) and \(r)") }
        let extents = RecurrentExtents(
            steps: x[isBatchFirst ? 1 : 0], texts: x[isBatchFirst ? 0 : 1], inputs: x[2], hidden: r[2],
            directions: directions, isBatchFirst: isBatchFirst)
        if let bias = call.optional(3), bias.shape != [directions, 2 * w[1]] {
            throw call.fail("its bias has the shape \(bias.shape)")
        }
        if let lengths = call.optional(4) {
            guard lengths.shape == [extents.texts] else { throw call.fail("sequence_lens has the shape \(lengths.shape)") }
            for text in 0..<extents.texts where !(0...extents.steps).contains(lengths.integer(text)) {
                throw call.fail("a sequence has the length \(lengths.integer(text)) of \(extents.steps)")
            }
        }
        for index in 5...6 {
            if let state = call.optional(index), state.shape != extents.stateShape {
                throw call.fail("an initial state has the shape \(state.shape) instead of \(extents.stateShape)")
            }
        }
        return extents
    }
}

/// The extents of one call, and where things lie.
struct RecurrentExtents {
    let steps: Int
    let texts: Int
    let inputs: Int
    let hidden: Int
    let directions: Int
    let isBatchFirst: Bool

    var outputShape: Shape {
        isBatchFirst ? [texts, steps, directions, hidden] : [steps, directions, texts, hidden]
    }
    var stateShape: Shape { isBatchFirst ? [texts, directions, hidden] : [directions, texts, hidden] }

    /// The row of the input, and of what the input gives to the gates.
    func inputRow(_ step: Int, _ text: Int) -> Int { isBatchFirst ? text * steps + step : step * texts + text }

    /// Where a row of the output begins.
    func output(_ step: Int, _ direction: Int, _ text: Int) -> Int {
        (isBatchFirst ? (text * steps + step) * directions + direction : (step * directions + direction) * texts + text)
            * hidden
    }

    /// Where a text's state begins in a tensor of states.
    func state(_ direction: Int, _ text: Int) -> Int {
        (isBatchFirst ? text * directions + direction : direction * texts + text) * hidden
    }

    /// Copies a tensor's states of one direction to rows [texts, hidden], or fills these with 0.
    func load(_ states: TensorView?, _ direction: Int, into rows: UnsafeMutablePointer<Float>) {
        guard let states else { return rows.update(repeating: 0, count: texts * hidden) }
        for text in 0..<texts {
            (rows + text * hidden).update(from: states.floats + state(direction, text), count: hidden)
        }
    }

    func store(_ rows: UnsafePointer<Float>, _ direction: Int, into states: TensorView) {
        for text in 0..<texts {
            (states.floats + state(direction, text)).update(from: rows + text * hidden, count: hidden)
        }
    }
}
