import CKernels
import Files

/// What a recurrent layer multiplies by, packed: at import if it is constant, else in each call.
///
/// One direction after another, each of them the product with the input, [gates · hidden, inputs], then those with the
/// state. The biases of input and state are one, unless `keepsStateBias`.
struct RecurrentWeights: Sendable {
    /// How many gates each product with the state gives.
    private let parts: [Int]
    private let gates: Int
    private let keepsStateBias: Bool
    private let packed: Tensor?
    private let buffer: Int

    init(_ node: NodeContext, parts: [Int], keepsStateBias: Bool = false) {
        (self.parts, self.keepsStateBias) = (parts, keepsStateBias)
        gates = parts.reduce(0, +)
        buffer = node.reserveBuffer()
        guard let w = node.constant(1), let r = node.constant(2), !node.has(3) || node.constant(3) != nil,
            w.shape.rank == 3, r.shape.rank == 3, w.shape[1] == gates * r.shape[2], r.shape[1] == w.shape[1],
            r.shape[0] == w.shape[0], w.shape[0] <= 2,
            node.constant(3).map({ $0.shape == [w.shape[0], 2 * w.shape[1]] }) ?? true
        else {
            packed = nil
            return
        }
        let (inputs, hidden, directions) = (w.shape[2], r.shape[2], w.shape[0])
        let count = Self.floats(inputs, hidden, parts) * directions
        let memory = TensorBuffer(bytes: 4 * count)
        Self.pack(
            w.view, r.view, node.constant(3)?.view, parts, keepsStateBias,
            into: memory.start.assumingMemoryBound(to: Float.self))
        packed = Tensor(memory, type: .float32, shape: [count])
    }

    /// The products of one direction.
    struct Direction {
        let input: UnsafePointer<Float>
        let state: UnsafePointer<Float>
        /// The second product with the state, if there is one.
        let second: UnsafePointer<Float>
    }

    /// The packed weights of all directions, for `direction`.
    func memory(_ call: Call, _ extents: RecurrentExtents) throws(BelfryError) -> UnsafePointer<Float> {
        if let packed { return UnsafePointer(packed.view.floats) }
        let count = Self.floats(extents.inputs, extents.hidden, parts) * extents.directions
        let memory = try call.buffer(buffer, bytes: 4 * count).assumingMemoryBound(to: Float.self)
        Self.pack(call.input(1), call.input(2), call.optional(3), parts, keepsStateBias, into: memory)
        return UnsafePointer(memory)
    }

    func direction(_ number: Int, _ memory: UnsafePointer<Float>, _ extents: RecurrentExtents) -> Direction {
        let input = memory + number * Self.floats(extents.inputs, extents.hidden, parts)
        let state = input + Staging.rounded(belfry_packed_floats(extents.inputs, gates * extents.hidden))
        let second = state + Staging.rounded(belfry_packed_floats(extents.hidden, parts[0] * extents.hidden))
        return Direction(input: input, state: state, second: second)
    }

    private static func floats(_ inputs: Int, _ hidden: Int, _ parts: [Int]) -> Int {
        parts.reduce(Staging.rounded(belfry_packed_floats(inputs, parts.reduce(0, +) * hidden))) {
            $0 + Staging.rounded(belfry_packed_floats(hidden, $1 * hidden))
        }
    }

    private static func pack(
        _ w: TensorView, _ r: TensorView, _ bias: TensorView?, _ parts: [Int], _ keepsStateBias: Bool,
        into memory: UnsafeMutablePointer<Float>
    ) {
        let (inputs, hidden, outputs) = (w.shape[2], r.shape[2], w.shape[1])
        var next = memory
        for direction in 0..<w.shape[0] {
            let biases = bias.map { UnsafePointer($0.floats) + direction * 2 * outputs }
            belfry_packed_rows(w.floats + direction * outputs * inputs, inputs, inputs, outputs, biases, next)
            if let biases, !keepsStateBias {
                for output in 0..<outputs { next[output] += biases[outputs + output] }
            }
            next += Staging.rounded(belfry_packed_floats(inputs, outputs))
            var first = 0
            for part in parts {
                let rows = r.floats + (direction * outputs + first * hidden) * hidden
                let own = keepsStateBias ? biases.map { $0 + outputs + first * hidden } : nil
                belfry_packed_rows(rows, hidden, hidden, part * hidden, own, next)
                next += Staging.rounded(belfry_packed_floats(hidden, part * hidden))
                first += part
            }
        }
    }
}
