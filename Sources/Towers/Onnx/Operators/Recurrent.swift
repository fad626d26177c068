import CKernels
import Files

extension OperatorTable {
    /// Layers that go through a sequence step by step.
    static let recurrent: [Operator] = [gru, lstm]

    /// A gated recurrent unit (Cho et al., 2014). With `linear_before_reset` it is the form of cuDNN, which PyTorch and
    /// Keras export.
    private static let gru = Operator(
        "GRU", versions: 7...Operator.newest, inputs: 3...6, outputs: 1...2
    ) { node throws(BelfryError) in
        try requireFloats(node, 6)
        let settings = try RecurrentSettings(node, gates: 3, activations: ["Sigmoid", "Tanh"])
        let isLinear = try node.flag("linear_before_reset")
        let weights = RecurrentWeights(node, parts: isLinear ? [3] : [2, 1], keepsStateBias: isLinear)
        return Kernel(.float32, .float32) { call throws(BelfryError) in
            let pass = try RecurrentPass(call, settings, weights, hasCells: false)
            try pass.run(call) { pass, piece in
                let cell = GatedCell(settings, piece.direction)
                isLinear ? pass.gru(piece, cell) : pass.gruResettingFirst(piece, cell)
            }
        }
    }

    /// A long short-term memory (Hochreiter and Schmidhuber, 1997), with peepholes if it has an eighth input.
    private static let lstm = Operator(
        "LSTM", versions: 7...Operator.newest, inputs: 3...8, outputs: 1...3
    ) { node throws(BelfryError) in
        try requireFloats(node, 8)
        let settings = try RecurrentSettings(node, gates: 4, activations: ["Sigmoid", "Tanh", "Tanh"])
        let couplesForget = try node.flag("input_forget")
        let weights = RecurrentWeights(node, parts: [4])
        return Kernel(.float32, .float32, .float32) { call throws(BelfryError) in
            var pass = try RecurrentPass(call, settings, weights, hasCells: true)
            let peepholes = call.optional(7)
            let hidden = pass.extents.hidden
            guard peepholes == nil || peepholes!.shape == [settings.directions, 3 * hidden] else {
                throw call.fail("its peepholes have the shape \(peepholes!.shape)")
            }
            pass.peepholes = (peepholes?.floats).map { UnsafePointer($0) }
            try pass.run(call) { pass, piece in
                var cell = GatedCell(settings, piece.direction)
                cell.couplesForget = couplesForget
                cell.peepholes = pass.peepholes.map { $0 + piece.direction * 3 * hidden }
                pass.lstm(piece, cell)
            }
        }
    }

    private static func requireFloats(_ node: NodeContext, _ inputs: Int) throws(BelfryError) {
        for index in 0..<inputs where node.has(index) { _ = try node.type(index, in: [index == 4 ? .int32 : .float32]) }
    }
}

extension RecurrentPass {
    /// All steps of a GRU whose reset gate acts on what the state gives.
    fileprivate func gru(_ piece: Piece, _ cell: GatedCell) {
        let (isPlain, hidden) = (cell.isPlain, extents.hidden)
        for step in 0..<piece.steps {
            multiply(state(piece.texts.lowerBound, piece), piece.products.state, gates: 0..<3, piece)
            for text in piece.texts {
                guard let token = token(step, text, piece) else { continue }
                let (x, r, h) = (given(token, text, piece), asked(text, piece), state(text, piece))
                if isPlain { belfry_gates_gru(isa, x, r, h, hidden) } else { cell.gru(x, r, h, hidden) }
                show(h, token, text, piece)
            }
        }
    }

    /// All steps of a GRU whose reset gate acts on the state: a second product takes what it left.
    fileprivate func gruResettingFirst(_ piece: Piece, _ cell: GatedCell) {
        let (isPlain, hidden) = (cell.isPlain, extents.hidden)
        for step in 0..<piece.steps {
            multiply(state(piece.texts.lowerBound, piece), piece.products.state, gates: 0..<2, piece)
            for text in piece.texts {
                // A text that has ended goes along, so that the second product reads nothing that is not there.
                let token = token(step, text, piece) ?? 0
                let (x, r, h) = (given(token, text, piece), asked(text, piece), state(text, piece))
                let reset = other(text, piece)
                if isPlain {
                    belfry_gates_gru_reset(isa, x, r, h, reset, hidden)
                } else {
                    cell.gruReset(x, r, h, reset, hidden)
                }
            }
            multiply(other(piece.texts.lowerBound, piece), piece.products.second, gates: 2..<3, piece)
            for text in piece.texts {
                guard let token = token(step, text, piece) else { continue }
                let (x, r, h) = (given(token, text, piece), asked(text, piece), state(text, piece))
                if isPlain {
                    belfry_gates_gru_update(isa, x, r, r + 2 * hidden, h, hidden)
                } else {
                    cell.gruUpdate(x, r, r + 2 * hidden, h, hidden)
                }
                show(h, token, text, piece)
            }
        }
    }

    /// All steps of an LSTM.
    fileprivate func lstm(_ piece: Piece, _ cell: GatedCell) {
        let isPlain = cell.isPlain && !cell.couplesForget && cell.peepholes == nil
        let hidden = extents.hidden
        for step in 0..<piece.steps {
            multiply(state(piece.texts.lowerBound, piece), piece.products.state, gates: 0..<4, piece)
            for text in piece.texts {
                guard let token = token(step, text, piece) else { continue }
                let (x, r, h) = (given(token, text, piece), asked(text, piece), state(text, piece))
                let c = other(text, piece)
                if isPlain { belfry_gates_lstm(isa, x, r, c, h, hidden) } else { cell.lstm(x, r, c, h, hidden) }
                show(h, token, text, piece)
            }
        }
    }
}
