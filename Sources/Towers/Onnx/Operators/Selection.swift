import Files

extension OperatorTable {
    /// Operators that pick places: marks for indices, and the greatest elements.
    static let selection: [Operator] = [oneHot, topK]

    /// Along a new dimension of `depth`, the second value at each index and the first one elsewhere.
    private static let oneHot = Operator("OneHot", versions: 9...Operator.newest, inputs: 3...3) {
        node throws(BelfryError) in
        let axis = try node.int("axis", default: -1)
        for input in 0...1 { _ = try node.type(input, in: TensorType.numbers) }
        let type = try node.type(2)
        return Kernel(type) { call throws(BelfryError) in
            let (indices, values) = (call.input(0), call.input(2))
            guard call.input(1).count == 1, values.count == 2 else {
                throw call.fail("its depth has the shape \(call.input(1).shape), its values \(values.shape)")
            }
            try call.checkRank(indices.shape.rank + 1)
            // Both may be numbers of any type.
            let places = try call.scratch(bytes: 8 * (indices.count + 1)).assumingMemoryBound(to: Int64.self)
            try CastBody.cast(call.input(1), to: TensorView(type: .int64, shape: [], start: places))
            let depth = Int(places[0])
            guard depth >= 0 else { throw call.fail("its depth is \(depth)") }
            try CastBody.cast(indices, to: TensorView(type: .int64, shape: indices.shape, start: places))
            let rank = indices.shape.rank + 1
            guard let cut = Shape(rank: rank).axis(axis) else { throw call.fail("it has no axis \(axis)") }
            var shape = Shape()
            for axis in 0..<rank {
                shape.append(axis == cut ? depth : indices.shape[axis < cut ? axis : axis - 1])
            }
            let y = try call.output(0, shape)
            guard y.count > 0 else { return }
            try type.withBits(
                OneHotBody(
                    places: UnsafeBufferPointer(start: places, count: indices.count), depth: depth,
                    inner: indices.shape.elements(in: cut..<indices.shape.rank), values: values, y: y))
        }
    }

    private struct OneHotBody: NumberBody {
        let places: UnsafeBufferPointer<Int64>
        let depth: Int
        let inner: Int
        let values: TensorView
        let y: TensorView

        func run<Element: Number>(_: Element.Type) {
            let (values, y) = (self.values.bits(Element.self), self.y.bits(Element.self))
            y.update(repeating: values[0], count: self.y.count)
            for (number, place) in places.enumerated() {
                let counted = place < 0 ? Int(place) &+ depth : Int(place)
                guard counted >= 0, counted < depth else { continue }
                y[(number / inner * depth + counted) * inner + number % inner] = values[1]
            }
        }
    }

    /// The greatest or least elements of each line along an axis, and where they stand; of equal ones the first.
    private static let topK = Operator(
        "TopK", versions: 10...Operator.newest, inputs: 2...2, outputs: 1...2
    ) { node throws(BelfryError) in
        let axis = try node.int("axis", default: -1)
        let isLargest = try node.flag("largest", default: true)
        // In order, also where any would do.
        node.ignore("sorted")
        let type = try node.type(0, in: TensorType.numbers)
        _ = try node.type(1, in: [.int64])
        return Kernel(type, .int64) { call throws(BelfryError) in
            let x = call.input(0)
            guard call.input(1).count == 1 else { throw call.fail("its number of elements is not one number") }
            let (axis, count) = (try call.axis(axis, of: x.shape), call.input(1).integer(0))
            guard count >= 0, count <= x.shape[axis] else {
                throw call.fail("it takes \(count) elements of dimension \(axis) of \(x.shape)")
            }
            var shape = x.shape
            shape[axis] = count
            let (values, places) = (try call.output(0, shape), try call.output(1, shape))
            guard values.count > 0 else { return }
            try type.withNumber(
                TopBody(x: x, axis: axis, count: count, isLargest: isLargest, values: values, places: places))
        }
    }

    private struct TopBody: NumberBody {
        let x: TensorView
        let axis: Int
        let count: Int
        let isLargest: Bool
        let values: TensorView
        let places: TensorView

        func run<Element: Number>(_: Element.Type) {
            let (x, values) = (self.x.elements(Element.self), self.values.elements(Element.self))
            let places = self.places.elements(Int64.self)
            let lines = AxisLines(self.x.shape, axis: axis)
            let (extent, inner) = (lines.extent, lines.inner)
            let chosen = AxisLines(extent: count, inner: inner)
            for line in 0..<self.x.count / extent {
                let row = x + lines.start(line)
                let order = (0..<extent).sorted { left, right in
                    let (a, b) = (row[left * inner], row[right * inner])
                    if a == b || a.isNotANumber && b.isNotANumber { return left < right }
                    // What is not a number is greater than all that is.
                    let isGreater = a.isNotANumber || !b.isNotANumber && a > b
                    return isGreater == isLargest
                }
                for rank in 0..<count {
                    let to = chosen.start(line) + rank * inner
                    values[to] = row[order[rank] * inner]
                    places[to] = Int64(order[rank])
                }
            }
        }
    }
}
