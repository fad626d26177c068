public import Files
import Foundation
import Vectors

/// A text encoder: a directory with a model's weights, tokenizer and settings, and what runs them.
///
/// ## Overview
/// A tower is imported once from a sentence-transformers folder and then loaded in milliseconds: tables of type F32 are
/// mapped, not read (F16, BF16, F64 and misaligned ones are copied as F32), and the weights of products are laid out in
/// memory, their mapped pages given back. It can be used from many threads at once.
///
/// ## Usage
///     try Tower.importSentenceTransformers(from: "all-MiniLM-L6-v2", to: "minilm.tower")
///     let tower = try Tower.load("minilm.tower")
///     let vectors = try tower.embed(["a bell", "a tower"])     // [2, tower.dimension]
///
/// A text's vector has the same bits alone, in any batch and with any number of threads. On a machine without AVX2,
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
    public let manifest: TowerManifest
    /// SHA-256 over weights, tokenizer, configuration and settings: two towers of one fingerprint share a space.
    public let fingerprint: String
    /// What the products of the encoder are computed in.
    public let precision: Precision
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
        return try Tower(path, manifest, precision: precision)
    }

    /// A tower lists its files: one that is not there was lost, however well the path was written.
    static func missing(_ file: String) -> BelfryError {
        BelfryError(
            .corruptData, "The file is missing.", at: .init(file: file),
            remedy: "Import the model again with --replace, or restore the tower from a copy.")
    }

    /// The tower that `manifest` describes, which is or will be at `path`.
    init(
        _ path: String, _ manifest: TowerManifest, files: TowerFiles? = nil,
        instructionSet: InstructionSet = .current, precision: Precision = .f32
    ) throws(BelfryError) {
        let paths = files ?? TowerFiles(folder: path)
        let products = Products(instructionSet, precision)
        let configuration = try BertConfiguration(paths.path("config.json"))
        try Self.check(
            precision, products, sizes: [configuration.hiddenSize, configuration.intermediateSize],
            .init(file: paths.path("config.json")))
        let tokenizer = try WordPieceTokenizer(folder: paths.folder)
        guard tokenizer.templateCount > 0 else {
            throw BelfryError(
                .unsupported, "The tokenizer adds no tokens to a text, so an empty text would have none at all.",
                at: .init(file: paths.path("tokenizer.json"), place: "post_processor"),
                remedy: "Save the tokenizer with its template ([CLS] … [SEP]): "
                    + "AutoTokenizer.from_pretrained(folder).save_pretrained(folder).")
        }
        guard tokenizer.largestID < configuration.vocabularySize else {
            throw .corrupt(
                "The tokenizer gives ids up to \(tokenizer.largestID), but the model knows only "
                    + "\(configuration.vocabularySize) tokens.", at: .init(file: paths.folder))
        }
        guard manifest.maximumTokens <= configuration.maximumPositions,
            manifest.maximumTokens > tokenizer.templateCount
        else {
            throw .corrupt(
                "A text may have \(manifest.maximumTokens) tokens, but the model has learnt "
                    + "\(configuration.maximumPositions) positions and the tokenizer adds \(tokenizer.templateCount).",
                at: .init(file: path))
        }
        let file = try Safetensors(paths.path("model.safetensors"))
        let head = try TowerHead(manifest, hidden: configuration.hiddenSize, paths, products)
        guard head.dimension == manifest.dimension else {
            throw .corrupt(
                "The modules give \(head.dimension) components, not \(manifest.dimension).", at: .init(file: path))
        }
        self.path = path
        self.manifest = manifest
        self.precision = precision
        fingerprint = manifest.fingerprint
        self.tokenizer = tokenizer
        encoder = try BertEncoder(configuration, file, products)
        self.head = head
        weights = [file] + head.files
    }

    /// How many tokens `text` has, cut at the maximum, those that the tokenizer adds included.
    public func tokenCount(_ text: String, as role: Role? = nil) -> Int { tokens(text, as: role).count }

    /// The token ids of `text`, cut at the maximum.
    public func tokens(_ text: String, as role: Role? = nil) -> [Int32] {
        tokenizer.encode(prompt(role) + text, limit: maximumTokens)
    }

    /// What is put before a text of this role: the prompt of its name, or the default one.
    ///
    /// A document's may also be called `passage` or `corpus`.
    public func prompt(_ role: Role?) -> String {
        let named: String? =
            switch role {
            case .query: manifest.prompts["query"]
            case .document: manifest.prompts["document"] ?? manifest.prompts["passage"] ?? manifest.prompts["corpus"]
            case nil: nil
            }
        return named ?? manifest.defaultPrompt.flatMap { manifest.prompts[$0] } ?? ""
    }
}
