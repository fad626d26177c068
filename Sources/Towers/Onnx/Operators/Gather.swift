import Files

extension OperatorTable {
    /// Operators that read or write at places which a tensor of indices names.
    static let gathering: [Operator] = [
        gather, gatherElements, gatherND, scatterND, scatterElements("ScatterElements", 11...Operator.newest),
        scatterElements("Scatter", 9...10),
    ]

    private static let gather = Operator("Gather", inputs: 2...2) { node throws(BelfryError) in
        let axis = try node.int("axis", default: 0)
        _ = try node.type(1, in: TensorType.indices)
        return Kernel(try node.type(0)) { call throws(BelfryError) in
            let (x, indices) = (call.input(0), call.input(1))
            let axis = try call.axis(axis, of: x.shape)
            try call.checkRank(x.shape.rank - 1 + indices.shape.rank)
            var shape = Shape()
            for before in 0..<axis { shape.append(x.shape[before]) }
            for extent in indices.shape { shape.append(extent) }
            for after in axis + 1..<max(x.shape.rank, axis + 1) { shape.append(x.shape[after]) }
            let y = try call.output(0, shape)
            guard y.count > 0 else { return }
            let (extent, count) = (x.shape[axis], indices.count)
            let inner = x.type.size * x.shape.elements(in: axis + 1..<x.shape.rank)
            for outer in 0..<x.shape.elements(in: 0..<axis) {
                let from = x.start + outer * extent * inner
                let to = y.start + outer * count * inner
                for index in 0..<count {
                    let row = try place(indices.integer(index), extent, call)
                    (to + index * inner).copyMemory(from: from + row * inner, byteCount: inner)
                }
            }
        }
    }

    /// An index that may count from the end.
    static func place(_ index: Int, _ extent: Int, _ call: Call) throws(BelfryError) -> Int {
        let counted = index < 0 ? index + extent : index
        guard counted >= 0, counted < extent else {
            throw call.fail("the index \(index) is not in a dimension of \(extent)")
        }
        return counted
    }

    private static let gatherElements = Operator(
        "GatherElements", versions: 11...Operator.newest, inputs: 2...2
    ) { node throws(BelfryError) in
        let axis = try node.int("axis", default: 0)
        _ = try node.type(1, in: TensorType.indices)
        return Kernel(try node.type(0)) { call throws(BelfryError) in
            let (x, indices) = (call.input(0), call.input(1))
            let axis = try call.axis(axis, of: x.shape)
            guard indices.shape.rank == x.shape.rank,
                x.shape.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= x.shape[$0] })
            else { throw call.fail("its indices have the shape \(indices.shape) for \(x.shape)") }
            let y = try call.output(0, indices.shape)
            let size = x.type.size
            let strides = x.shape.strides
            var index = Shape(rank: x.shape.rank, repeating: 0)
            for number in 0..<indices.count {
                var source = try place(indices.integer(number), x.shape[axis], call) * strides[axis]
                for other in index.indices where other != axis { source += index[other] * strides[other] }
                (y.start + number * size).copyMemory(from: x.start + source * size, byteCount: size)
                advance(&index, in: indices.shape)
            }
        }
    }

    /// The next index in row-major order.
    static func advance(_ index: inout Shape, in shape: Shape) {
        for axis in shape.indices.reversed() {
            index[axis] += 1
            if index[axis] < shape[axis] { return }
            index[axis] = 0
        }
    }

    private static let gatherND = Operator(
        "GatherND", versions: 11...Operator.newest, inputs: 2...2
    ) { node throws(BelfryError) in
        let batch = try node.int("batch_dims", default: 0)
        _ = try node.type(1, in: TensorType.indices)
        return Kernel(try node.type(0)) { call throws(BelfryError) in
            let (x, indices) = (call.input(0), call.input(1))
            let rank = indices.shape.rank
            guard rank > 0, batch >= 0, batch < rank, indices.shape[rank - 1] >= 0,
                batch + indices.shape[rank - 1] <= x.shape.rank,
                (0..<batch).allSatisfy({ indices.shape[$0] == x.shape[$0] })
            else { throw call.fail("its indices have the shape \(indices.shape) for \(x.shape)") }
            try call.checkRank(rank - 1 + x.shape.rank - batch - indices.shape[rank - 1])
            let depth = indices.shape[rank - 1]
            var shape = Shape()
            for axis in 0..<rank - 1 { shape.append(indices.shape[axis]) }
            for axis in batch + depth..<max(x.shape.rank, batch + depth) { shape.append(x.shape[axis]) }
            let y = try call.output(0, shape)
            let strides = x.shape.strides
            let block = x.type.size * x.shape.elements(in: batch + depth..<x.shape.rank)
            let batches = x.shape.elements(in: 0..<batch)
            let perBatch = indices.shape.elements(in: batch..<rank - 1)
            let batchStride = x.shape.elements(in: batch..<x.shape.rank)
            for number in 0..<(y.count > 0 ? batches * perBatch : 0) {
                var source = number / max(perBatch, 1) * batchStride
                for level in 0..<depth {
                    let index = try place(indices.integer(number * depth + level), x.shape[batch + level], call)
                    source += index * strides[batch + level]
                }
                (y.start + number * block).copyMemory(from: x.start + source * x.type.size, byteCount: block)
            }
        }
    }

    private static let scatterND = Operator(
        "ScatterND", versions: 11...Operator.newest, inputs: 3...3
    ) { node throws(BelfryError) in
        let (reduction, type) = try ScatterReduction.read(node)
        return Kernel(type) { call throws(BelfryError) in
            let (x, indices, updates) = (call.input(0), call.input(1), call.input(2))
            let rank = indices.shape.rank
            guard rank > 0, indices.shape[rank - 1] <= x.shape.rank else {
                throw call.fail("its indices have the shape \(indices.shape) for \(x.shape)")
            }
            let depth = indices.shape[rank - 1]
            let y = try call.output(0, x.shape)
            y.start.copyMemory(from: x.start, byteCount: x.byteCount)
            let block = x.shape.elements(in: depth..<x.shape.rank)
            let rows = indices.shape.elements(in: 0..<rank - 1)
            let (moved, overflow) = rows.multipliedReportingOverflow(by: block)
            guard !overflow, updates.count == moved else {
                throw call.fail("its updates have the shape \(updates.shape) for indices of \(indices.shape)")
            }
            guard moved > 0 else { return }
            let strides = x.shape.strides
            for row in 0..<rows {
                var target = 0
                for level in 0..<depth {
                    target += try place(indices.integer(row * depth + level), x.shape[level], call) * strides[level]
                }
                let to = TensorView(type: type, shape: [block], start: y.start + target * type.size)
                let from = TensorView(type: type, shape: [block], start: updates.start + row * block * type.size)
                switch reduction {
                case .add: try type.withNumber(PairBody<Addition>(a: to, b: from, y: to, threads: 1))
                case .multiply: try type.withNumber(PairBody<Multiplication>(a: to, b: from, y: to, threads: 1))
                case .max: try type.withNumber(PairBody<Greater>(a: to, b: from, y: to, threads: 1))
                case .min: try type.withNumber(PairBody<Lesser>(a: to, b: from, y: to, threads: 1))
                case .replace: to.start.copyMemory(from: from.start, byteCount: from.byteCount)
                }
            }
        }
    }
}
