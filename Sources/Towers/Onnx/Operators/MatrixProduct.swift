import CKernels
import Files
import Vectors

/// y = activation(alpha · op(a) · op(b) + beta · y), or + bias in every row.
///
/// A row of y has the same bits however many rows there are and however many threads share them, except where OpenBLAS
/// multiplies, on processors that Belfry has no kernel of its own for.
struct MatrixProduct {
    var rows: Int
    var inner: Int
    var columns: Int
    var transposesA = false
    var transposesB = false
    var alpha: Float = 1
    var beta: Float = 0
    var bias: UnsafePointer<Float>?
    /// Only for f32 without an old y.
    var activation = BELFRY_IDENTITY
    /// The right matrix and the bias, if they were laid out before.
    var packed: PackedLinear?
    /// The buffer of the call that has what is laid out in it: its scratch, or one of the node's own.
    var buffer = 0

    /// Multiplications from which a second thread is worth its start.
    private static let parallelFrom = 1 << 20

    /// The matrices begin so many bytes into the tensors.
    func multiply(
        _ a: TensorView, _ startA: Int, _ b: TensorView, _ startB: Int, into y: TensorView, _ startY: Int, _ call: Call
    ) throws(BelfryError) {
        guard y.type == .float32 else {
            try y.type.withNumber(
                PlainBody(product: self, a: a.start + startA, b: b.start + startB, y: y.start + startY))
            return
        }
        let from = (a.start + startA).assumingMemoryBound(to: Float.self)
        let weight = (b.start + startB).assumingMemoryBound(to: Float.self)
        let to = (y.start + startY).assumingMemoryBound(to: Float.self)
        if call.products.usesBLAS {
            try multiplyWithBLAS(from, weight, to, call)
        } else if let packed, !transposesA {
            let (products, inner, columns, activation, adds) = (call.products, inner, columns, activation, beta != 0)
            share(call, (from: from, to: to)) { range, _, shared in
                products.multiply(
                    shared.from + range.lowerBound * inner, rows: range.count, packed, columns: 0..<columns, activation,
                    adds: adds, into: shared.to + range.lowerBound * columns, stride: columns)
            }
        } else if transposesB, !transposesA, alpha == 1, beta == 0 {
            let isa = call.products.isa
            let size = Int(BELFRY_NN_LINEAR_SCRATCH)
            let scratch = try floats(size * threads(call), call)
            let (inner, columns, activation) = (inner, columns, activation)
            share(call, (from: from, to: to, weight: weight, bias: bias, scratch: scratch)) { range, worker, shared in
                belfry_nn_linear(
                    isa, shared.from + range.lowerBound * inner, inner, range.count, shared.weight, inner, columns,
                    shared.bias, activation, nil, shared.to + range.lowerBound * columns, columns,
                    shared.scratch + worker * size)
            }
        } else {
            try multiplyByPacking(from, weight, to, call)
        }
    }

    /// A right matrix that is known only now, or lies the other way round, is laid out for the one product.
    private func multiplyByPacking(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ call: Call
    ) throws(BelfryError) {
        let isPlain = alpha == 1 && beta == 0
        let room = Staging.rounded(belfry_packed_floats(inner, columns))
        let turned = transposesA ? Staging.rounded(rows * inner) : 0
        let memory = try floats(room + turned + (isPlain ? 0 : rows * columns), call)
        if transposesB {
            belfry_packed_rows(b, inner, inner, columns, bias, memory)
        } else {
            belfry_packed_columns(b, columns, inner, columns, memory)
            if let bias { memory.update(from: bias, count: columns) }
        }
        var left = a
        if transposesA {
            let copy = memory + room
            for row in 0..<rows { for index in 0..<inner { copy[row * inner + index] = a[index * rows + row] } }
            left = UnsafePointer(copy)
        }
        let shared = (
            from: left, packed: UnsafePointer(memory), old: y, to: isPlain ? y : memory + room + turned
        )
        let (isa, inner, columns, alpha, beta, activation) = (
            call.products.isa, inner, columns, alpha, beta, activation
        )
        share(call, shared) { range, _, shared in
            let (first, count) = (range.lowerBound * columns, range.count * columns)
            let (old, to) = (shared.old, shared.to)
            belfry_packed_multiply(
                isa, shared.from + range.lowerBound * inner, inner, range.count, shared.packed, inner, columns,
                to + first, columns)
            if !isPlain {
                // An old y of no weight may be what was left in memory.
                for index in first..<first + count {
                    old[index] = alpha * to[index] + (beta == 0 ? 0 : beta * old[index])
                }
            }
            if activation != BELFRY_IDENTITY { belfry_nn_activate(isa, old + first, count, activation) }
        }
    }

    private func multiplyWithBLAS(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ call: Call
    ) throws(BelfryError) {
        guard max(inner, columns, transposesA ? rows : 0) <= Int32.max else {
            throw call.fail("it multiplies \(rows) × \(inner) by \(inner) × \(columns) numbers")
        }
        var kept = beta
        if let bias {
            for row in 0..<rows { (y + row * columns).update(from: bias, count: columns) }
            kept = 1
        }
        let beta = kept
        share(call, (from: a, weight: b, to: y, product: self)) { range, _, shared in
            let product = shared.product
            BLAS.multiply(
                m: range.count, n: product.columns, k: product.inner,
                shared.from + range.lowerBound * (product.transposesA ? 1 : product.inner), shared.weight,
                into: shared.to + range.lowerBound * product.columns, transposeA: product.transposesA,
                transposeB: product.transposesB, leadingA: product.transposesA ? product.rows : product.inner,
                alpha: product.alpha, beta: beta)
        }
        if activation != BELFRY_IDENTITY { belfry_nn_activate(call.products.isa, y, rows * columns, activation) }
    }

    private func floats(_ count: Int, _ call: Call) throws(BelfryError) -> UnsafeMutablePointer<Float> {
        try call.buffer(buffer, bytes: 4 * count).assumingMemoryBound(to: Float.self)
    }

    private func threads(_ call: Call) -> Int {
        call.threads > 1 && rows > 1 && rows * inner * columns >= Self.parallelFrom ? call.threads : 1
    }

    /// The rows in pieces of whole tiles, two for each thread so that a late one has less to wait for.
    private func share<Memory>(
        _ call: Call, _ memory: Memory, _ body: @Sendable (Range<Int>, _ worker: Int, Memory) -> Void
    ) {
        let threads = threads(call)
        let piece = threads > 1 ? max((rows / (2 * threads) + 15) / 16 * 16, 16) : rows
        WorkPool(threads: threads).forEachRange(of: rows, size: min(piece, 1 << 24), sharing: memory, body)
    }

    /// For other types than f32, which no encoder multiplies much of.
    private struct PlainBody: NumberBody {
        let product: MatrixProduct
        let a: UnsafeMutableRawPointer
        let b: UnsafeMutableRawPointer
        let y: UnsafeMutableRawPointer

        func run<Element: Number>(_: Element.Type) {
            let a = self.a.assumingMemoryBound(to: Element.self)
            let b = self.b.assumingMemoryBound(to: Element.self)
            let y = self.y.assumingMemoryBound(to: Element.self)
            let (rows, inner, columns) = (product.rows, product.inner, product.columns)
            let (rowA, stepA) = product.transposesA ? (1, rows) : (inner, 1)
            let (stepB, columnB) = product.transposesB ? (1, inner) : (columns, 1)
            for row in 0..<rows {
                for column in 0..<columns {
                    var sum = product.beta == 0 ? Element.zero : y[row * columns + column]
                    for index in 0..<inner {
                        sum = .adding(
                            sum, .multiplying(a[row * rowA + index * stepA], b[index * stepB + column * columnB]))
                    }
                    y[row * columns + column] = sum
                }
            }
        }
    }
}
