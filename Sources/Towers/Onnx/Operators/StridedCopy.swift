import Files

/// Copies elements from anywhere in a tensor into an output without gaps: what Transpose, Slice, Expand and Tile are.
enum StridedCopy {
    /// The output's element at index i is `from`'s at offset + Σ i[axis] · strides[axis], in elements.
    ///
    /// Dimensions along which the source goes on evenly are taken together; a row that is contiguous is one memcpy.
    static func copy(
        _ from: TensorView, offset: Int = 0, strides: Shape, to y: TensorView
    ) throws(BelfryError) {
        guard y.count > 0 else { return }
        var extents = Shape()
        var steps = Shape()
        for axis in 0..<y.shape.rank where y.shape[axis] != 1 {
            if let last = extents.indices.last, steps[last] == strides[axis] * y.shape[axis] {
                extents[last] *= y.shape[axis]
                steps[last] = strides[axis]
            } else {
                extents.append(y.shape[axis])
                steps.append(strides[axis])
            }
        }
        if extents.rank == 0 {
            extents.append(1)
            steps.append(1)
        }
        try y.type.withBits(Body(from: from, offset: offset, extents: extents, steps: steps, y: y))
    }

    /// `from` broadcast to y's shape.
    static func expand(_ from: TensorView, to y: TensorView) throws(BelfryError) {
        let own = from.shape.strides
        var strides = Shape(rank: y.shape.rank, repeating: 0)
        for axis in 0..<from.shape.rank where from.shape[axis] != 1 {
            strides[axis + y.shape.rank - from.shape.rank] = own[axis]
        }
        try copy(from, strides: strides, to: y)
    }

    private struct Body: NumberBody {
        let from: TensorView
        let offset: Int
        let extents: Shape
        let steps: Shape
        let y: TensorView

        func run<Element: Number>(_: Element.Type) {
            let from = self.from.bits(Element.self)
            let to = y.bits(Element.self)
            let outer = extents.rank - 1
            let (row, step) = (extents[outer], steps[outer])
            let rows = extents.elements(in: 0..<outer)
            var index = Shape(rank: outer, repeating: 0)
            var start = offset
            for number in 0..<rows {
                let target = to + number * row
                if step == 1 {
                    target.update(from: from + start, count: row)
                } else if step == 0 {
                    target.update(repeating: from[start], count: row)
                } else {
                    var source = start
                    for column in 0..<row {
                        target[column] = from[source]
                        source += step
                    }
                }
                var axis = outer - 1
                while axis >= 0 {
                    index[axis] += 1
                    start += steps[axis]
                    if index[axis] < extents[axis] { break }
                    start -= steps[axis] * extents[axis]
                    index[axis] = 0
                    axis -= 1
                }
            }
        }
    }
}
