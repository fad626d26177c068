import Files

extension OperatorTable {
    /// Operators that run graphs.
    static let control: [Operator] = [branch, loop]

    /// A branch that is known at import is the only one that is compiled.
    private static let branch = Operator("If", inputs: 1...1, outputs: 1...Operator.any) { node throws(BelfryError) in
        _ = try node.type(0, in: [.bool])
        if let condition = node.constant(0), condition.count == 1 {
            let isTrue = condition.values(Bool.self)[0]
            node.ignore(isTrue ? "else_branch" : "then_branch")
            let taken = try node.body(isTrue ? "then_branch" : "else_branch", inputs: [])
            return Kernel(types: taken.types) { call throws(BelfryError) in try run(taken, call) }
        }
        let first = try node.body("then_branch", inputs: [])
        let second = try node.body("else_branch", inputs: [])
        guard first.types == second.types else {
            throw node.invalid("its branches give \(first.types) and \(second.types)")
        }
        return Kernel(types: first.types) { call throws(BelfryError) in
            guard call.input(0).count == 1 else { throw call.fail("its condition is not one value") }
            try run(call.input(0).elements(Bool.self)[0] ? first : second, call)
        }
    }

    /// Runs a graph and copies what it gives.
    private static func run(_ body: SubgraphBody, _ call: Call) throws(BelfryError) {
        try body.run(call.frame)
        for (index, slot) in body.outputs.enumerated() where call.wants(index) {
            let result = call.frame.values[slot]
            try call.output(index, result.shape).start.copyMemory(from: result.start, byteCount: result.byteCount)
        }
    }

    /// Inputs: how often at most, whether at all, and what is carried from one turn to the next. The body takes the
    /// turn's number, the condition and what is carried; it gives the condition, what is carried, and what is collected.
    private static let loop = Operator("Loop", inputs: 1...Operator.any, outputs: 1...Operator.any) {
        node throws(BelfryError) in
        if node.has(0) { _ = try node.type(0, in: [.int64]) }
        if node.has(1) { _ = try node.type(1, in: [.bool]) }
        var carriedTypes: [TensorType] = []
        for index in 2..<max(node.inputTypes.count, 2) { carriedTypes.append(try node.type(index)) }
        let carried = carriedTypes.count
        let body = try node.body("body", inputs: [.int64, .bool] + carriedTypes)
        guard body.types.count >= 1 + carried, body.types[0] == .bool,
            Array(body.types.dropFirst().prefix(carried)) == carriedTypes
        else { throw node.invalid("its body gives \(body.types)") }
        let collected = body.types.count - 1 - carried
        // For each carried value two buffers in turn: a new value may be computed from an old one that has its place.
        let buffers = (0..<1 + 2 * carried + collected).map { _ in node.reserveBuffer() }
        return Kernel(types: Array(body.types[1...])) { call throws(BelfryError) in
            try LoopBody(call: call, body: body, carried: carried, collected: collected, buffers: buffers).run()
        }
    }
}

/// One run of a Loop.
private struct LoopBody {
    let call: Call
    let body: SubgraphBody
    let carried: Int
    let collected: Int
    let buffers: [Int]

    func run() throws(BelfryError) {
        let frame = call.frame
        for index in 0..<2 {
            if let given = call.optional(index), given.count != 1 {
                throw call.fail("its input \(index) is not one value")
            }
        }
        let limit = call.optional(0)?.integer(0) ?? Int.max
        var goesOn = call.optional(1)?.elements(Bool.self)[0] ?? true
        let control = try call.buffer(buffers[0], bytes: 64)
        frame.values[body.inputs[0]] = TensorView(type: .int64, shape: [], start: control)
        frame.values[body.inputs[1]] = TensorView(type: .bool, shape: [], start: control + 8)
        for index in 0..<carried { frame.values[body.inputs[2 + index]] = call.input(2 + index) }
        var rows = [Shape?](repeating: nil, count: collected)
        var next = (0..<carried).map { call.input(2 + $0) }
        var turn = 0
        while goesOn, turn < limit {
            guard !Task.isCancelled else { throw BelfryError(.cancelled, "The work was cancelled.") }
            guard frame.turn() else { throw call.fail("the loops of one run take more than \(Frame.maxTurns) turns") }
            control.storeBytes(of: Int64(turn), as: Int64.self)
            control.storeBytes(of: goesOn, toByteOffset: 8, as: Bool.self)
            try body.run(frame)
            let condition = frame.values[body.outputs[0]]
            guard condition.count == 1 else { throw call.fail("its body's condition is not one value") }
            goesOn = condition.elements(Bool.self)[0]
            for index in 0..<collected { try collect(index, turn, &rows[index]) }
            for index in 0..<carried {
                let value = frame.values[body.outputs[1 + index]]
                let memory = try call.buffer(buffers[1 + 2 * index + turn % 2], bytes: value.byteCount)
                memory.copyMemory(from: value.start, byteCount: value.byteCount)
                next[index] = TensorView(type: value.type, shape: value.shape, start: memory)
            }
            // Only now: a value may have been copied from another one's input.
            for index in 0..<carried { frame.values[body.inputs[2 + index]] = next[index] }
            turn += 1
        }
        for index in 0..<carried where call.wants(index) {
            let value = frame.values[body.inputs[2 + index]]
            try call.output(index, value.shape).start.copyMemory(from: value.start, byteCount: value.byteCount)
        }
        for index in 0..<collected where call.wants(carried + index) { try give(index, turn, rows[index]) }
    }

    /// Appends what the body gave to the rows of a collected output.
    private func collect(_ index: Int, _ turn: Int, _ row: inout Shape?) throws(BelfryError) {
        let value = call.frame.values[body.outputs[1 + carried + index]]
        guard row == nil || row == value.shape else {
            throw call.fail("its body gives \(value.shape) after \(row!), which cannot be collected")
        }
        row = value.shape
        let number = buffers[1 + 2 * carried + index]
        let needed = (turn + 1) * value.byteCount
        // Doubled, so that a long loop copies each row a few times at most.
        let memory = try call.buffer(number, bytes: turn & (turn - 1) == 0 || turn == 0 ? 2 * needed : needed)
        (memory + turn * value.byteCount).copyMemory(from: value.start, byteCount: value.byteCount)
    }

    private func give(_ index: Int, _ turns: Int, _ row: Shape?) throws(BelfryError) {
        var shape: Shape = [turns]
        let row = row ?? []
        try call.checkRank(row.rank + 1)
        for extent in row { shape.append(extent) }
        let y = try call.output(carried + index, shape)
        let memory = try call.buffer(buffers[1 + 2 * carried + index], bytes: y.byteCount)
        y.start.copyMemory(from: memory, byteCount: y.byteCount)
    }
}
