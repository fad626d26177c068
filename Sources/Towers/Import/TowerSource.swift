import Files

/// A model that can become a tower: what an import reads of it before anything is copied.
struct TowerSource {
    /// The settings that the tower will have; no files yet.
    var manifest: TowerManifest
    /// Files to copy: name in the tower → path in the source.
    var files: [String: String]
    /// Where a tower finds them before they are copied.
    var towerFiles: TowerFiles
    /// What is said about cutting the vectors.
    var matryoshka = Matryoshka.unsaid
    /// What was taken for granted that no file of the model says, as a sentence.
    var assumption: String?
    /// What files of the tower are made from, and errors about these name.
    var origin: String?
    /// Writes files of the tower that are made and not copied into the folder that it is given, and gives their names.
    /// What is known only then it writes into the manifest.
    var convert: ((_ folder: String, _ manifest: inout TowerManifest) throws(BelfryError) -> [String])?

    /// Reads the model at `path`: a folder, an ONNX file, or for the Universal Sentence Encoder its file of weights.
    static func read(_ path: String, _ options: Tower.ImportOptions = .init()) throws(BelfryError) -> TowerSource {
        if let (folder, name) = sentenceTransformersGraph(path, options) {
            var options = options
            options.graph = name
            return try SentenceTransformersFolder(folder, options).source
        }
        if try isReranker(path, options) { return try reranker(path, options) }
        if options.features != nil || isGraph(path, options) { return try graph(path, options) }
        if System.exists(path + "/modules.json") { return try SentenceTransformersFolder(path, options).source }
        var source: TowerSource
        if path.hasSuffix(".npz") {
            source = try use(weights: path, folder: System.parent(of: path))
        } else if System.exists(path + "/weights.npz") {
            source = try use(weights: path + "/weights.npz", folder: path)
        } else if try isStatic(folder: path) {
            source = try staticFolder(path, weights: path + "/model.safetensors")
            if options.normalizes, source.manifest.modules.isEmpty { source.manifest.modules = [.normalize] }
        } else {
            return try SentenceTransformersFolder(path, options).source
        }
        guard options.pooling.isEmpty else {
            throw BelfryError(
                .invalidInput, "The model gives vectors of whole texts: there is nothing to pool.",
                at: .init(file: path),
                remedy: "Leave \(.setting(.pooling)) out.")
        }
        if let wanted = options.maximumTokens { try source.limitTokens(to: wanted, path: path) }
        return source
    }

    /// The folder and the name in it of an ONNX file that is one of a sentence-transformers folder, and has no
    /// configuration of its own.
    private static func sentenceTransformersGraph(
        _ path: String, _ options: Tower.ImportOptions
    ) -> (folder: String, name: String)? {
        guard path.hasSuffix(".onnx"), !System.isDirectory(path), options.features == nil else { return nil }
        let folder = System.parent(of: path)
        guard !System.exists(folder + "/" + FeatureSet.file) else { return nil }
        let name = String(path.dropFirst(folder.count + 1))
        if System.exists(folder + "/modules.json") { return (folder, name) }
        let outer = System.parent(of: folder)
        guard outer != folder, folder.hasSuffix("/onnx"), System.exists(outer + "/modules.json") else { return nil }
        return (outer, "onnx/" + name)
    }

    /// Keeps at most `wanted` tokens of a text.
    mutating func limitTokens(to wanted: Int, path: String) throws(BelfryError) {
        guard (1...manifest.maximumTokens).contains(wanted) else {
            throw BelfryError(
                .invalidInput,
                "The most tokens must be 1 to \(manifest.maximumTokens) for this model; \(wanted) were asked for.",
                at: .init(file: path))
        }
        manifest.maximumTokens = wanted
    }

    /// Cuts the vectors to their first `dimension` components, and makes them of unit length again if they were.
    /// - Throws: `unsupported` if nothing says that the model was trained for it, unless `force`.
    mutating func cut(to dimension: Int, force: Bool, path: String) throws(BelfryError) {
        guard dimension >= 1, dimension <= manifest.dimension else {
            throw BelfryError(
                .invalidInput, "The model gives \(manifest.dimension) components: they cannot be cut to \(dimension).",
                at: .init(file: path))
        }
        guard dimension < manifest.dimension else { return }
        if !force { try matryoshka.check(dimension, path: path) }
        let isUnit = manifest.modules.last == .normalize
        manifest.modules.append(.cut(dimension))
        if isUnit { manifest.modules.append(.normalize) }
        manifest.dimension = dimension
    }
}

/// What a model's folder says about vectors that still serve when they are cut to their first components (Kusupati et
/// al., 2022, Matryoshka representation learning).
enum Matryoshka: Equatable {
    /// Nothing: most models lose much when they are cut.
    case unsaid
    /// The model was trained for it.
    case trained
    /// It was trained for these dimensions.
    case dimensions([Int])

    /// Reads `config.json`, `config_sentence_transformers.json` and the model card of `folder`.
    init(folder: String) throws(BelfryError) {
        self = .unsaid
        let card = folder + "/README.md"
        if System.exists(card), let text = try? System.read(card, limit: 4 << 20),
            String(decoding: text, as: UTF8.self).lowercased().contains("matryoshka")
        {
            self = .trained
        }
        for name in ["/config_sentence_transformers.json", "/config.json"] where System.exists(folder + name) {
            let json = try StrictObject(file: folder + name)
            for member in ["matryoshka_dimensions", "matryoshka_dims"] {
                guard let list = try json.array(member) else { continue }
                self = .dimensions(list.compactMap(\.integer))
            }
        }
    }

    /// Refuses a dimension that the model was not trained for.
    func check(_ dimension: Int, path: String) throws(BelfryError) {
        switch self {
        case .trained: return
        case .dimensions(let list):
            guard !list.contains(dimension) else { return }
            throw BelfryError(
                .unsupported, "The model was trained to be cut to \(list.sorted()), not to \(dimension) components.",
                at: .init(file: path), remedy: "Choose one of these, or force it and measure what is lost.")
        case .unsaid:
            throw BelfryError(
                .unsupported,
                "Nothing says that the model was trained to be cut to \(dimension) components: neither its settings "
                    + "(matryoshka_dimensions) nor its README.md.", at: .init(file: path),
                remedy: "Keep the whole vectors, or force it and measure what is lost.")
        }
    }
}
