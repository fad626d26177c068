import CKernels
import Files
import Vectors

/// One call of a recurrent layer: its memory, and the way through the steps.
///
/// 1. What the input gives to the gates is one product for all steps.
/// 2. Step by step: one product with the states of all texts, then each text's gates.
///
/// Texts that are shorter than the longest keep their state once they have ended, and have zeros as output.
struct RecurrentPass {
    let extents: RecurrentExtents
    let isa: belfry_isa
    /// Floats of one text's gates.
    let width: Int
    private let x: UnsafeMutablePointer<Float>
    private let lengths: TensorView?
    private let y: UnsafeMutablePointer<Float>?
    private let packed: UnsafePointer<Float>
    private let weights: RecurrentWeights
    private let startsBackwards: Bool
    /// [directions, steps · texts, width]: what the input gives to the gates.
    private let given: UnsafeMutablePointer<Float>
    /// [directions, texts, width]: what the state gives to them.
    private let asked: UnsafeMutablePointer<Float>
    /// [directions, texts, hidden]: the states.
    private let states: UnsafeMutablePointer<Float>
    /// The same: an LSTM's cells, a GRU's states after the reset gate.
    private let others: UnsafeMutablePointer<Float>
    /// Weights of the cells in the gates, [directions, 3 · hidden], if the layer has them.
    var peepholes: UnsafePointer<Float>?

    init(
        _ call: Call, _ settings: RecurrentSettings, _ weights: RecurrentWeights, hasCells: Bool
    ) throws(BelfryError) {
        extents = try settings.extents(call)
        (isa, width) = (call.products.isa, settings.gates * extents.hidden)
        (x, lengths, self.weights) = (call.input(0).floats, call.optional(4), weights)
        startsBackwards = settings.startsBackwards
        packed = try weights.memory(call, extents)
        y = call.wants(0) ? try call.output(0, extents.outputShape).floats : nil
        let texts = extents.directions * extents.texts
        let stateSize = Staging.rounded(texts * extents.hidden)
        var staging = try Staging(
            call, Staging.rounded(texts * extents.steps * width) + Staging.rounded(texts * width) + 2 * stateSize)
        given = staging.take(texts * extents.steps * width)
        asked = staging.take(texts * width)
        states = staging.take(texts * extents.hidden)
        others = staging.take(texts * extents.hidden)
        for direction in 0..<extents.directions {
            extents.load(call.optional(5), direction, into: states + direction * extents.texts * extents.hidden)
            guard hasCells else { continue }
            extents.load(call.optional(6), direction, into: others + direction * extents.texts * extents.hidden)
        }
    }

    /// Some texts in one direction, which need nothing of the others.
    struct Piece {
        let direction: Int
        let texts: Range<Int>
        let isBackward: Bool
        let products: RecurrentWeights.Direction
        /// How many steps the longest of the texts has.
        let steps: Int
    }

    /// Goes through all pieces, on as many threads as there may be, and fills the outputs with the last states.
    ///
    /// The pieces share the pass, and each writes the rows of its own texts.
    func run(_ call: Call, _ body: @Sendable (RecurrentPass, Piece) -> Void) throws(BelfryError) {
        let chunk = max((extents.texts + call.threads - 1) / call.threads, 1)
        let chunks = (extents.texts + chunk - 1) / chunk
        WorkPool(threads: call.threads).forEach(extents.directions * chunks, sharing: self) { piece, _, pass in
            let first = piece % chunks * chunk
            body(pass, pass.piece(piece / chunks, first..<min(first + chunk, pass.extents.texts)))
        }
        for (index, rows) in [(1, states), (2, others)] where call.wants(index) {
            let last = try call.output(index, extents.stateShape)
            for direction in 0..<extents.directions {
                extents.store(rows + direction * extents.texts * extents.hidden, direction, into: last)
            }
        }
    }

    private func piece(_ direction: Int, _ texts: Range<Int>) -> Piece {
        let products = weights.direction(direction, packed, extents)
        var steps = lengths == nil ? extents.steps : 0
        if let lengths {
            for text in texts { steps = max(steps, lengths.integer(text)) }
        }
        let target = given + direction * extents.steps * extents.texts * width
        // A piece's rows lie together if it has all texts, or if each text's steps do.
        let isWhole = texts.count == extents.texts || extents.isBatchFirst
        let rows = isWhole ? texts.count * extents.steps : texts.count
        for step in 0..<(isWhole ? min(extents.steps, 1) : extents.steps) {
            let row = extents.inputRow(step, texts.lowerBound)
            belfry_packed_multiply(
                isa, x + row * extents.inputs, extents.inputs, rows, products.input, extents.inputs, width,
                target + row * width, width)
        }
        if let y, let lengths {
            for text in texts {
                for step in lengths.integer(text)..<extents.steps {
                    (y + extents.output(step, direction, text)).update(repeating: 0, count: extents.hidden)
                }
            }
        }
        return Piece(
            direction: direction, texts: texts, isBackward: startsBackwards || direction == 1, products: products,
            steps: steps)
    }

    // MARK: what a step needs

    /// Where the text's token of this step stands in the sequence; nil once the text has ended.
    @inline(__always)
    func token(_ step: Int, _ text: Int, _ piece: Piece) -> Int? {
        let length = lengths?.integer(text) ?? extents.steps
        guard step < length else { return nil }
        return piece.isBackward ? length - 1 - step : step
    }

    /// What the token gives to its text's gates.
    @inline(__always)
    func given(_ token: Int, _ text: Int, _ piece: Piece) -> UnsafeMutablePointer<Float> {
        given + (piece.direction * extents.steps * extents.texts + extents.inputRow(token, text)) * width
    }

    /// What the text's state gives to its gates.
    @inline(__always)
    func asked(_ text: Int, _ piece: Piece) -> UnsafeMutablePointer<Float> {
        asked + (piece.direction * extents.texts + text) * width
    }

    @inline(__always)
    func state(_ text: Int, _ piece: Piece) -> UnsafeMutablePointer<Float> {
        states + (piece.direction * extents.texts + text) * extents.hidden
    }

    @inline(__always)
    func other(_ text: Int, _ piece: Piece) -> UnsafeMutablePointer<Float> {
        others + (piece.direction * extents.texts + text) * extents.hidden
    }

    /// asked ← the product of the states, or of what the reset gates left of them, for all texts of the piece.
    func multiply(
        _ rows: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, gates: Range<Int>, _ piece: Piece
    ) {
        belfry_packed_multiply(
            isa, rows, extents.hidden, piece.texts.count, weights, extents.hidden, gates.count * extents.hidden,
            asked(piece.texts.lowerBound, piece) + gates.lowerBound * extents.hidden, width)
    }

    /// Makes the state the output for this token.
    @inline(__always)
    func show(_ state: UnsafePointer<Float>, _ token: Int, _ text: Int, _ piece: Piece) {
        guard let y else { return }
        (y + extents.output(token, piece.direction, text)).update(from: state, count: extents.hidden)
    }
}
