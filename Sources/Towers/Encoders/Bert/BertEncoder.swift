import CKernels
import Files
import Vectors

/// The encoder of BERT and its relatives: token ids in, one vector per token out.
///
/// The tokens of several texts are packed one after another without padding, so that the products run over all of
/// them at once and no work is done for nothing; only attention looks at one text at a time. `EncoderLayers` has the
/// layers.
///
/// The tables of vectors stay in the mapped file if they are of type F32. A text's result has the same bits in any
/// batch and on any number of threads, unless `Products` go through OpenBLAS.
final class BertEncoder: TowerEncoder {
    typealias Linear = EncoderLayers.Linear
    typealias Norm = EncoderLayers.Norm

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
    /// From the type of a first text to that of a second one: only BERT tells them apart.
    private let typeStride: Int
    private let norm: Norm
    private let layers: EncoderLayers
    private let products: Products

    init(
        _ configuration: BertConfiguration, _ file: Safetensors, _ products: Products
    ) throws(BelfryError) {
        self.configuration = configuration
        self.products = products
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
        typeStride = configuration.family == .bert && configuration.tokenTypes > 1 ? hidden : 0
        self.norm = try norm("embeddings.LayerNorm")
        var layers: [EncoderLayers.Layer] = []
        for index in 0..<configuration.layers {
            let name = names.layer + "\(index)."
            layers.append(
                EncoderLayers.Layer(
                    query: try linear(name + names.query, hidden, hidden),
                    key: try linear(name + names.key, hidden, hidden),
                    value: try linear(name + names.value, hidden, hidden),
                    attention: try linear(name + names.attention, hidden, hidden),
                    attentionNorm: try norm(name + names.attentionNorm),
                    wide: try linear(name + names.wide, hidden, configuration.intermediateSize),
                    narrow: try linear(name + names.narrow, configuration.intermediateSize, hidden),
                    outputNorm: try norm(name + names.outputNorm)))
        }
        try Self.refuseMoreLayers(than: configuration.layers, prefix + names.layer, file)
        let distances =
            configuration.family != .mpnet
            ? nil
            : try RelativeAttention.distances(
                file, prefix + "encoder.relative_attention_bias.weight", heads: configuration.heads,
                headSize: hidden / configuration.heads, maximum: configuration.maximumPositions)
        self.layers = EncoderLayers(
            layers, hidden: hidden, heads: configuration.heads, intermediate: configuration.intermediateSize,
            epsilon: configuration.epsilon, BertConfiguration.activations[configuration.activation]!,
            distances: distances, products)
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
        let x = workspace.buffer(.tokens, count * hidden)
        let isa = products.isa
        for (number, text) in texts.enumerated() {
            var next = configuration.firstPosition
            let second = workspace.seconds.isEmpty ? text.upperBound : workspace.seconds[number]
            for index in text {
                precondition(ids[index] >= 0 && ids[index] < configuration.vocabularySize)
                let isPadding = Int(ids[index]) == configuration.padding
                let position = isPadding ? Int(ids[index]) : next
                if !isPadding { next += 1 }
                belfry_nn_add3(
                    isa, words.pointer + Int(ids[index]) * hidden, types.pointer + (index < second ? 0 : typeStride),
                    positions.pointer + position * hidden, x + index * hidden, hidden)
            }
        }
        belfry_nn_layer_norm(isa, x, count, hidden, norm.weight.pointer, norm.bias.pointer, configuration.epsilon)
        layers.run(x, rows: count, texts: texts, workspace)
        return x
    }
}
