import Files

extension OperatorTable {
    /// A product of quantized matrices whose result is quantized again: inputs, each with its scale and zero point, then
    /// scale and zero point of the result.
    ///
    /// The sums are exact integers (`MatMulInteger`); their scale is the product of the inputs' over the result's.
    static let qLinearMatMul = Operator(
        "QLinearMatMul", versions: 10...Operator.newest, inputs: 8...8
    ) { node throws(BelfryError) in
        let bytes: Set<TensorType> = [.int8, .uint8]
        let (left, right) = (try node.type(0, in: bytes), try node.type(3, in: bytes))
        let output = try node.type(7, in: bytes)
        for (index, type) in [(2, left), (5, right)] { _ = try node.type(index, in: [type]) }
        for index in [1, 4, 6] { _ = try node.type(index, in: TensorType.staged) }
        let (quantized, sums) = (QuantizedType(output), node.reserveBuffer())
        return Kernel(output) { call throws(BelfryError) in
            let (a, b) = (call.input(0), call.input(3))
            guard a.shape.rank >= 2, b.shape.rank >= 2, a.shape[a.shape.rank - 1] == b.shape[b.shape.rank - 2] else {
                throw call.fail("it multiplies \(a.shape) by \(b.shape)")
            }
            let (rows, inner, columns) = (
                a.shape[a.shape.rank - 2], a.shape[a.shape.rank - 1], b.shape[b.shape.rank - 1]
            )
            var leftBatch = Shape(), rightBatch = Shape()
            for axis in 0..<a.shape.rank - 2 { leftBatch.append(a.shape[axis]) }
            for axis in 0..<b.shape.rank - 2 { rightBatch.append(b.shape[axis]) }
            let batch = try call.broadcast(leftBatch, rightBatch)
            var shape = batch
            shape.append(rows)
            shape.append(columns)
            let y = try call.output(0, shape)
            let (scaleA, scaleB, scaleY) = (call.input(1), call.input(4), call.input(6))
            guard [1, rows].contains(scaleA.count), [1, columns].contains(scaleB.count), scaleY.count == 1,
                call.input(7).count == 1, [1, rows].contains(call.input(2).count)
            else {
                throw call.fail(
                    "its scales have the shapes \(scaleA.shape), \(scaleB.shape), \(scaleY.shape) for \(y.shape)")
            }
            let product = IntegerProduct(
                rows: rows, inner: inner, columns: columns, left: left, right: right, leftZero: call.input(2),
                rightZero: call.input(5), rowsPerZero: 1)
            try product.check(TensorView(type: left, shape: [rows, inner], start: a.start), b, call)
            guard y.count > 0 else { return }
            let results = try call.buffer(sums, bytes: 4 * rows * columns).assumingMemoryBound(to: Int32.self)
            let scales = [scaleA, scaleB, scaleY, call.input(7)].reduce(0) { $0 + Staging.rounded($1.count) }
            var staging = try Staging(call, product.scratch + Staging.rounded(y.count) + scales + 64)
            let (factorA, factorB) = (staging.floats(scaleA), staging.floats(scaleB))
            let scale = staging.floats(scaleY)[0]
            let zero = staging.take(1)
            try quantized.decode(call.input(7), into: zero)
            let (target, scratch) = (staging.take(y.count), staging.take(product.scratch))
            let layout = Broadcast(batch, leftBatch, rightBatch)
            layout.forEachRow { starts, start in
                for index in 0..<layout.row {
                    let (first, second) = (starts[0] + index * layout.step(0), starts[1] + index * layout.step(1))
                    // Zero points by rows are those of a matrix, the same ones for all of them.
                    product.run(
                        a.start + first * rows * inner, 0, b.start + second * inner * columns, results, scratch)
                    let values = target + (start + index) * rows * columns
                    for row in 0..<rows {
                        let own = factorA[scaleA.count == 1 ? 0 : row]
                        for column in 0..<columns {
                            let factor = own * factorB[scaleB.count == 1 ? 0 : column] / scale
                            values[row * columns + column] = Float(results[row * columns + column]) * factor
                        }
                    }
                }
            }
            quantized.round(target, y.count, 1, zero[0])
            try quantized.encode(target, into: y, SmallFloat.Rounding())
        }
    }
}
