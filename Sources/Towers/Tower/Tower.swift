public import Files
import Foundation
import Vectors

/// A text encoder: a directory with a model's weights, tokenizer and settings, and what runs them.
///
/// ## Overview
/// A tower is imported once from a trained model's folder and then loaded in milliseconds: tables of type F32 are
/// mapped, not read (F16, BF16, F64 and misaligned ones are copied as F32; the tables of static embeddings and of the
/// Universal Sentence Encoder are mapped as they are), and the weights of products are laid out in memory, their mapped
/// pages given back. It can be used from many threads at once.
///
/// ## Usage
///     try Tower.importModel(from: "all-MiniLM-L6-v2", to: "minilm.tower")
///     let tower = try Tower.load("minilm.tower")
///     let vectors = try tower.embed(["a bell", "a tower"])     // [2, tower.dimension]
///
/// The vector of a text or a row has the same bits alone, in any batch and with any number of threads. Without AVX2,
/// where OpenBLAS computes the products, a batch may change a component by a millionth.
public final class Tower: Sendable {
    /// What a text is: models that were trained with prompts put one before queries and another before documents.
    public enum Role: String, Sendable, CaseIterable {
        /// What is searched for.
        case query
        /// What is found.
        case document
    }

    /// Where the tower is.
    public let path: String
    /// What its `tower.json` says.
    package let manifest: TowerManifest
    /// SHA-256 over weights, tokenizer, configuration and settings: two towers of one fingerprint share a space.
    public let fingerprint: String
    /// What the products of the encoder are computed in.
    public let precision: Precision
    /// What computes the vectors.
    let model: any TowerModel

    /// Components of a vector.
    public var dimension: Int { manifest.dimension }
    /// Tokens that are read of a text, those that the tokenizer adds included; the rest is cut off.
    public var maximumTokens: Int { manifest.maximumTokens }

    /// Opens the tower directory at `path`.
    ///
    /// Sizes, shapes and settings are checked, and the files' digests the first time: see `VerifiedFiles`.
    /// - Parameter precision: bf16 is faster where the processor has it, and less exact: see `precisionLoss`.
    public static func load(_ path: String, precision: Precision = .f32) throws(BelfryError) -> Tower {
        let manifest = try TowerManifest(folder: path)
        for (name, file) in manifest.files.sorted(by: { $0.key < $1.key }) {
            let place = path + "/" + name
            guard System.exists(place) else { throw missing(place) }
            let size = try System.fileSize(place)
            guard size == file.bytes else {
                throw .corrupt("The file has \(size) bytes, not \(file.bytes).", at: .init(file: place))
            }
        }
        try TowerPair.verify(path, manifest)
        return try Tower(path, manifest, precision: precision)
    }

    /// A tower lists its files: one that is not there was lost, however well the path was written.
    static func missing(_ file: String) -> BelfryError {
        BelfryError(
            .corruptData, "The file is missing.", at: .init(file: file),
            remedy: "Import the model again with \(.setting(.replacing)), or restore the tower from a copy.")
    }

    /// The tower that `manifest` describes, which is or will be at `path`.
    init(
        _ path: String, _ manifest: TowerManifest, files: TowerFiles? = nil,
        instructionSet: InstructionSet = .current, precision: Precision = .f32, preparing: PreparedWeights? = nil
    ) throws(BelfryError) {
        let paths = files ?? TowerFiles(folder: path)
        guard let kind = EncoderKind(rawValue: manifest.kind) else {
            throw BelfryError(
                .unsupported, "The tower's kind “\(manifest.kind)” is not supported.", at: .init(file: path))
        }
        if kind == .onnx {
            try precision.requireF32(for: kind, at: path)
            let graph = try GraphModel(manifest, paths, instructionSet: instructionSet)
            guard graph.dimension == manifest.dimension else {
                throw .corrupt(
                    "The graph gives \(graph.dimension) components, not \(manifest.dimension).",
                    at: .init(file: path))
            }
            model = graph
        } else {
            model = try TextModel(kind, manifest, path, paths, instructionSet, precision, preparing: preparing)
        }
        (self.path, self.manifest, self.precision) = (path, manifest, precision)
        fingerprint = manifest.fingerprint
    }

    /// How many tokens `text` has, cut at the maximum, those that the tokenizer adds included.
    public func tokenCount(_ text: String, as role: Role? = nil) -> Int { tokens(text, as: role).count }

    /// The token ids of `text`, cut at the maximum.
    public func tokens(_ text: String, as role: Role? = nil) -> [Int32] {
        model.tokenizer.encode(prompt(role) + text, limit: maximumTokens)
    }

    /// What is put before a text of this role: the prompt of its name, or the default one.
    ///
    /// A document's may also be called `passage` or `corpus`. A default prompt that has the name of one role is never
    /// put before texts of the other.
    package func prompt(_ role: Role?) -> String {
        let documents = ["document", "passage", "corpus"]
        let (own, others): ([String], [String]) =
            switch role {
            case .query: (["query"], documents)
            case .document: (documents, ["query"])
            case nil: ([], [])
            }
        if let name = own.first(where: { manifest.prompts[$0] != nil }) { return manifest.prompts[name]! }
        guard let name = manifest.defaultPrompt, !others.contains(name) else { return "" }
        return manifest.prompts[name] ?? ""
    }

    /// How many tokens at the start of a text that has `prompt` before it take no part in the pooling.
    ///
    /// They are counted as sentence-transformers does: the prompt's tokens alone, with what the template puts before
    /// them, and without the template's last.
    func skippedTokens(_ prompt: String) -> Int {
        guard !manifest.includesPrompt, !prompt.isEmpty else { return 0 }
        let tokens = model.tokenizer.encode(prompt, limit: maximumTokens)
        let hasEnd = tokens.last != nil && tokens.last == model.tokenizer.encode("", limit: maximumTokens).last
        return tokens.count - (hasEnd ? 1 : 0)
    }
}
