import Files
import Vectors

/// Static embeddings: a table of token vectors, and a text's vector is the mean of its tokens' rows.
///
/// | tensor | what |
/// |---|---|
/// | `embedding.weight` or `embeddings` | the table [rows, size]: F32, F16, BF16, F64 or I8 |
/// | `mapping` | optional, I64 [tokens]: token id → row, where tokens share rows |
/// | `weights` | optional, floats [tokens]: what a token's row is multiplied by |
///
/// The second form is model2vec's. The mean is over all tokens, unknown ones too: sentence-transformers does so, while
/// the model2vec library leaves unknown tokens out. A text without tokens has a vector of zeros.
struct StaticEncoder: TowerEncoder {
    /// More than any text of a catalogue has; a longer one is cut.
    static let maximumTokens = 1 << 16

    private enum Table: Sendable {
        case floats(Weights)
        case stored(ElementType)
        case bytes
    }

    let size: Int
    let vocabularySize: Int
    let isPooled = true
    var summary: String { "static embeddings, \(rows) rows of \(size)" }
    private let rows: Int
    private let file: Safetensors
    private let tensor: StoredTensor
    private let table: Table
    private let mapping: [Int32]?
    private let weights: Weights?

    init(_ file: Safetensors) throws(BelfryError) {
        self.file = file
        guard let tensor = Self.table(of: file) else {
            _ = try file.required("embedding.weight", "[tokens, components]")
            throw .corrupt("The table must have two extents.", at: file.location("embedding.weight"))
        }
        self.tensor = tensor
        (rows, size) = (tensor.shape[0], tensor.shape[1])
        guard (1...1 << 24).contains(rows), (1...1 << 16).contains(size) else {
            throw .corrupt("A table of \(rows) rows of \(size) is none.", at: file.location(tensor.name))
        }
        switch tensor.type {
        case "I8": table = .bytes
        case "F16": table = .stored(.f16)
        case "BF16": table = .stored(.bf16)
        default: table = .floats(try file.weights(tensor.name, shape: tensor.shape))
        }
        mapping = try Self.mapping(file, rows)
        let tokens = mapping?.count ?? rows
        weights = file.tensor("weights") == nil ? nil : try file.weights("weights", shape: [tokens])
        vocabularySize = tokens
    }

    /// The table of such a file, if it is one.
    static func table(of file: Safetensors) -> StoredTensor? {
        guard let tensor = file.tensor("embedding.weight") ?? file.tensor("embeddings"), tensor.shape.count == 2 else {
            return nil
        }
        return tensor
    }

    private static func mapping(_ file: Safetensors, _ rows: Int) throws(BelfryError) -> [Int32]? {
        guard let tensor = file.tensor("mapping") else { return nil }
        guard tensor.type == "I64" || tensor.type == "I32", tensor.shape.count == 1 else {
            throw .corrupt("The mapping must be a list of I64 or I32.", at: file.location("mapping"))
        }
        let bytes = file.bytes(of: tensor)
        let isWide = tensor.type == "I64"
        var mapping = [Int32](repeating: 0, count: tensor.count)
        for index in 0..<tensor.count {
            let row =
                isWide
                ? bytes.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self)
                : Int64(bytes.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self))
            guard row >= 0, row < rows else {
                throw .corrupt("Token \(index) is mapped to row \(row) of \(rows).", at: file.location("mapping"))
            }
            mapping[index] = Int32(row)
        }
        return mapping
    }

    func encode(_ ids: [Int32], texts: [Range<Int>], _ workspace: Workspace) -> UnsafeMutablePointer<Float> {
        let size = size
        let result = workspace.buffer(.tokens, (texts.count + 1) * size)
        let row = result + texts.count * size
        let start = file.bytes(of: tensor).baseAddress!
        let factors = weights?.pointer
        let mapping = mapping ?? []
        var floats: UnsafePointer<Float>?
        var type: ElementType?
        switch table {
        case .floats(let table): floats = table.pointer
        case .stored(let stored): type = stored
        case .bytes: break
        }
        for (index, text) in texts.enumerated() {
            let sum = result + index * size
            sum.update(repeating: 0, count: size)
            for token in text {
                let id = Int(ids[token])
                precondition(id >= 0 && id < vocabularySize)
                let place = mapping.isEmpty ? id : Int(mapping[id])
                let factor = factors.map { $0[id] } ?? 1
                if let floats {
                    Self.add(floats + place * size, factor, to: sum, size)
                } else if let type {
                    type.widen(start + place * size * type.size, to: row, count: size)
                    Self.add(row, factor, to: sum, size)
                } else {
                    let bytes = (start + place * size).assumingMemoryBound(to: Int8.self)
                    for column in 0..<size { sum[column] += factor * Float(bytes[column]) }
                }
            }
            let scale = 1 / Float(max(text.count, 1))
            for column in 0..<size { sum[column] *= scale }
        }
        return result
    }

    @inline(__always)
    private static func add(
        _ row: UnsafePointer<Float>, _ factor: Float, to sum: UnsafeMutablePointer<Float>, _ size: Int
    ) {
        for column in 0..<size { sum[column] += factor * row[column] }
    }
}
