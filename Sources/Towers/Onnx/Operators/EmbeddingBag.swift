import CKernels
import Files

extension OperatorTable {
    /// Sums or means of a table's rows, one for each list of row numbers, without a tensor of the rows.
    ///
    /// The table is [rows, columns], of 16-bit floats, too; the numbers are [..., length], and may count from the end. The
    /// weights, if there are any, are [..., length, 1] for all lists or each of them. The result is [..., columns], or
    /// [..., 1, columns]. `axis` is the dimension of [..., length, columns] that is added up; any other than that of the
    /// length is an error.
    ///
    /// Rows are added in their order, as ReduceSum adds them (which takes a single column in eight parts); the mean of no
    /// rows is NaN.
    static let embeddingBag = Operator(
        "EmbeddingBag", domain: Operator.fused, inputs: 2...3
    ) { node throws(BelfryError) in
        let type = try node.type(0, in: [.float32, .float16, .bfloat16])
        _ = try node.type(1, in: TensorType.indices)
        if node.has(2) { _ = try node.type(2, in: [.float32]) }
        let axis = try node.int("axis", default: -2)
        let (isMean, keeps) = (try node.flag("mean"), try node.flag("keepdims"))
        return Kernel(.float32) { call throws(BelfryError) in
            let (table, numbers) = (call.input(0), call.input(1))
            let rank = numbers.shape.rank
            guard table.shape.rank == 2, (1..<Shape.maximumRank).contains(rank),
                (axis < 0 ? axis + rank + 1 : axis) == rank - 1
            else { throw call.fail("it adds up dimension \(axis) of rows of \(table.shape) at \(numbers.shape)") }
            let (columns, length) = (table.shape[1], numbers.shape[rank - 1])
            var shape = Shape()
            for before in 0..<rank - 1 { shape.append(numbers.shape[before]) }
            if keeps { shape.append(1) }
            shape.append(columns)
            let weights = try BagWeights(call, lists: numbers.shape)
            let y = try call.output(0, shape)
            guard y.count > 0 else { return }

            let lists = y.count / columns
            // The numbers are looked at before any of them is used. Rows of 16 bits are widened, a list's at a time.
            let isNarrow = type != .float32
            let places = lists * length
            var staging = try Staging(
                call, Staging.rounded(2 * places) + (isNarrow ? Staging.rounded(length * columns) : 0))
            let rows = UnsafeMutableRawPointer(staging.take(2 * places)).assumingMemoryBound(to: Int64.self)
            for index in 0..<places {
                rows[index] = Int64(try place(numbers.integer(index), table.shape[0], call))
            }
            let wide = isNarrow ? staging.take(length * columns) : table.floats
            let isa = call.products.isa
            for list in 0..<lists {
                let (first, sum) = (rows + list * length, y.floats + list * columns)
                if isNarrow {
                    for index in 0..<length {
                        let row = TensorView(
                            type: type, shape: [columns], start: table.start + Int(first[index]) * columns * type.size)
                        staging.widen(row, into: wide + index * columns)
                        first[index] = Int64(index)
                    }
                }
                belfry_nn_bag(isa, wide, columns, first, length, weights?.list(list), weights?.step ?? 0, sum)
                guard isMean else { continue }
                for column in 0..<columns { sum[column] /= Float(length) }
            }
        }
    }
}

/// The weights of lists' elements, one for each, as a tensor that broadcasts to [..., length, columns].
private struct BagWeights {
    private let start: UnsafePointer<Float>
    /// Floats from one list's weights to the next one's: 0 if all have the same.
    private let perList: Int
    /// Floats from one element's weight to the next one's.
    let step: Int

    /// Nil if the call has none.
    init?(_ call: Call, lists: Shape) throws(BelfryError) {
        guard let weights = call.optional(2) else { return nil }
        let (rank, length) = (lists.rank, lists[lists.rank - 1])
        var own = Shape(rank: rank + 1)
        let missing = rank + 1 - weights.shape.rank
        if missing >= 0 { for axis in weights.shape.indices { own[axis + missing] = weights.shape[axis] } }
        let (before, all) = (own.elements(in: 0..<rank - 1), lists.elements(in: 0..<rank - 1))
        guard missing >= 0, own[rank] == 1, own[rank - 1] == length || own[rank - 1] == 1, before == all || before == 1,
            (0..<rank - 1).allSatisfy({ before == 1 || own[$0] == lists[$0] })
        else { throw call.fail("its weights have the shape \(weights.shape) for lists of \(lists)") }
        start = UnsafePointer(weights.floats)
        step = own[rank - 1] == length ? 1 : 0
        perList = before == 1 ? 0 : own[rank - 1]
    }

    /// The weights of a list.
    func list(_ list: Int) -> UnsafePointer<Float> { start + list * perList }
}
