import CKernels
import Files
import Vectors

/// The layers of an encoder as BERT has them, on one or several threads.
///
///     for each layer:  a ← attention(x · Wq + b, x · Wk + b, x · Wv + b), each text for itself
///                      x ← norm(a · Wo + b + x)
///                      h ← gelu(x · W1 + b)
///                      x ← norm(h · W2 + b + x)
///
/// A head's queries, keys and values are made, used and forgotten before the next head's: they stay in the second
/// cache. Each line is a step of a `Team`, cut into heads, panels of outputs, or blocks of rows.
///
/// Weights are copied into panels when the layers are made; the mapped pages they came from are given back. With
/// products in bf16 their inputs are rounded, all else stays f32.
struct EncoderLayers: Sendable {
    /// A product's weights [outputs, inputs] and bias.
    struct Linear: Sendable {
        var weight: Weights
        var bias: Weights
        var inputs: Int
        var outputs: Int

        /// The rows of one head, or all.
        fileprivate func part(_ head: Int = 0, of heads: Int = 1) -> Products.Part {
            let count = outputs / heads
            return Products.Part(
                weight: weight.pointer + head * count * inputs, bias: bias.pointer + head * count, outputs: count)
        }
    }

    struct Norm: Sendable {
        var weight: Weights
        var bias: Weights
    }

    struct Layer: Sendable {
        var query: Linear
        var key: Linear
        var value: Linear
        var attention: Linear
        var attentionNorm: Norm
        var wide: Linear
        var narrow: Linear
        var outputNorm: Norm
    }

    /// What attention adds to the product of a query and a key, by how far they are apart.
    struct Distances: Sendable {
        /// [heads, 2 · most − 1], for distances from −(most − 1) to most − 1.
        var table: Weights
        var maximum: Int

        fileprivate func head(_ head: Int) -> UnsafePointer<Float> {
            table.pointer + head * (2 * maximum - 1) + maximum - 1
        }
    }

    private struct PackedLayer: Sendable {
        /// Per head: its queries, keys and values, one after another.
        var heads: [PackedLinear]
        var attention: PackedLinear
        var attentionNorm: Norm
        var wide: PackedLinear
        var narrow: PackedLinear
        var outputNorm: Norm
    }

    /// The rows of a batch, shared by the members of a team.
    private struct Batch {
        let rows: Int
        let texts: [Range<Int>]
        let x: UnsafeMutablePointer<Float>
        let mixed: UnsafeMutablePointer<Float>
        let wide: UnsafeMutablePointer<Float>
        /// x, mixed and wide as the products take them: rounded, or the same.
        let roundedX: UnsafeMutablePointer<UInt16>?
        let roundedMixed: UnsafeMutablePointer<UInt16>?
        let roundedWide: UnsafeMutablePointer<UInt16>?
    }

    /// Rows of one piece of a layer norm.
    private static let block = 8
    /// Multiplications of a batch from which on a second thread is worth waking: some hundred microseconds.
    private static let worthSharing = 10_000_000

    private let hidden: Int
    private let heads: Int
    private let intermediate: Int
    private let epsilon: Float
    private let activation: belfry_activation
    private let layers: [PackedLayer]
    private let distances: Distances?
    private let products: Products

    init(
        _ layers: [Layer], hidden: Int, heads: Int, intermediate: Int, epsilon: Float, _ activation: belfry_activation,
        distances: Distances? = nil, _ products: Products
    ) {
        self.hidden = hidden
        self.heads = heads
        self.intermediate = intermediate
        self.epsilon = epsilon
        self.activation = activation
        self.distances = distances
        self.products = products
        self.layers = layers.map { layer in
            let packed = PackedLayer(
                heads: (0..<heads).map { head in
                    products.pack(
                        [layer.query, layer.key, layer.value].map { $0.part(head, of: heads) }, inputs: hidden)
                },
                attention: products.pack([layer.attention.part()], inputs: hidden), attentionNorm: layer.attentionNorm,
                wide: products.pack([layer.wide.part()], inputs: hidden),
                narrow: products.pack([layer.narrow.part()], inputs: intermediate), outputNorm: layer.outputNorm)
            for linear in [layer.query, layer.key, layer.value, layer.attention, layer.wide, layer.narrow] {
                linear.weight.giveBackPages()
            }
            return packed
        }
    }

    /// Takes the rows x [rows, hidden] through all layers, in place.
    ///
    /// `texts` are the ranges of rows that attend to one another.
    func run(
        _ x: UnsafeMutablePointer<Float>, rows: Int, texts: [Range<Int>], _ workspace: Workspace
    ) {
        let rounds = products.rounds
        let batch = Batch(
            rows: rows, texts: texts.filter { !$0.isEmpty }, x: x,
            mixed: workspace.buffer(.mixed, rows * hidden),
            wide: workspace.buffer(.wide, rows * intermediate),
            roundedX: rounds ? workspace.roundedBuffer(.roundedTokens, rows * hidden) : nil,
            roundedMixed: rounds ? workspace.roundedBuffer(.roundedMixed, rows * hidden) : nil,
            roundedWide: rounds ? workspace.roundedBuffer(.wide, rows * intermediate) : nil)
        let work = rows * layers.count * (4 * hidden * hidden + 2 * hidden * intermediate)
        let threads = work >= Self.worthSharing ? workspace.threads : 1
        Team.run(threads: threads, workspace, sharing: batch) { member, own, batch in
            take(batch, through: &member, own)
        }
    }

    /// One member's share of all layers.
    private func take(_ batch: Batch, through member: inout Team.Member, _ own: Workspace) {
        let (rows, hidden, intermediate, isa) = (batch.rows, hidden, intermediate, products.isa)
        let size = hidden / heads
        let longest = batch.texts.reduce(0) { max($0, $1.count) }
        let qkv = own.buffer(.head, rows * 3 * size)
        let mixed = own.buffer(.headMixed, rows * size)
        let scratch = own.buffer(.attention, belfry_nn_attention_scratch(longest, size))
        let x = batch.roundedX.map(UnsafeRawPointer.init) ?? UnsafeRawPointer(batch.x)
        let allMixed = batch.roundedMixed.map(UnsafeRawPointer.init) ?? UnsafeRawPointer(batch.mixed)
        let wide = batch.roundedWide.map(UnsafeRawPointer.init) ?? UnsafeRawPointer(batch.wide)
        let blocks = (rows + Self.block - 1) / Self.block

        func round(_ first: Int, _ count: Int) {
            guard let rounded = batch.roundedX else { return }
            belfry_nn_round(
                isa, batch.x + first * hidden, hidden, count, hidden, rounded + first * hidden, hidden)
        }
        func normalize(_ norm: Norm) {
            member.share(blocks) { block in
                let first = block * Self.block
                let count = min(Self.block, rows - first)
                belfry_nn_layer_norm(
                    isa, batch.x + first * hidden, count, hidden, norm.weight.pointer, norm.bias.pointer, epsilon)
                round(first, count)
            }
        }
        func attend(_ layer: PackedLayer, _ head: Int) {
            let part = layer.heads[head]
            products.multiply(x, rows: rows, part, columns: 0..<part.outputs, into: qkv, stride: 3 * size)
            let near = distances.map { $0.head(head) }
            let (target, stride) = batch.roundedMixed == nil ? (batch.mixed + head * size, hidden) : (mixed, size)
            for text in batch.texts {
                let query = qkv + text.lowerBound * 3 * size
                belfry_nn_attention_head(
                    isa, query, query + size, query + 2 * size, 3 * size, text.count, size, near,
                    target + text.lowerBound * stride, stride, scratch)
            }
            if let rounded = batch.roundedMixed {
                belfry_nn_round(isa, mixed, size, rows, size, rounded + head * size, hidden)
            }
        }

        if batch.roundedX != nil {
            member.share(blocks) { round($0 * Self.block, min(Self.block, rows - $0 * Self.block)) }
        }
        for layer in layers {
            member.share(heads) { attend(layer, $0) }
            member.share(layer.attention.panels) { panel in
                let columns = layer.attention.panel(panel)
                products.multiply(
                    allMixed, rows: rows, layer.attention, columns: columns, adds: true,
                    into: batch.x + columns.lowerBound, stride: hidden)
            }
            normalize(layer.attentionNorm)
            member.share(layer.wide.panels) { panel in
                let columns = layer.wide.panel(panel)
                products.multiply(
                    x, rows: rows, layer.wide, columns: columns, activation,
                    into: batch.roundedWide == nil ? batch.wide + columns.lowerBound : nil,
                    rounded: batch.roundedWide.map { $0 + columns.lowerBound }, stride: intermediate)
            }
            member.share(layer.narrow.panels) { panel in
                let columns = layer.narrow.panel(panel)
                products.multiply(
                    wide, rows: rows, layer.narrow, columns: columns, adds: true, into: batch.x + columns.lowerBound,
                    stride: hidden)
            }
            normalize(layer.outputNorm)
        }
    }
}
