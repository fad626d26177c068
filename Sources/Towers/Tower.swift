public import Files
import Foundation
import Vectors

/// A text encoder: a directory with a model's weights, tokenizer and settings, and what runs them.
///
/// ## Overview
/// A tower is imported once from a sentence-transformers folder and then loaded in milliseconds: its weights are
/// mapped, not read. It can be used from many threads at once.
///
/// ## Usage
///     try Tower.importSentenceTransformers(from: "all-MiniLM-L6-v2", to: "minilm.tower")
///     let tower = try Tower.load("minilm.tower")
///     let vectors = try tower.embed(["a bell", "a tower"])     // [2, tower.dimension]
///
/// A text's vector has the same bits alone, in any batch and with any number of threads.
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
    public let manifest: TowerManifest
    /// SHA-256 over weights, tokenizer, configuration and settings: two towers of one fingerprint share a space.
    public let fingerprint: String
    let tokenizer: WordPieceTokenizer
    let encoder: BertEncoder
    let head: TowerHead
    let weights: [Safetensors]
    let workspaces = WorkspacePool()

    /// Components of a vector.
    public var dimension: Int { manifest.dimension }
    /// Tokens that are read of a text, those that the tokenizer adds included; the rest is cut off.
    public var maximumTokens: Int { manifest.maximumTokens }

    /// Opens the tower directory at `path`.
    ///
    /// Sizes, shapes and settings are checked; the digests of the files are `check`'s work.
    public static func load(_ path: String) throws(BelfryError) -> Tower {
        let manifest = try TowerManifest(folder: path)
        for (name, file) in manifest.files.sorted(by: { $0.key < $1.key }) {
            let place = path + "/" + name
            let size = try System.fileSize(place)
            guard size == file.bytes else {
                throw .corrupt("The file has \(size) bytes, not \(file.bytes).", at: .init(file: place))
            }
        }
        return try Tower(path, manifest)
    }

    init(_ path: String, _ manifest: TowerManifest) throws(BelfryError) {
        let configuration = try BertConfiguration(path + "/config.json")
        let tokenizer = try WordPieceTokenizer(folder: path)
        guard tokenizer.largestID < configuration.vocabularySize else {
            throw .corrupt(
                "The tokenizer gives ids up to \(tokenizer.largestID), but the model knows only "
                    + "\(configuration.vocabularySize) tokens.", at: .init(file: path))
        }
        guard manifest.maximumTokens <= configuration.maximumPositions,
            manifest.maximumTokens > tokenizer.templateCount
        else {
            throw .corrupt(
                "A text may have \(manifest.maximumTokens) tokens, but the model has learnt "
                    + "\(configuration.maximumPositions) positions and the tokenizer adds \(tokenizer.templateCount).",
                at: .init(file: path))
        }
        let file = try Safetensors(path + "/model.safetensors")
        let head = try TowerHead(manifest, hidden: configuration.hiddenSize, folder: path)
        guard head.dimension == manifest.dimension else {
            throw .corrupt(
                "The modules give \(head.dimension) components, not \(manifest.dimension).", at: .init(file: path))
        }
        self.path = path
        self.manifest = manifest
        fingerprint = manifest.fingerprint
        self.tokenizer = tokenizer
        encoder = try BertEncoder(configuration, file)
        self.head = head
        weights = [file] + head.files
    }

    /// How many tokens `text` has, cut at the maximum, those that the tokenizer adds included.
    public func tokenCount(_ text: String, as role: Role? = nil) -> Int { tokens(text, as: role).count }

    /// The token ids of `text`, cut at the maximum.
    public func tokens(_ text: String, as role: Role? = nil) -> [Int32] {
        tokenizer.encode(prompt(role) + text, limit: maximumTokens)
    }

    /// What is put before a text of this role.
    public func prompt(_ role: Role?) -> String {
        let named: String? =
            switch role {
            case .query: manifest.prompts["query"]
            case .document: manifest.prompts["document"] ?? manifest.prompts["passage"]
            case nil: nil
            }
        return named ?? manifest.defaultPrompt.flatMap { manifest.prompts[$0] } ?? ""
    }
}
