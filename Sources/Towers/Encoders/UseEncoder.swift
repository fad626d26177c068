import CKernels
import Files
import Vectors

/// The Universal Sentence Encoder, multilingual, version 3 (Yang et al., 2020): a text's tokens pass through three
/// small convolutions, are summed, and the sum passes through a deep averaging network (Iyyer et al., 2015).
///
///     e ← table[id] · scale[id mod 17] + low[id mod 17]           bytes to floats, 512
///     x ← norm(e · P + b)                                         3 · 256
///     for n in 2, 3, 5, each with its third of x:
///         h ← relu(windows of n rows of x · W + b) + x            rows outside of the text are zeros
///         c ← relu(windows of n rows of h · W' + b') + h
///     f ← norm([e, c2, c3, c5])                                   1,280
///     s ← (Σ f · S + tokens · b) / √tokens                        512
///     y ← relu(s · D0);  y ← relu(y · D1 + s · S1);  z ← relu(y · D2)
///     v ← tanh(z · D3 + y · S3)                                   512
///
/// The last step, v / |v|, is the head's. Tokens are SentencePiece's with `<s>` before and `</s>` after them.
///
/// A window of n rows is n products, each with the rows shifted by one. Texts lie one after another with two rows of
/// zeros between them, so that all products of a batch run over all of its texts at once.
struct UseEncoder: TowerEncoder {
    /// More than any text of a catalogue has; a longer one is cut.
    static let maximumTokens = 1 << 13
    /// Parts of the table that have a scale of their own: token i belongs to part i mod 17.
    static let parts = 17
    /// Components of a token's row, of each convolution, of all that is summed, of the narrow layers.
    static let token = 512, branch = 256, features = 1280, narrow = 320
    /// The convolutions: rows of a window, and how many of them stand before the token.
    static let windows: [(count: Int, before: Int)] = [(2, 0), (3, 1), (5, 2)]
    /// Rows of zeros between two texts.
    private static let gap = 2

    private struct Linear: Sendable {
        var weight: Weights
        var bias: Weights?
        var inputs: Int
        var outputs: Int
    }

    private struct Norm: Sendable {
        var weight: Weights
        var bias: Weights
    }

    let vocabularySize: Int
    let size = token
    let isPooled = true
    var summary: String { "Universal Sentence Encoder, \(vocabularySize) rows of \(Self.token)" }
    private let file: Safetensors
    private let table: StoredTensor
    private let scale: Weights
    private let low: Weights
    private let projection: Linear
    private let projectionNorm: Norm
    /// Two steps for each of the windows.
    private let convolutions: [[Linear]]
    private let norm: Norm
    private let sum: Linear
    private let dense: [Linear]
    private let skips: [Linear]
    private let epsilon: Float
    private let products: Products

    /// Reads the file that `UseWeights` writes.
    init(_ file: Safetensors, _ products: Products) throws(BelfryError) {
        self.file = file
        self.products = products
        func linear(_ name: String, _ inputs: Int, _ outputs: Int, bias: Bool) throws(BelfryError) -> Linear {
            Linear(
                weight: try file.weights(name + ".weight", shape: [outputs, inputs]),
                bias: bias ? try file.weights(name + ".bias", shape: [outputs]) : nil, inputs: inputs,
                outputs: outputs)
        }
        func norm(_ name: String, _ size: Int) throws(BelfryError) -> Norm {
            Norm(
                weight: try file.weights(name + ".weight", shape: [size]),
                bias: try file.weights(name + ".bias", shape: [size]))
        }
        table = try file.required("table", "[tokens, \(Self.token)]")
        guard table.type == "U8", table.shape.count == 2, table.shape[1] == Self.token, table.shape[0] > 0 else {
            throw .corrupt("The table must be bytes [tokens, \(Self.token)].", at: file.location("table"))
        }
        vocabularySize = table.shape[0]
        scale = try file.weights("scale", shape: [Self.parts])
        low = try file.weights("low", shape: [Self.parts])
        let branch = Self.branch
        projection = try linear("projection", Self.token, Self.windows.count * branch, bias: true)
        projectionNorm = try norm("projection.norm", Self.windows.count * branch)
        var convolutions: [[Linear]] = []
        for window in Self.windows {
            var steps: [Linear] = []
            for step in 0..<2 {
                let name = "window\(window.count).\(step)"
                steps.append(
                    Linear(
                        weight: try file.weights(name + ".weight", shape: [window.count, branch, branch]),
                        bias: try file.weights(name + ".bias", shape: [branch]), inputs: branch, outputs: branch))
            }
            convolutions.append(steps)
        }
        self.convolutions = convolutions
        self.norm = try norm("norm", Self.features)
        sum = try linear("sum", Self.features, Self.token, bias: true)
        dense = [
            try linear("dense.0", Self.token, Self.narrow, bias: false),
            try linear("dense.1", Self.narrow, Self.narrow, bias: false),
            try linear("dense.2", Self.narrow, Self.token, bias: false),
            try linear("dense.3", Self.token, Self.token, bias: false),
        ]
        skips = [
            try linear("skip.1", Self.token, Self.narrow, bias: false),
            try linear("skip.3", Self.narrow, Self.token, bias: false),
        ]
        epsilon = try file.weights("epsilon", shape: [1]).pointer.pointee
        guard epsilon >= 0, epsilon < 1 else {
            throw .corrupt("The epsilon \(epsilon) is none.", at: file.location("epsilon"))
        }
    }

    /// The tokenizer of `folder` as this encoder wants it: a text without tokens has the unknown one.
    static func tokenizer(folder: String) throws(BelfryError) -> any Tokenizer {
        FramedTokenizer(try Tokenizers.load(folder: folder), before: [1], after: [2], empty: [0])
    }

    func encode(_ ids: [Int32], texts: [Range<Int>], _ workspace: Workspace) -> UnsafeMutablePointer<Float> {
        let (token, branch, features, count) = (Self.token, Self.branch, Self.features, ids.count)
        let isa = products.isa
        let embedded = workspace.buffer(.tokens, max(count, texts.count) * token)
        gather(ids, into: embedded)
        let projected = workspace.buffer(.mixed, count * 3 * branch)
        multiply(embedded, count, projection, into: projected, workspace)
        belfry_nn_layer_norm(
            isa, projected, count, 3 * branch, projectionNorm.weight.pointer, projectionNorm.bias.pointer, epsilon)

        let all = workspace.buffer(.wide, count * features)
        for row in 0..<count { (all + row * features).update(from: embedded + row * token, count: token) }
        for (index, steps) in convolutions.enumerated() {
            convolve(
                projected + index * branch, texts, steps, before: Self.windows[index].before,
                into: all + token + index * branch, workspace)
        }
        belfry_nn_layer_norm(isa, all, count, features, norm.weight.pointer, norm.bias.pointer, epsilon)
        return average(all, texts, workspace)
    }

    private func gather(_ ids: [Int32], into target: UnsafeMutablePointer<Float>) {
        let bytes = file.bytes(of: table).baseAddress!.assumingMemoryBound(to: UInt8.self)
        let size = Self.token
        for (index, id) in ids.enumerated() {
            let id = Int(id)
            precondition(id >= 0 && id < vocabularySize)
            let (scale, low) = (scale.pointer[id % Self.parts], low.pointer[id % Self.parts])
            let source = bytes + id * size
            let row = target + index * size
            for column in 0..<size { row[column] = Float(source[column]) * scale + low }
        }
    }

    private func multiply(
        _ x: UnsafePointer<Float>, _ rows: Int, _ part: Linear, _ activation: belfry_activation = BELFRY_IDENTITY,
        adds: Bool = false, into y: UnsafeMutablePointer<Float>, _ workspace: Workspace
    ) {
        products.multiply(
            x, rows: rows, part.weight.pointer, inputs: part.inputs, outputs: part.outputs,
            bias: part.bias?.pointer, activation, adds: adds, into: y, stride: part.outputs, workspace)
    }

    /// Both steps of one convolution: reads a third of the rows at `x`, writes a part of the rows at `y`.
    private func convolve(
        _ x: UnsafePointer<Float>, _ texts: [Range<Int>], _ steps: [Linear], before: Int,
        into y: UnsafeMutablePointer<Float>, _ workspace: Workspace
    ) {
        let (size, gap) = (Self.branch, Self.gap)
        // Rows of zeros before, between and after the texts.
        let rows = texts.reduce(gap) { $0 + $1.count + gap }
        let buffer = workspace.buffer(.attention, 2 * rows * size)
        let (input, output) = (buffer, buffer + rows * size)
        input.update(repeating: 0, count: rows * size)
        func forEachRow(_ body: (_ token: Int, _ row: Int) -> Void) {
            var row = gap
            for text in texts {
                for token in text {
                    body(token, row)
                    row += 1
                }
                row += gap
            }
        }
        forEachRow { token, row in
            (input + row * size).update(from: x + token * Self.windows.count * size, count: size)
        }
        let (first, inner) = (gap * size, rows - 2 * gap)
        for step in steps {
            let shifts = step.weight.count / (size * size)
            for shift in 0..<shifts {
                let isLast = shift == shifts - 1
                products.multiply(
                    input + first + (shift - before) * size, rows: inner, step.weight.pointer + shift * size * size,
                    inputs: size, outputs: size, bias: isLast ? step.bias?.pointer : nil,
                    isLast ? BELFRY_RELU : BELFRY_IDENTITY, adds: shift > 0, into: output + first, stride: size,
                    workspace)
            }
            // The next step's input; rows between texts stay zeros.
            forEachRow { _, row in
                let (sum, part) = (input + row * size, output + row * size)
                for column in 0..<size { sum[column] += part[column] }
            }
        }
        forEachRow { token, row in
            (y + token * Self.features).update(from: input + row * size, count: size)
        }
    }

    /// The sums of the texts' rows, through the deep averaging network: [texts.count, 512].
    private func average(
        _ rows: UnsafePointer<Float>, _ texts: [Range<Int>], _ workspace: Workspace
    ) -> UnsafeMutablePointer<Float> {
        let (size, narrow, features, count) = (Self.token, Self.narrow, Self.features, texts.count)
        let isa = products.isa
        let sums = workspace.buffer(.mixed, count * (features + size + 2 * narrow))
        let mean = sums + count * features
        let middle = mean + count * size
        let last = middle + count * narrow
        for (index, text) in texts.enumerated() {
            belfry_nn_sum_rows(
                isa, rows + text.lowerBound * features, text.count, features,
                1 / Float(max(text.count, 1)).squareRoot(), sums + index * features)
        }
        multiply(
            sums, count, Linear(weight: sum.weight, bias: nil, inputs: features, outputs: size), into: mean, workspace)
        let bias = sum.bias!.pointer
        for (index, text) in texts.enumerated() {
            let root = Float(text.count).squareRoot()
            for column in 0..<size { mean[index * size + column] += root * bias[column] }
        }
        multiply(mean, count, dense[0], BELFRY_RELU, into: middle, workspace)
        multiply(mean, count, skips[0], into: last, workspace)
        multiply(middle, count, dense[1], BELFRY_RELU, adds: true, into: last, workspace)
        // The sums are not needed any more, and are wider.
        multiply(last, count, dense[2], BELFRY_RELU, into: sums, workspace)
        let result = workspace.buffer(.tokens, count * size)
        multiply(last, count, skips[1], into: result, workspace)
        multiply(sums, count, dense[3], BELFRY_TANH, adds: true, into: result, workspace)
        return result
    }
}
