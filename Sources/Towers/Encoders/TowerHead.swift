import CKernels
import Files
import Vectors

/// What follows the encoder: pooling, products, normalization.
struct TowerHead: Sendable {
    private enum Step: Sendable {
        case pooling([Pooling])
        case dense(Weights, bias: Weights?, inputs: Int, outputs: Int, Activation)
        case layerNorm(Weights, bias: Weights)
        case normalize
        case cut(Int)
    }

    /// What `torch.nn.LayerNorm` adds to the variance.
    private static let epsilon: Float = 1e-5

    private let steps: [Step]
    private let products: Products
    private let hidden: Int
    private let widest: Int
    /// Components of the result.
    let dimension: Int
    /// The files of the dense modules.
    let files: [Safetensors]

    /// - Parameters:
    ///   - hidden: Components of the encoder's vectors.
    ///   - isPooled: Whether these are texts' vectors; otherwise the first module must pool tokens'.
    init(
        _ modules: [TowerModule], hidden: Int, isPooled: Bool, _ paths: TowerFiles, _ products: Products
    ) throws(BelfryError) {
        var steps: [Step] = []
        var files: [Safetensors] = []
        var size = hidden
        var widest = hidden
        func open(_ name: String) throws(BelfryError) -> Safetensors {
            let file = try Safetensors(paths.path(name))
            files.append(file)
            return file
        }
        func expect(_ wanted: Int, _ what: String, _ file: String) throws(BelfryError) {
            guard wanted == size else {
                throw .corrupt(
                    "The \(what) module takes \(wanted) components, but there are \(size).",
                    at: .init(file: paths.path(file)))
            }
        }
        for (index, module) in modules.enumerated() {
            if case .pooling = module {
            } else if index == 0, !isPooled {
                throw .corrupt("Pooling must come first.", at: .init(file: paths.folder))
            }
            switch module {
            case .pooling(let modes):
                guard index == 0, !isPooled else {
                    throw .corrupt("There is nothing to pool.", at: .init(file: paths.folder))
                }
                steps.append(.pooling(modes))
                size = hidden * modes.count
            case .dense(let name, let inputs, let outputs, let hasBias, let activation):
                try expect(inputs, "dense", name)
                let file = try open(name)
                steps.append(
                    .dense(
                        try file.weights("linear.weight", shape: [outputs, inputs]),
                        bias: hasBias ? try file.weights("linear.bias", shape: [outputs]) : nil, inputs: inputs,
                        outputs: outputs, Activation(rawValue: activation) ?? .identity))
                size = outputs
            case .layerNorm(let name, let count):
                try expect(count, "layer norm", name)
                let file = try open(name)
                steps.append(
                    .layerNorm(
                        try file.weights("norm.weight", shape: [count]),
                        bias: try file.weights("norm.bias", shape: [count])))
            case .normalize: steps.append(.normalize)
            case .cut(let count):
                guard count <= size else {
                    throw .corrupt(
                        "\(size) components cannot be cut to \(count).", at: .init(file: paths.folder))
                }
                steps.append(.cut(count))
                size = count
            }
            widest = max(widest, size)
        }
        guard isPooled || !steps.isEmpty else {
            throw .corrupt("The tower has no pooling.", at: .init(file: paths.folder))
        }
        self.steps = steps
        self.products = products
        self.hidden = hidden
        self.files = files
        self.widest = widest
        dimension = size
    }

    /// Writes the vector of one text.
    ///
    /// Its tokens' vectors, or its own if they come pooled, are the `count` rows at `rows`. The first `skipped` of them
    /// belong to a prompt that takes no part. If none are left, the pooled vector is zeros.
    func apply(
        _ rows: UnsafePointer<Float>, count: Int, skipping skipped: Int = 0, into target: UnsafeMutablePointer<Float>,
        _ workspace: Workspace
    ) {
        let isa = products.isa
        let buffer = workspace.buffer(.pooled, 2 * widest)
        var current = buffer
        var other = buffer + widest
        var size = hidden
        if count > 0 {
            current.update(from: rows, count: hidden)
        } else {
            current.update(repeating: 0, count: hidden)
        }
        for step in steps {
            switch step {
            case .pooling(let modes):
                for (index, mode) in modes.enumerated() {
                    pool(mode, rows, min(skipped, count)..<count, into: current + index * hidden)
                }
                size = hidden * modes.count
            case .dense(let weight, let bias, let inputs, let outputs, let activation):
                products.multiply(
                    current, rows: 1, weight.pointer, inputs: inputs, outputs: outputs, bias: bias?.pointer,
                    activation.kernel, into: other, stride: outputs, workspace)
                activation.finish(other, outputs)
                swap(&current, &other)
                size = outputs
            case .layerNorm(let weight, let bias):
                belfry_nn_layer_norm(isa, current, 1, size, weight.pointer, bias.pointer, Self.epsilon)
            case .normalize: belfry_nn_l2_normalize(isa, current, size, 1e-12)
            case .cut(let count): size = count
            }
        }
        target.update(from: current, count: size)
    }

    /// Pools the rows of `range`; their places in the text count from its first row on, prompt or not.
    private func pool(
        _ mode: Pooling, _ rows: UnsafePointer<Float>, _ range: Range<Int>,
        into target: UnsafeMutablePointer<Float>
    ) {
        guard !range.isEmpty else { return target.update(repeating: 0, count: hidden) }
        let isa = products.isa
        let first = rows + range.lowerBound * hidden
        switch mode {
        case .cls: target.update(from: first, count: hidden)
        case .max: belfry_nn_max_rows(isa, first, range.count, hidden, target)
        case .mean: belfry_nn_sum_rows(isa, first, range.count, hidden, 1 / Float(range.count), target)
        case .meanSqrtLength:
            belfry_nn_sum_rows(isa, first, range.count, hidden, 1 / Float(range.count).squareRoot(), target)
        case .lastToken: target.update(from: rows + (range.upperBound - 1) * hidden, count: hidden)
        case .weightedMean:
            target.update(repeating: 0, count: hidden)
            let total = Float((range.lowerBound + range.upperBound + 1) * range.count / 2)
            for row in range {
                let weight = Float(row + 1) / total
                let values = rows + row * hidden
                for column in 0..<hidden { target[column] += weight * values[column] }
            }
        }
    }
}
