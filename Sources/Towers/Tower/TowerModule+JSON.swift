import Files

extension TowerModule {
    /// The module as `tower.json` has it.
    var json: JSON {
        switch self {
        case .normalize: .object(["type": .string("normalize")])
        case .pooling(let modes):
            .object(["type": .string("pooling"), "modes": .array(modes.map { .string($0.rawValue) })])
        case .dense(let file, let inputs, let outputs, let bias, let activation):
            .object([
                "type": .string("dense"), "file": .string(file), "inputs": .integer(Int64(inputs)),
                "outputs": .integer(Int64(outputs)), "bias": .bool(bias), "activation": .string(activation),
            ])
        case .layerNorm(let file, let size):
            .object(["type": .string("layer_norm"), "file": .string(file), "size": .integer(Int64(size))])
        case .cut(let size): .object(["type": .string("cut"), "size": .integer(Int64(size))])
        }
    }

    /// The module that `json` describes; nil if it describes none.
    init?(_ json: StrictJSON) {
        func size(_ name: String) -> Int? {
            json[name]?.integer.flatMap { (1...1 << 18).contains($0) ? $0 : nil }
        }
        func file() -> String? { json["file"]?.string.flatMap { $0.contains("/") ? nil : $0 } }
        switch json["type"]?.string {
        case "normalize": self = .normalize
        case "pooling":
            let modes = (json["modes"]?.array ?? []).map { $0.string.flatMap(Pooling.init) }
            guard !modes.isEmpty, !modes.contains(nil) else { return nil }
            self = .pooling(modes.compactMap { $0 })
        case "dense":
            guard let file = file(), let inputs = size("inputs"), let outputs = size("outputs"),
                let bias = json["bias"]?.bool, let activation = json["activation"]?.string,
                Activation(rawValue: activation) != nil
            else { return nil }
            self = .dense(file: file, inputs: inputs, outputs: outputs, bias: bias, activation: activation)
        case "layer_norm":
            guard let file = file(), let size = size("size") else { return nil }
            self = .layerNorm(file: file, size: size)
        case "cut":
            guard let size = size("size") else { return nil }
            self = .cut(size)
        default: return nil
        }
    }

    /// The module in a few words.
    var summary: String {
        switch self {
        case .pooling(let modes): "pooling (\(modes.map(\.rawValue).joined(separator: ", ")))"
        case .dense(_, let inputs, let outputs, _, let activation): "dense \(inputs) → \(outputs), \(activation)"
        case .normalize: "normalize"
        case .layerNorm(_, let size): "layer norm \(size)"
        case .cut(let size): "cut to \(size)"
        }
    }
}
