import CKernels
import Foundation
import Vectors

/// What a dense module does to each component of its product.
enum Activation: String, CaseIterable, Sendable {
    case identity, tanh, relu, gelu, sigmoid, silu

    /// The activation that PyTorch calls `name`, such as `torch.nn.modules.activation.ReLU`.
    init?(torch name: String) {
        let parts = name.split(separator: ".")
        guard parts.first == "torch", let last = parts.last,
            let found = Self.allCases.first(where: { $0.torchName == last })
        else { return nil }
        self = found
    }

    private var torchName: String {
        switch self {
        case .identity: "Identity"
        case .tanh: "Tanh"
        case .relu: "ReLU"
        case .gelu: "GELU"
        case .sigmoid: "Sigmoid"
        case .silu: "SiLU"
        }
    }

    /// The part of it that the product's kernel does.
    var kernel: belfry_activation {
        switch self {
        case .identity, .sigmoid, .silu: BELFRY_IDENTITY
        case .tanh: BELFRY_TANH
        case .relu: BELFRY_RELU
        case .gelu: BELFRY_GELU_ERF
        }
    }

    /// The part that is left after the kernel: the components of one text's vector.
    func finish(_ x: UnsafeMutablePointer<Float>, _ count: Int) {
        switch self {
        case .identity, .tanh, .relu, .gelu: break
        case .sigmoid: for index in 0..<count { x[index] = 1 / (1 + exp(-x[index])) }
        case .silu: for index in 0..<count { x[index] /= 1 + exp(-x[index]) }
        }
    }
}
