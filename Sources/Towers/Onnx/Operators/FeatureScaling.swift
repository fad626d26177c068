import Files

extension OperatorTable {
    /// What pipelines of scikit-learn put before a model: numbers of any type become scaled floats.
    static let featureScaling: [Operator] = [scaler, normalizer]

    private static let domain = "ai.onnx.ml"
    private static let types: Set<TensorType> = [.float32, .float64, .int32, .int64]

    /// (x - offset) · scale, each of them one number or one for each feature.
    private static let scaler = Operator("Scaler", domain: domain, versions: 1...5, inputs: 1...1) {
        node throws(BelfryError) in
        _ = try node.type(0, in: types)
        guard let offsets = try node.floats("offset"), let scales = try node.floats("scale"), !offsets.isEmpty,
            offsets.count == scales.count
        else { throw node.invalid("it does not have as many offsets as scales") }
        return Kernel(.float32) { call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            let count = offsets.count
            guard count == 1 || x.shape.last == count else {
                throw call.fail("it has \(count) offsets for the shape \(x.shape)")
            }
            try CastBody.cast(x, to: y)
            let values = y.floats
            for index in 0..<y.count {
                values[index] = (values[index] - offsets[index % count]) * scales[index % count]
            }
        }
    }

    private enum Norm: String { case max = "MAX", sum = "L1", length = "L2" }

    /// Each row divided by its greatest element, the sum of its absolute values or its Euclidean length; a row for which
    /// that is 0 stays as it is.
    private static let normalizer = Operator("Normalizer", domain: domain, versions: 1...5, inputs: 1...1) {
        node throws(BelfryError) in
        _ = try node.type(0, in: types)
        let name = try node.string("norm") ?? "MAX"
        guard let norm = Norm(rawValue: name) else { throw node.unsupported("the norm “\(name)”") }
        return Kernel(.float32) { call throws(BelfryError) in
            let x = call.input(0)
            guard (1...2).contains(x.shape.rank) else { throw call.fail("its input has the shape \(x.shape)") }
            let y = try call.output(0, x.shape)
            guard y.count > 0 else { return }
            try CastBody.cast(x, to: y)
            let columns = x.shape[x.shape.rank - 1]
            for row in 0..<y.count / columns {
                let values = y.floats + row * columns
                var divisor = norm == .max ? -Float.infinity : 0
                for column in 0..<columns {
                    switch norm {
                    case .max: divisor = max(divisor, values[column])
                    case .sum: divisor += abs(values[column])
                    case .length: divisor += values[column] * values[column]
                    }
                }
                if norm == .length { divisor = divisor.squareRoot() }
                guard divisor != 0 else { continue }
                for column in 0..<columns { values[column] /= divisor }
            }
        }
    }
}
