import Files

/// Runs a graph on made-up rows, to find out what its output is.
struct GraphProbe {
    /// The user's file, for errors.
    let model: String
    let featuresFile: String?
    /// Whether tokens' vectors are pooled.
    let pools: Bool

    /// Writes down what the output is. Components of a vector, and whether all vectors but those of zeros are of unit
    /// length.
    func run(
        _ packer: inout OnnxPacker, _ columns: FeatureSet, _ target: String
    ) throws(BelfryError) -> (size: Int, isUnit: Bool) {
        let graph = try OnnxModel(target + "/" + TowerFiles.graph)
        let binding = try GraphBinding(columns, graph)
        let samples = columns.samples()
        guard let last = samples.last else {
            throw BelfryError(
                .unsupported, "No row could be made up that the columns take, to try the model with.",
                at: .init(file: columns.path))
        }
        var rows = Array(samples.prefix(binding.fixedRows ?? 2))
        while rows.count < binding.fixedRows ?? 2 { rows.append(last) }
        let name = graph.outputs[0].name
        var found: Tensor
        do throws(BelfryError) {
            found = try output(of: rows, graph, binding, columns)
            try check(found, rows.count, name)
        } catch {
            // A graph that takes one row at a time may not say so.
            guard binding.fixedRows == nil else { throw error }
            rows.removeLast()
            guard let one = try? output(of: rows, graph, binding, columns), (try? check(one, 1, name)) != nil else {
                throw error
            }
            found = one
        }
        let shape = found.shape
        guard pools == (shape.rank == 3) else {
            throw BelfryError(
                .invalidInput,
                pools
                    ? "The output “\(name)” is \(shape): it is pooled already."
                    : "The output “\(name)” is \(shape): a vector for each element, which must be pooled.",
                at: .init(file: featuresFile ?? model),
                remedy: pools
                    ? featuresFile == nil
                        ? "Name the output of the tokens' vectors with \(.setting(.output)), or export the model with it."
                        : "Leave “pooling” out."
                    : "Say how, as the model's page does: \(.setting(.pooling)) mean, or \"pooling\": \"mean\" in the configuration."
            )
        }
        let size = shape[shape.rank - 1]
        packer.setOutput(found.type, rank: shape.rank, size: size)
        let values = try found.floats(model)
        let lengths = stride(from: 0, to: values.count, by: max(size, 1)).map { start in
            values[start..<start + size].reduce(0) { $0 + $1 * $1 }.squareRoot()
        }.filter { $0 > 0 }
        let isUnit = shape.rank == 2 && !lengths.isEmpty && lengths.allSatisfy { abs($0 - 1) < 1e-3 }
        return (size, isUnit)
    }

    private func output(
        of rows: [JSON], _ graph: OnnxModel, _ binding: GraphBinding, _ columns: FeatureSet
    ) throws(BelfryError) -> Tensor {
        let batch = FeatureBatch()
        try columns.encode(rows, into: batch)
        return try graph.run(binding.tensors(batch))[0]!
    }

    private func check(_ found: Tensor, _ rows: Int, _ name: String) throws(BelfryError) {
        let shape = found.shape
        guard (2...3).contains(shape.rank), shape[0] == rows, found.type.isFloat else {
            throw BelfryError(
                .unsupported,
                "The output “\(name)” is \(found.type) \(shape) for \(rows) rows: not a vector for each row.",
                at: .init(file: model),
                remedy: "Name another value with \(.setting(.output)), or as “output” in the configuration."
            )
        }
    }
}
