import Files

extension OperatorTable {
    /// Operators that move elements without computing.
    static let movement: [Operator] = [
        identity, dropout, reshape, flatten, squeeze, unsqueeze, transpose, expand, tile, concat, split, slice,
    ]

    // MARK: the same memory under another shape

    private static let identity = Operator("Identity", inputs: 1...1) { node throws(BelfryError) in
        Kernel(try node.type(0), sharesInput: true) { call in call.share(call.input(0).shape) }
    }

    /// Does nothing when a model is used rather than trained.
    private static let dropout = Operator(
        "Dropout", versions: 7...Operator.newest, inputs: 1...3
    ) { node throws(BelfryError) in
        node.ignore("ratio", "seed")
        guard node.outputCount == 1 else { throw node.unsupported("a mask as an output") }
        if node.has(2), try node.type(2, in: [.bool]) == .bool, node.constant(2)?.values(Bool.self) != [false] {
            throw node.unsupported("a training mode")
        }
        return Kernel(try node.type(0), sharesInput: true) { call in call.share(call.input(0).shape) }
    }

    /// The shape is an attribute up to version 4, an input from 5 on.
    private static let reshape = Operator("Reshape", inputs: 1...2) { node throws(BelfryError) in
        var fixed: Shape?
        if node.version >= 5 {
            _ = try node.type(1, in: [.int64])
        } else {
            let extents = try node.ints("shape") ?? []
            fixed = Shape(extents)
            guard fixed != nil else { throw node.unsupported("a shape of \(extents.count) dimensions") }
        }
        let given = fixed
        let keepsZeros = try node.flag("allowzero")
        return Kernel(try node.type(0), sharesInput: true) { call throws(BelfryError) in
            let x = call.input(0)
            let wanted = if let given { given } else { try call.list(1) }
            var shape = wanted
            var open: Int?
            for axis in wanted.indices {
                if wanted[axis] == 0, !keepsZeros, axis < x.shape.rank { shape[axis] = x.shape[axis] }
                if wanted[axis] == -1 {
                    guard open == nil else { throw call.fail("two dimensions of its shape \(wanted) are open") }
                    open = axis
                    shape[axis] = 1
                }
            }
            guard let known = shape.checkedElements else { throw call.fail("it would have the shape \(wanted)") }
            if let open { shape[open] = known == 0 ? 0 : x.count / known }
            guard shape.elements == x.count else { throw call.fail("\(x.shape) cannot become \(wanted)") }
            call.share(shape)
        }
    }

    private static let flatten = Operator("Flatten", inputs: 1...1) { node throws(BelfryError) in
        let axis = try node.int("axis", default: 1)
        return Kernel(try node.type(0), sharesInput: true) { call throws(BelfryError) in
            let shape = call.input(0).shape
            let cut = axis < 0 ? axis + shape.rank : axis
            guard cut >= 0, cut <= shape.rank else { throw call.fail("a tensor of shape \(shape) has no axis \(axis)") }
            call.share([shape.elements(in: 0..<cut), shape.elements(in: cut..<shape.rank)])
        }
    }

    /// Axes are an attribute up to version 12, an input from 13 on.
    private static func axes(_ node: NodeContext) throws(BelfryError) -> Shape? {
        guard node.version < 13 else {
            if node.has(1) { _ = try node.type(1, in: TensorType.indices) }
            return nil
        }
        guard !node.has(1) else { throw node.invalid("its axes are an input, which they are from opset 13 on") }
        guard let axes = try node.ints("axes") else { return nil }
        guard let list = Shape(axes) else { throw node.invalid("it lists \(axes.count) axes") }
        return list
    }

    private static let squeeze = Operator("Squeeze", inputs: 1...2) { node throws(BelfryError) in
        let fixed = try axes(node)
        return Kernel(try node.type(0), sharesInput: true) { call throws(BelfryError) in
            let shape = call.input(0).shape
            var isDropped = Shape(rank: shape.rank, repeating: 0)
            if let axes = try call.has(1) ? call.list(1) : fixed {
                for axis in try call.axes(axes, of: shape) {
                    guard shape[axis] == 1 else { throw call.fail("dimension \(axis) of \(shape) is not 1") }
                    isDropped[axis] = 1
                }
            } else {
                for axis in shape.indices where shape[axis] == 1 { isDropped[axis] = 1 }
            }
            var result = Shape()
            for axis in shape.indices where isDropped[axis] == 0 { result.append(shape[axis]) }
            call.share(result)
        }
    }

    private static let unsqueeze = Operator("Unsqueeze", inputs: 1...2) { node throws(BelfryError) in
        let fixed = try axes(node)
        return Kernel(try node.type(0), sharesInput: true) { call throws(BelfryError) in
            let shape = call.input(0).shape
            let axes = try call.has(1) ? call.list(1) : fixed ?? []
            try call.checkRank(shape.rank + axes.rank)
            var result = Shape(rank: shape.rank + axes.rank, repeating: 0)
            for axis in try call.axes(axes, of: result) { result[axis] = 1 }
            var next = 0
            var filled = result
            for axis in result.indices where result[axis] == 0 {
                filled[axis] = shape[next]
                next += 1
            }
            call.share(filled)
        }
    }

    // MARK: copies

    private static let transpose = Operator("Transpose", inputs: 1...1) { node throws(BelfryError) in
        let order = try node.ints("perm")
        let permutation = order.flatMap { Shape($0) }
        if let order, order.sorted() != Array(order.indices) { throw node.invalid("perm \(order) is no permutation") }
        guard order == nil || permutation != nil else { throw node.invalid("perm has \(order!.count) axes") }
        return Kernel(try node.type(0)) { call throws(BelfryError) in
            let x = call.input(0)
            let own = x.shape.strides
            var (shape, strides) = (x.shape, x.shape)
            guard permutation == nil || permutation!.rank == x.shape.rank else {
                throw call.fail("its perm has \(permutation!.rank) axes for the shape \(x.shape)")
            }
            for axis in x.shape.indices {
                let source = permutation.map { $0[axis] } ?? x.shape.rank - 1 - axis
                shape[axis] = x.shape[source]
                strides[axis] = own[source]
            }
            try StridedCopy.copy(x, strides: strides, to: try call.output(0, shape))
        }
    }

    private static let expand = Operator("Expand", versions: 8...Operator.newest, inputs: 2...2) {
        node throws(BelfryError) in
        _ = try node.type(1, in: [.int64])
        return Kernel(try node.type(0)) { call throws(BelfryError) in
            let x = call.input(0)
            let shape = try call.broadcast(x.shape, try call.list(1))
            try StridedCopy.expand(x, to: try call.output(0, shape))
        }
    }

    private static let tile = Operator("Tile", versions: 6...Operator.newest, inputs: 2...2) {
        node throws(BelfryError) in
        _ = try node.type(1, in: [.int64])
        return Kernel(try node.type(0)) { call throws(BelfryError) in
            let x = call.input(0)
            let repeats = try call.list(1)
            guard repeats.rank == x.shape.rank, repeats.allSatisfy({ $0 >= 0 }) else {
                throw call.fail("it repeats the shape \(x.shape) by \(repeats)")
            }
            var shape = x.shape
            for axis in shape.indices {
                let (extent, overflow) = shape[axis].multipliedReportingOverflow(by: repeats[axis])
                guard !overflow else { throw call.fail("it repeats the shape \(x.shape) by \(repeats)") }
                shape[axis] = extent
            }
            let y = try call.output(0, shape)
            guard y.count > 0 else { return }
            // Row after row of the last axis; whole blocks are then copied within the output.
            let size = x.type.size
            let rank = shape.rank
            guard rank > 0 else { return y.start.copyMemory(from: x.start, byteCount: size) }
            func fill(_ axis: Int, _ from: UnsafeMutableRawPointer, _ to: UnsafeMutableRawPointer) {
                let inner = size * x.shape.elements(in: axis + 1..<rank)
                let outer = size * shape.elements(in: axis + 1..<rank)
                if axis == rank - 1 {
                    to.copyMemory(from: from, byteCount: size * x.shape[axis])
                } else {
                    for index in 0..<x.shape[axis] { fill(axis + 1, from + index * inner, to + index * outer) }
                }
                let block = outer * x.shape[axis]
                for copy in 1..<Swift.max(repeats[axis], 1) {
                    (to + copy * block).copyMemory(from: to, byteCount: block)
                }
            }
            fill(0, x.start, y.start)
        }
    }

    private static let concat = Operator("Concat", versions: 4...Operator.newest, inputs: 1...Operator.any) {
        node throws(BelfryError) in
        guard let axis = try node.int("axis") else { throw node.invalid("it has no axis") }
        let type = try node.commonType(in: Set(TensorType.allCases))
        return Kernel(type) { call throws(BelfryError) in
            let first = call.input(0).shape
            let axis = try call.axis(axis, of: first)
            var shape = first
            for index in 1..<max(call.inputCount, 1) {
                var other = call.input(index).shape
                guard other.rank == first.rank else { throw call.fail("it joins \(first) and \(other)") }
                shape[axis] += other[axis]
                other[axis] = first[axis]
                guard other == first else { throw call.fail("it joins \(first) and \(call.input(index).shape)") }
            }
            let y = try call.output(0, shape)
            guard y.count > 0 else { return }
            let outer = shape.elements(in: 0..<axis)
            let inner = type.size * shape.elements(in: axis + 1..<shape.rank)
            var to = y.start
            for index in 0..<call.inputCount {
                let x = call.input(index)
                let bytes = x.shape[axis] * inner
                for row in 0..<outer {
                    (to + row * shape[axis] * inner).copyMemory(from: x.start + row * bytes, byteCount: bytes)
                }
                to += bytes
            }
        }
    }

    /// Sizes are an attribute up to version 12, an input from 13 on, or come from the number of outputs.
    private static let split = Operator(
        "Split", versions: 2...Operator.newest, inputs: 1...2, outputs: 1...Operator.any
    ) { node throws(BelfryError) in
        let axis = try node.int("axis", default: 0)
        let fixed = node.version < 13 ? try node.ints("split") : nil
        if node.has(1) { _ = try node.type(1, in: [.int64]) }
        let count = node.outputCount
        if node.version >= 18, let number = try node.int("num_outputs"), number != count {
            throw node.invalid("num_outputs is \(number), but \(count) are named")
        }
        let type = try node.type(0)
        return Kernel(types: [TensorType](repeating: type, count: count)) { call throws(BelfryError) in
            let x = call.input(0)
            let axis = try call.axis(axis, of: x.shape)
            let extent = x.shape[axis]
            let outer = x.shape.elements(in: 0..<axis)
            let inner = type.size * x.shape.elements(in: axis + 1..<x.shape.rank)
            let sizes = call.optional(1)
            guard sizes == nil || sizes!.count == count, fixed == nil || fixed!.count == count else {
                throw call.fail("it lists another number of sizes than its \(count) outputs")
            }
            // Equal parts, the last one smaller if there is a rest.
            let part = (extent + count - 1) / count
            var start = 0
            for index in 0..<count {
                let size = sizes?.integer(index) ?? fixed?[index] ?? min(part, extent - start)
                guard size >= 0, size <= extent - start else { throw call.fail("its parts are larger than \(x.shape)") }
                var shape = x.shape
                shape[axis] = size
                let y = try call.output(index, shape)
                for row in 0..<(y.count > 0 ? outer : 0) {
                    (y.start + row * size * inner).copyMemory(
                        from: x.start + (row * extent + start) * inner, byteCount: size * inner)
                }
                start += size
            }
            guard start == extent else { throw call.fail("its parts are smaller than \(x.shape)") }
        }
    }

    /// Bounds are attributes up to version 9, inputs from 10 on.
    private static let slice = Operator("Slice", inputs: 1...5) { node throws(BelfryError) in
        var lists: [Shape?] = [nil, nil, nil]
        if node.version < 10 {
            for (index, name) in ["starts", "ends", "axes"].enumerated() {
                lists[index] = Shape(try node.ints(name) ?? [])
            }
            guard lists.allSatisfy({ $0 != nil }) else { throw node.invalid("it lists too many dimensions") }
            if try node.ints("axes") == nil { lists[2] = nil }
            guard node.inputTypes.count == 1 else {
                throw node.invalid("its bounds are inputs, which they are from opset 10 on")
            }
        } else {
            for input in 1...4 where input < 3 || node.has(input) { _ = try node.type(input, in: TensorType.indices) }
        }
        let fixed = lists
        return Kernel(try node.type(0)) { call throws(BelfryError) in
            let x = call.input(0)
            let starts = if let given = fixed[0] { given } else { try call.list(1) }
            let ends = if let given = fixed[1] { given } else { try call.list(2) }
            let axes = call.has(3) ? try call.list(3) : fixed[2]
            let steps = call.has(4) ? try call.list(4) : Shape(rank: starts.rank)
            guard ends.rank == starts.rank, steps.rank == starts.rank, axes == nil || axes!.rank == starts.rank else {
                throw call.fail("its starts, ends, axes and steps are not equally many")
            }
            let places = try call.axes(axes ?? Shape(starts.indices)!, of: x.shape)
            var (shape, strides, offset) = (x.shape, x.shape.strides, 0)
            let own = strides
            for index in starts.indices {
                let axis = places[index]
                let (extent, step) = (x.shape[axis], steps[index])
                guard step != 0 else { throw call.fail("it steps by 0") }
                func place(_ value: Int, _ low: Int, _ high: Int) -> Int {
                    min(max(value < 0 ? value + extent : value, low), high)
                }
                let start = step > 0 ? place(starts[index], 0, extent) : place(starts[index], 0, extent - 1)
                let end = step > 0 ? place(ends[index], 0, extent) : place(ends[index], -1, extent - 1)
                let reach = step > 0 ? end - start : start - end
                let stride = Int(clamping: step.magnitude)
                shape[axis] = reach > 0 ? (reach - 1) / stride + 1 : 0
                strides[axis] = own[axis] &* step
                offset += shape[axis] > 0 ? start * own[axis] : 0
            }
            let y = try call.output(0, shape)
            if y.count > 0 { try StridedCopy.copy(x, offset: offset, strides: strides, to: y) }
        }
    }
}
