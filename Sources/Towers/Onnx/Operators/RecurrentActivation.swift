import Files
import Foundation

/// A function that a recurrent layer may be given for its gates.
struct RecurrentActivation: Sendable {
    /// In lower case: files differ in how they write them.
    enum Kind: String {
        case relu, tanh, sigmoid, affine, leakyRelu = "leakyrelu", thresholdedRelu = "thresholdedrelu"
        case scaledTanh = "scaledtanh", hardSigmoid = "hardsigmoid", elu, softsign, softplus

        /// What alpha and beta are if the file does not tell; nil for a function without them.
        var alpha: Float? {
            switch self {
            case .affine, .thresholdedRelu, .scaledTanh, .elu: 1
            case .leakyRelu: 0.01
            case .hardSigmoid: 0.2
            default: nil
            }
        }
        var beta: Float? {
            switch self {
            case .affine: 0
            case .scaledTanh: 1
            case .hardSigmoid: 0.5
            default: nil
            }
        }
    }

    let kind: Kind
    let alpha: Float
    let beta: Float

    /// The functions of each direction, as the attributes say. Alphas and betas belong, in order, to the functions that
    /// have one.
    static func read(_ node: NodeContext, _ names: [String], directions: Int) throws(BelfryError) -> [[Self]] {
        var alphas = (try node.floats("activation_alpha") ?? [])[...]
        var betas = (try node.floats("activation_beta") ?? [])[...]
        let wanted = try node.strings("activations") ?? []
        guard wanted.isEmpty || wanted.count == directions * names.count else {
            throw node.invalid("it has \(wanted.count) activations for \(directions) · \(names.count)")
        }
        var all: [[Self]] = []
        for direction in 0..<directions {
            var list: [Self] = []
            for index in names.indices {
                let name = wanted.isEmpty ? names[index] : wanted[direction * names.count + index]
                guard let kind = Kind(rawValue: name.lowercased()) else {
                    throw node.unsupported("the activation “\(name)”")
                }
                let alpha = kind.alpha.map { alphas.popFirst() ?? $0 }
                let beta = kind.beta.map { betas.popFirst() ?? $0 }
                list.append(Self(kind: kind, alpha: alpha ?? 0, beta: beta ?? 0))
            }
            all.append(list)
        }
        return all
    }

    func callAsFunction(_ x: Float) -> Float {
        switch kind {
        case .relu: max(x, 0)
        case .tanh: tanhf(x)
        case .sigmoid: 1 / (1 + expf(-x))
        case .affine: alpha * x + beta
        case .leakyRelu: x < 0 ? alpha * x : x
        case .thresholdedRelu: x > alpha ? x : 0
        case .scaledTanh: alpha * tanhf(beta * x)
        case .hardSigmoid: min(max(alpha * x + beta, 0), 1)
        case .elu: x < 0 ? alpha * (expf(x) - 1) : x
        case .softsign: x / (1 + abs(x))
        case .softplus: max(x, 0) + log1pf(expf(-abs(x)))
        }
    }
}
