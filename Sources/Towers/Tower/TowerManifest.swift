package import Files
import Foundation

/// What `tower.json` says: everything about a tower except its numbers.
///
/// | member | what |
/// |---|---|
/// | `format`, `kind` | 1 to 4; `bert`, `mpnet`, `static`, … |
/// | `dimension`, `maximum_tokens` | of the vectors; of a text, the template's tokens included |
/// | `modules` | what follows the encoder: `pooling` with its modes, `dense` with its file, `normalize`, … |
/// | `prompts`, `default_prompt` | what is put before a text |
/// | `include_prompt` | false if the prompt's tokens are left out of the pooling; absent if they are not |
/// | `rows`, `row_ranges` | for a graph: which rows run together, and whether dynamic quantization is by rows; see `RowGrouping` |
/// | `reranker` | true if it reads a query and a text together, and gives one number; absent if it does not |
/// | `files` | name → bytes and SHA-256 |
/// | `fingerprint` | SHA-256 over all of the above, files that are made of others left out: the identity of the space |
/// | `pair` | the fingerprints of `query` and `item` tower, for a tower that is one of two |
/// | `canaries` | texts whose vectors `canaries.npy` holds |
/// | `checksum` | SHA-256 over all other members |
///
/// A tower is of format 1 if that says all about it, so that its fingerprint is the one that it always had.
package struct TowerManifest: Hashable, Sendable {
    /// A file of the tower.
    package struct File: Hashable, Sendable {
        /// Its length.
        package var bytes: Int
        /// Its digest, in hexadecimal.
        package var sha256: String
    }

    /// The encoder's family: `bert`, `roberta`, `mpnet`, `distilbert`, `static` or `use`.
    package var kind = "bert"
    /// Components of a vector.
    package var dimension: Int
    /// Tokens that are read of a text, the template's included.
    package var maximumTokens: Int
    /// The steps after the encoder.
    package var modules: [TowerModule]
    /// Named texts that are put before a text.
    package var prompts: [String: String] = [:]
    /// The prompt for texts of no particular role.
    package var defaultPrompt: String?
    /// Whether the prompt's tokens take part in the pooling.
    package var includesPrompt = true
    /// Which rows run together, for a graph.
    package var rows = RowGrouping.together
    /// Whether a graph's dynamic quantization takes the range of each row and not that of all rows of a run.
    package var rangesPerRow = false
    /// Whether it is a cross-encoder: it reads a query and a text together, and gives one number.
    package var isReranker = false
    /// The tower's files by name, `tower.json` left out.
    package var files: [String: File] = [:]
    /// For a tower that was imported as one of two: the fingerprints of both.
    package var pair: TowerPair.Fingerprints?
    /// The texts of the canary vectors; for feature columns each is an object's JSON text.
    package var canaries: [String] = []

    static let name = "tower.json"
    static let canaryFile = "canaries.npy"
    /// Files that are made of the others, and say nothing about the space.
    static let derivedFiles: Set<String> = [canaryFile, PreparedWeights.name, PreparedTokenizer.name]
    /// The newest format.
    static let format = 4

    /// The oldest format that says all of it.
    private var format: Int {
        let isPlain = modules.allSatisfy { module in
            switch module {
            case .pooling(let modes): !modes.contains(.weightedMean) && !modes.contains(.lastToken)
            case .dense(_, _, _, _, let activation): activation == "identity" || activation == "tanh"
            case .normalize: true
            case .layerNorm, .cut: false
            }
        }
        if isReranker { return 4 }
        if rows != .together || rangesPerRow { return 3 }
        return kind == EncoderKind.bert.rawValue && includesPrompt && isPlain ? 1 : 2
    }

    /// The identity of the tower's vector space: SHA-256 over weights, tokenizer, configuration and settings.
    package var fingerprint: String {
        var members = identity
        members["files"] = Self.json(files.filter { !Self.derivedFiles.contains($0.key) })
        return Digest.sha256(Data(JSON.object(members).text().utf8))
    }

    private var identity: [String: JSON] {
        var members: [String: JSON] = [
            "format": .integer(Int64(format)), "kind": .string(kind), "dimension": .integer(Int64(dimension)),
            "maximum_tokens": .integer(Int64(maximumTokens)), "modules": .array(modules.map(\.json)),
            "prompts": .object(prompts.mapValues { .string($0) }),
        ]
        if let defaultPrompt { members["default_prompt"] = .string(defaultPrompt) }
        if !includesPrompt { members["include_prompt"] = .bool(false) }
        if rows != .together { members["rows"] = .string(rows.rawValue) }
        if rangesPerRow { members["row_ranges"] = .bool(true) }
        if isReranker { members["reranker"] = .bool(true) }
        return members
    }

    private static func json(_ files: [String: File]) -> JSON {
        .object(files.mapValues { .object(["bytes": .integer(Int64($0.bytes)), "sha256": .string($0.sha256)]) })
    }

    /// The content of `tower.json`. Equal manifests give equal bytes.
    var text: String {
        var members = identity
        members["files"] = Self.json(files)
        members["fingerprint"] = .string(fingerprint)
        if let pair { members["pair"] = ["query": .string(pair.query), "item": .string(pair.item)] }
        members["canaries"] = .array(canaries.map { .string($0) })
        members["checksum"] = .string(Digest.sha256(Data(JSON.object(members).text().utf8)))
        return JSON.object(members).text(pretty: true) + "\n"
    }

    /// The number of components after the pooling, for an encoder of `hidden` components.
    func pooledSize(hidden: Int) -> Int {
        for case .pooling(let modes) in modules { return hidden * modes.count }
        return hidden
    }

    init(dimension: Int, maximumTokens: Int, modules: [TowerModule]) {
        self.dimension = dimension
        self.maximumTokens = maximumTokens
        self.modules = modules
    }

    /// Reads the manifest of the tower directory `folder`.
    package init(folder: String) throws(BelfryError) {
        let file = folder + "/" + Self.name
        guard System.exists(file) else {
            guard !TowerPair.isPair(folder) else {
                throw BelfryError(
                    .invalidInput, "This is a pair of towers: one of them is wanted.", at: .init(file: folder),
                    remedy: "Name \(folder)/\(TowerPair.queryFolder) or \(folder)/\(TowerPair.itemFolder).")
            }
            throw BelfryError(
                .notFound, "This is not a tower: it has no \(Self.name).", at: .init(file: folder),
                remedy: "Import the model first: \(.importTower(model: nil, tower: nil, replacing: false)).")
        }
        let json = try StrictObject(file: file)
        func corrupt(_ member: String) -> BelfryError {
            .corrupt(
                "The member “\(member)” is missing or not what it should be.", at: .init(file: file, place: member))
        }
        guard let format = json["format"]?.integer else { throw corrupt("format") }
        guard (1...Self.format).contains(format) else {
            throw BelfryError(
                .unsupported, "The tower has format \(format); this Belfry reads formats up to \(Self.format).",
                at: .init(file: file))
        }
        guard let kind = json["kind"]?.string else { throw corrupt("kind") }
        guard EncoderKind(rawValue: kind) != nil else {
            throw BelfryError(.unsupported, "The tower's kind “\(kind)” is not supported.", at: .init(file: file))
        }
        guard let dimension = json["dimension"]?.integer, (1...1 << 20).contains(dimension) else {
            throw corrupt("dimension")
        }
        guard let tokens = json["maximum_tokens"]?.integer, (1...1 << 16).contains(tokens) else {
            throw corrupt("maximum_tokens")
        }
        guard let modules = json["modules"]?.array else { throw corrupt("modules") }
        self.init(dimension: dimension, maximumTokens: tokens, modules: [])
        self.kind = kind
        for module in modules {
            guard let module = TowerModule(module) else { throw corrupt("modules") }
            self.modules.append(module)
        }
        for (name, prompt) in try json.object("prompts")?.members ?? [] {
            guard let prompt = prompt.string else { throw corrupt("prompts") }
            prompts[String(decoding: name, as: UTF8.self)] = prompt
        }
        defaultPrompt = try json.string("default_prompt")
        includesPrompt = try json.bool("include_prompt", default: true)
        if let name = try json.string("rows") {
            guard let rows = RowGrouping(rawValue: name) else { throw corrupt("rows") }
            self.rows = rows
        }
        rangesPerRow = try json.bool("row_ranges", default: false)
        isReranker = try json.bool("reranker", default: false)
        guard let files = json["files"]?.members else { throw corrupt("files") }
        for (name, entry) in files {
            guard let bytes = entry["bytes"]?.integer, bytes >= 0, let sha256 = entry["sha256"]?.string,
                !name.contains(UInt8(ascii: "/")), !name.isEmpty
            else { throw corrupt("files") }
            self.files[String(decoding: name, as: UTF8.self)] = File(bytes: bytes, sha256: sha256)
        }
        for text in try json.array("canaries") ?? [] {
            guard let text = text.string else { throw corrupt("canaries") }
            canaries.append(text)
        }
        if let entry = try json.object("pair") {
            guard let query = try entry.string("query"), let item = try entry.string("item") else {
                throw corrupt("pair")
            }
            pair = TowerPair.Fingerprints(query: query, item: item)
            guard fingerprint == query || fingerprint == item else { throw corrupt("pair") }
        }
        guard json["fingerprint"]?.string == fingerprint else { throw corrupt("fingerprint") }
    }
}

extension TowerManifest.File {
    /// The length and digest of the file at `path`.
    init(of path: String) throws(BelfryError) {
        self.init(bytes: try System.fileSize(path), sha256: try Digest.sha256(file: path))
    }
}
