/// How up to three tensors line up when they are broadcast to one shape.
///
/// Dimensions along which all of them go on evenly are taken together, so that most operators see one or two: a bias
/// is rows of one vector, equal shapes are one row.
struct Broadcast {
    /// Up to three numbers, one for each operand.
    typealias Triple = InlineArray<3, Int>

    /// The extents of the output after dimensions were taken together; the last one is the row's.
    private(set) var extents = Shape()
    /// For each operand, elements from one index to the next.
    private var strides = InlineArray<3, Shape>(repeating: Shape())

    /// Operands that are not there count as scalars.
    init(_ output: Shape, _ first: Shape, _ second: Shape = [], _ third: Shape = []) {
        var groups = Shape()
        var steps = InlineArray<3, Shape>(repeating: Shape())
        // From the fastest dimension to the slowest, so both lists are backwards at first.
        var sizes: Triple = [1, 1, 1]
        for axis in (0..<output.rank).reversed() {
            let extent = output[axis]
            var step: Triple = [0, 0, 0]
            for operand in 0..<3 {
                let shape = operand == 0 ? first : operand == 1 ? second : third
                let own = axis - (output.rank - shape.rank)
                let ownExtent = own >= 0 ? shape[own] : 1
                step[operand] = ownExtent == 1 ? 0 : sizes[operand]
                sizes[operand] *= ownExtent
            }
            if extent == 1 { continue }
            if let last = groups.indices.last {
                var fits = true
                for operand in 0..<3 where steps[operand][last] * groups[last] != step[operand] { fits = false }
                if fits {
                    groups[last] *= extent
                    continue
                }
            }
            groups.append(extent)
            for operand in 0..<3 { steps[operand].append(step[operand]) }
        }
        if groups.rank == 0 {
            groups.append(1)
            for operand in 0..<3 { steps[operand].append(0) }
        }
        for axis in (0..<groups.rank).reversed() {
            extents.append(groups[axis])
            for operand in 0..<3 { strides[operand].append(steps[operand][axis]) }
        }
    }

    /// Elements of a row.
    var row: Int { extents[extents.rank - 1] }

    /// For each operand, 1 if its elements go on along a row, 0 if one element stands for the whole row.
    func step(_ operand: Int) -> Int { strides[operand][extents.rank - 1] }

    /// Calls `body` for each row of the output with where it begins in the operands and in the output.
    @inline(__always)
    func forEachRow(_ body: (_ operands: Triple, _ output: Int) -> Void) {
        let outer = extents.rank - 1
        let rows = extents.elements(in: 0..<outer)
        let row = row
        guard row > 0 else { return }
        var index = Shape(rank: Swift.max(outer, 0), repeating: 0)
        var starts: Triple = [0, 0, 0]
        for number in 0..<rows {
            body(starts, number * row)
            var axis = outer - 1
            while axis >= 0 {
                index[axis] += 1
                for operand in 0..<3 { starts[operand] += strides[operand][axis] }
                if index[axis] < extents[axis] { break }
                for operand in 0..<3 { starts[operand] -= strides[operand][axis] * extents[axis] }
                index[axis] = 0
                axis -= 1
            }
        }
    }
}
