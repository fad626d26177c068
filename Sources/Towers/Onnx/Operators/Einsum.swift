import Files

extension OperatorTable {
    static let sums: [Operator] = [einsum]

    /// A product of two tensors whose dimensions have letters: “bij,bjk->bik”. What is in both and not in the result is
    /// summed over.
    ///
    /// Both are laid out as [shared, own, summed] and [shared, summed, own]: a product of matrices for each shared index.
    private static let einsum = Operator(
        "Einsum", versions: 12...Operator.newest, inputs: 2...2
    ) { node throws(BelfryError) in
        let type = try node.commonType(in: productTypes)
        guard let text = try node.string("equation") else { throw node.invalid("it has no equation") }
        let equation = try Equation(text, node)
        let buffer = node.reserveBuffer()
        return Kernel(type) { call throws(BelfryError) in try equation.run(call, buffer) }
    }
}

/// The letters of the dimensions, in the order in which they lie in the matrices.
private struct Equation: Sendable {
    private let left: [Character]
    private let right: [Character]
    private let result: [Character]
    private let shared: [Character]
    private let summed: [Character]
    private let leftOwn: [Character]
    private let rightOwn: [Character]

    init(_ text: String, _ node: NodeContext) throws(BelfryError) {
        let parts = text.filter { $0 != " " }.split(separator: "->", omittingEmptySubsequences: false)
        let terms = parts[0].split(separator: ",", omittingEmptySubsequences: false).map(Array.init)
        guard parts.count <= 2, terms.count == 2 else { throw node.invalid("its equation is “\(text)”") }
        (left, right) = (terms[0], terms[1])
        let all = left + right
        // Without a result it has the letters that stand once, in the order of the alphabet.
        result = parts.count == 2 ? Array(parts[1]) : all.filter { letter in all.count { $0 == letter } == 1 }.sorted()
        let terms3 = [left, right, result]
        guard terms3.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isLetter } }),
            terms3.allSatisfy({ Set($0).count == $0.count && $0.count <= Shape.maximumRank })
        else { throw node.unsupported("the equation “\(text)”") }
        let (inLeft, inRight, inResult) = (Set(left), Set(right), Set(result))
        shared = left.filter { inRight.contains($0) && inResult.contains($0) }
        summed = left.filter { inRight.contains($0) && !inResult.contains($0) }
        leftOwn = left.filter { !inRight.contains($0) }
        rightOwn = right.filter { !inLeft.contains($0) }
        guard inResult.isSubset(of: all), (leftOwn + rightOwn).allSatisfy(inResult.contains) else {
            throw node.unsupported("the equation “\(text)”")
        }
    }

    func run(_ call: Call, _ buffer: Int) throws(BelfryError) {
        let (a, b) = (call.input(0), call.input(1))
        guard a.shape.rank == left.count, b.shape.rank == right.count else {
            throw call.fail("its inputs have the shapes \(a.shape) and \(b.shape)")
        }
        var extents: [Character: Int] = [:]
        for (letter, extent) in zip(left, a.shape) { extents[letter] = extent }
        for (letter, extent) in zip(right, b.shape) {
            guard extents[letter, default: extent] == extent else {
                throw call.fail("the dimension “\(letter)” of \(a.shape) and \(b.shape) has two extents")
            }
            extents[letter] = extent
        }
        func shape(_ letters: [Character]) -> Shape { Shape(letters.map { extents[$0]! })! }
        func count(_ letters: [Character]) -> Int { letters.reduce(1) { $0 * extents[$1]! } }
        let y = try call.output(0, shape(result))
        guard y.count > 0 else { return }
        let (batches, rows, columns, inner) = (count(shared), count(leftOwn), count(rightOwn), count(summed))
        let size = y.type.size
        // Each part begins on a cache line of its own.
        func room(_ elements: Int) -> Int { (elements * size + 63) / 64 * 64 }
        let memory = try call.buffer(buffer, bytes: room(a.count) + room(b.count) + room(y.count) + 64)
        let first = try laid(a, left, shared + leftOwn + summed, extents, memory)
        let second = try laid(b, right, shared + summed + rightOwn, extents, memory + room(a.count))
        let order = shared + leftOwn + rightOwn
        let products =
            order == result
            ? y : TensorView(type: y.type, shape: shape(order), start: memory + room(a.count) + room(b.count))
        let product = MatrixProduct(rows: rows, inner: inner, columns: columns)
        for batch in 0..<batches {
            try product.multiply(
                first, batch * rows * inner * size, second, batch * inner * columns * size, into: products,
                batch * rows * columns * size, call)
        }
        if order != result { _ = try laid(products, order, result, extents, y.start) }
    }

    /// The tensor with its dimensions in another order, in `memory` if it is not so already.
    private func laid(
        _ view: TensorView, _ letters: [Character], _ order: [Character], _ extents: [Character: Int],
        _ memory: UnsafeMutableRawPointer
    ) throws(BelfryError) -> TensorView {
        if letters == order { return view }
        let own = view.shape.strides
        let strides = Shape(order.map { own[letters.firstIndex(of: $0)!] })!
        let target = TensorView(type: view.type, shape: Shape(order.map { extents[$0]! })!, start: memory)
        try StridedCopy.copy(view, strides: strides, to: target)
        return target
    }
}
