import CKernels
import Files
import Vectors

/// What follows the encoder: pooling, products, normalisation.
struct TowerHead: Sendable {
    private enum Step: Sendable {
        case pooling([TowerManifest.Pooling])
        case dense(Weights, bias: Weights?, inputs: Int, outputs: Int, belfry_activation)
        case normalize
    }

    private let steps: [Step]
    private let products: Products
    private let hidden: Int
    private let widest: Int
    /// Components of the result.
    let dimension: Int
    /// The files of the dense modules.
    let files: [Safetensors]

    init(
        _ manifest: TowerManifest, hidden: Int, _ paths: TowerFiles, _ products: Products
    ) throws(BelfryError) {
        var steps: [Step] = []
        var files: [Safetensors] = []
        var size = hidden
        var widest = hidden
        for (index, module) in manifest.modules.enumerated() {
            switch module {
            case .pooling(let modes):
                guard index == 0 else { throw .corrupt("Pooling must come first.", at: .init(file: paths.folder)) }
                steps.append(.pooling(modes))
                size = hidden * modes.count
            case .dense(let name, let inputs, let outputs, let hasBias, let activation):
                guard inputs == size else {
                    throw .corrupt(
                        "The dense module takes \(inputs) components, but there are \(size).",
                        at: .init(file: paths.path(name)))
                }
                let file = try Safetensors(paths.path(name))
                steps.append(
                    .dense(
                        try file.weights("linear.weight", shape: [outputs, inputs]),
                        bias: hasBias ? try file.weights("linear.bias", shape: [outputs]) : nil, inputs: inputs,
                        outputs: outputs, activation == "tanh" ? BELFRY_TANH : BELFRY_IDENTITY))
                files.append(file)
                size = outputs
            case .normalize: steps.append(.normalize)
            }
            widest = max(widest, size)
        }
        guard case .pooling? = steps.first else {
            throw .corrupt("The tower has no pooling.", at: .init(file: paths.folder))
        }
        self.steps = steps
        self.products = products
        self.hidden = hidden
        self.files = files
        self.widest = widest
        dimension = size
    }

    /// Writes the vector of one text whose tokens' vectors are the `count` rows at `tokens`; zeros if there are none.
    func apply(
        _ tokens: UnsafePointer<Float>, count: Int, into target: UnsafeMutablePointer<Float>, _ workspace: Workspace
    ) {
        // Every pooling reads a first row. A tower's tokenizer adds tokens to every text, so this is a second lock.
        guard count > 0 else { return target.update(repeating: 0, count: dimension) }
        let isa = products.isa
        let buffer = workspace.buffer(.pooled, 2 * widest)
        var current = buffer
        var other = buffer + widest
        var size = hidden
        for step in steps {
            switch step {
            case .pooling(let modes):
                for (index, mode) in modes.enumerated() {
                    let part = current + index * hidden
                    switch mode {
                    case .cls: part.update(from: tokens, count: hidden)
                    case .max: belfry_nn_max_rows(isa, tokens, count, hidden, part)
                    case .mean: belfry_nn_sum_rows(isa, tokens, count, hidden, 1 / Float(count), part)
                    case .meanSqrtLength:
                        belfry_nn_sum_rows(isa, tokens, count, hidden, 1 / Float(count).squareRoot(), part)
                    }
                }
                size = hidden * modes.count
            case .dense(let weight, let bias, let inputs, let outputs, let activation):
                products.multiply(
                    current, rows: 1, weight.pointer, inputs: inputs, outputs: outputs, bias: bias?.pointer,
                    activation, into: other, stride: outputs, workspace)
                swap(&current, &other)
                size = outputs
            case .normalize: belfry_nn_l2_normalize(isa, current, size, 1e-12)
            }
        }
        target.update(from: current, count: size)
    }
}
