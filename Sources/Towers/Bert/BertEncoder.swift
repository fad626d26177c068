import CKernels
import Files
import Vectors

/// The encoder of BERT and its relatives: token ids in, one vector per token out.
///
/// The tokens of several texts are packed one after another without padding, so that the products run over all of
/// them at once and no work is done for nothing; only attention looks at one text at a time.
///
///     for each layer:  qkv ← x · Wqkv + b
///                      a   ← attention(qkv), each text for itself
///                      x   ← norm(a · Wo + b + x)
///                      h   ← gelu(x · W1 + b)
///                      x   ← norm(h · W2 + b + x)
///
/// Weights of type F32 stay in the mapped file. A text's result has the same bits in any batch, unless `Products` go
/// through OpenBLAS.
final class BertEncoder: TowerEncoder {
    /// A product's weights [outputs, inputs] and bias.
    struct Linear: Sendable {
        var weight: Weights
        var bias: Weights
        var inputs: Int
        var outputs: Int
    }

    struct Norm: Sendable {
        var weight: Weights
        var bias: Weights
    }

    private struct Layer: Sendable {
        var query: Linear
        var key: Linear
        var value: Linear
        var attention: Linear
        var attentionNorm: Norm
        var wide: Linear
        var narrow: Linear
        var outputNorm: Norm
    }

    let configuration: BertConfiguration
    var size: Int { configuration.hiddenSize }
    var vocabularySize: Int { configuration.vocabularySize }
    var isPooled: Bool { false }
    var summary: String {
        let name = configuration.family == .bert ? "BERT" : configuration.family.rawValue
        return "\(name), \(configuration.layers) layers of \(configuration.hiddenSize)"
    }
    private let words: Weights
    private let positions: Weights
    private let types: Weights
    private let relative: RelativeAttention?
    private let norm: Norm
    private let layers: [Layer]
    private let activation: belfry_activation
    private let products: Products

    init(
        _ configuration: BertConfiguration, _ file: Safetensors, _ products: Products
    ) throws(BelfryError) {
        self.configuration = configuration
        self.products = products
        activation = BertConfiguration.activations[configuration.activation]!
        let names = BertNames(configuration.family)
        // Exports of a bare encoder have no prefix, those of a model with a head have one.
        let prefix =
            file.tensor(names.prefix + "embeddings.word_embeddings.weight") != nil ? names.prefix : ""
        let hidden = configuration.hiddenSize
        func linear(_ name: String, _ inputs: Int, _ outputs: Int) throws(BelfryError) -> Linear {
            Linear(
                weight: try file.weights(prefix + name + ".weight", shape: [outputs, inputs]),
                bias: try file.weights(prefix + name + ".bias", shape: [outputs]), inputs: inputs, outputs: outputs)
        }
        func norm(_ name: String) throws(BelfryError) -> Norm {
            Norm(
                weight: try file.weights(prefix + name + ".weight", shape: [hidden]),
                bias: try file.weights(prefix + name + ".bias", shape: [hidden]))
        }
        words = try file.weights(
            prefix + "embeddings.word_embeddings.weight", shape: [configuration.vocabularySize, hidden])
        positions = try file.weights(
            prefix + "embeddings.position_embeddings.weight",
            shape: [configuration.firstPosition + configuration.maximumPositions, hidden])
        if configuration.tokenTypes > 0 {
            types = try file.weights(
                prefix + "embeddings.token_type_embeddings.weight", shape: [configuration.tokenTypes, hidden])
        } else {
            types = Weights(zeros: hidden)
        }
        relative =
            configuration.family != .mpnet
            ? nil
            : try RelativeAttention(
                file, prefix + "encoder.relative_attention_bias.weight", heads: configuration.heads,
                headSize: hidden / configuration.heads, most: configuration.maximumPositions)
        self.norm = try norm("embeddings.LayerNorm")
        var layers: [Layer] = []
        for index in 0..<configuration.layers {
            let name = names.layer + "\(index)."
            layers.append(
                Layer(
                    query: try linear(name + names.query, hidden, hidden),
                    key: try linear(name + names.key, hidden, hidden),
                    value: try linear(name + names.value, hidden, hidden),
                    attention: try linear(name + names.attention, hidden, hidden),
                    attentionNorm: try norm(name + names.attentionNorm),
                    wide: try linear(name + names.wide, hidden, configuration.intermediateSize),
                    narrow: try linear(name + names.narrow, configuration.intermediateSize, hidden),
                    outputNorm: try norm(name + names.outputNorm)))
        }
        self.layers = layers
        try Self.refuseMoreLayers(than: configuration.layers, prefix + names.layer, file)
    }

    /// A model whose settings name fewer layers than its weights have would give other vectors than it was saved for.
    private static func refuseMoreLayers(than count: Int, _ start: String, _ file: Safetensors) throws(BelfryError) {
        for tensor in file.tensors where tensor.name.hasPrefix(start) {
            let number = tensor.name.dropFirst(start.count).prefix { $0 != "." }
            guard let layer = Int(number), layer >= count else { continue }
            throw BelfryError(
                .unsupported,
                "The weights have the tensor “\(tensor.name)”, but config.json says that there are only \(count) "
                    + "layers.", at: .init(file: file.path, place: "tensor \(tensor.name)"),
                remedy: "Correct the number of layers in config.json, or save the model without the other layers.")
        }
    }

    /// The vectors of all tokens, [ids.count, hiddenSize], in the workspace's memory until its next use.
    ///
    /// `texts` are the ranges of `ids` that belong together; each has at most `maximumPositions` ids, all of them below
    /// `vocabularySize`.
    func encode(_ ids: [Int32], texts: [Range<Int>], _ workspace: Workspace) -> UnsafeMutablePointer<Float> {
        let count = ids.count
        let hidden = configuration.hiddenSize
        let longest = texts.reduce(0) { max($0, $1.count) }
        let x = workspace.buffer(.tokens, count * hidden)
        let qkv = workspace.buffer(.wide, count * max(3 * hidden, configuration.intermediateSize))
        let mixed = workspace.buffer(.mixed, count * hidden)
        let isa = products.isa
        let scratch = workspace.buffer(
            .attention, belfry_nn_attention_scratch(longest, hidden / configuration.heads))
        for text in texts {
            var next = configuration.firstPosition
            for index in text {
                precondition(ids[index] >= 0 && ids[index] < configuration.vocabularySize)
                let isPadding = Int(ids[index]) == configuration.padding
                let position = isPadding ? Int(ids[index]) : next
                if !isPadding { next += 1 }
                belfry_nn_add3(
                    isa, words.pointer + Int(ids[index]) * hidden, types.pointer, positions.pointer + position * hidden,
                    x + index * hidden, hidden)
            }
        }
        belfry_nn_layer_norm(isa, x, count, hidden, norm.weight.pointer, norm.bias.pointer, configuration.epsilon)
        func multiply(
            _ input: UnsafePointer<Float>, _ part: Linear, _ activation: belfry_activation = BELFRY_IDENTITY,
            adds: Bool = false, into output: UnsafeMutablePointer<Float>, stride: Int
        ) {
            products.multiply(
                input, rows: count, part.weight.pointer, inputs: part.inputs, outputs: part.outputs,
                bias: part.bias.pointer, activation, adds: adds, into: output, stride: stride, workspace)
        }
        func normalize(_ part: Norm) {
            belfry_nn_layer_norm(
                isa, x, count, hidden, part.weight.pointer, part.bias.pointer, configuration.epsilon)
        }
        for layer in layers {
            multiply(x, layer.query, into: qkv, stride: 3 * hidden)
            multiply(x, layer.key, into: qkv + hidden, stride: 3 * hidden)
            multiply(x, layer.value, into: qkv + 2 * hidden, stride: 3 * hidden)
            for text in texts where !text.isEmpty {
                let rows = qkv + text.lowerBound * 3 * hidden
                let target = mixed + text.lowerBound * hidden
                if let relative {
                    relative.attend(
                        isa, rows, tokens: text.count, heads: configuration.heads,
                        headSize: hidden / configuration.heads, into: target, workspace)
                } else {
                    belfry_nn_attention(
                        isa, rows, 3 * hidden, text.count, configuration.heads, hidden / configuration.heads, target,
                        hidden, scratch)
                }
            }
            multiply(mixed, layer.attention, adds: true, into: x, stride: hidden)
            normalize(layer.attentionNorm)
            multiply(x, layer.wide, activation, into: qkv, stride: configuration.intermediateSize)
            multiply(qkv, layer.narrow, adds: true, into: x, stride: hidden)
            normalize(layer.outputNorm)
        }
        return x
    }
}
