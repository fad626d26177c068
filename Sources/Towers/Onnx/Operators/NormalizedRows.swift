import Files

/// A tensor as rows that are normalized, each of them the dimensions from an axis on.
struct NormalizedRows {
    let shape: Shape
    let axis: Int
    let rows: Int
    let columns: Int
    /// The dimensions of a row.
    private var inner: Shape

    init(_ shape: Shape, _ axis: Int, _ call: Call) throws(BelfryError) {
        self.shape = shape
        self.axis = try call.axis(axis, of: shape)
        rows = shape.elements(in: 0..<self.axis)
        columns = shape.elements(in: self.axis..<shape.rank)
        inner = Shape()
        for axis in self.axis..<shape.rank { inner.append(shape[axis]) }
    }

    /// What a weight takes as floats, and again if it has to be repeated to a row.
    func room(_ weight: TensorView?) -> Int {
        guard let weight else { return 0 }
        return Staging.room(weight) + (weight.count == columns ? 0 : Staging.rounded(columns))
    }

    /// One weight for each column.
    func row(
        _ weight: TensorView, _ staging: inout Staging, _ call: Call
    ) throws(BelfryError) -> UnsafeMutablePointer<Float> {
        var own = Shape()
        let extra = max(weight.shape.rank - inner.rank, 0)
        for axis in extra..<weight.shape.rank { own.append(weight.shape[axis]) }
        guard weight.shape.elements(in: 0..<extra) == 1, inner.broadcast(with: own) == inner else {
            throw call.fail("a weight has the shape \(weight.shape) for \(shape) from dimension \(axis) on")
        }
        let floats = staging.floats(weight)
        guard weight.count != columns else { return floats }
        let whole = staging.take(columns)
        try StridedCopy.expand(
            TensorView(type: .float32, shape: own, start: floats),
            to: TensorView(type: .float32, shape: inner, start: whole))
        return whole
    }

    /// Outputs 1 and 2, where they are wanted: each row's mean and 1 / √(variance + epsilon).
    func statistics(of x: UnsafePointer<Float>, _ epsilon: Float, _ call: Call) throws(BelfryError) {
        guard call.wants(1) || call.wants(2) else { return }
        var reduced = shape
        for axis in axis..<shape.rank { reduced[axis] = 1 }
        let (means, factors) = (try call.output(1, reduced).floats, try call.output(2, reduced).floats)
        for row in 0..<rows {
            let values = x + row * columns
            var (sum, squares): (Float, Float) = (0, 0)
            for column in 0..<columns { sum += values[column] }
            let mean = sum / Float(columns)
            for column in 0..<columns { squares += (values[column] - mean) * (values[column] - mean) }
            means[row] = mean
            factors[row] = 1 / (squares / Float(columns) + epsilon).squareRoot()
        }
    }
}
