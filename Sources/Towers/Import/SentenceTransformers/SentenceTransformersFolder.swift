import Files

/// What a sentence-transformers folder says, read and checked: the first half of an import.
///
/// 1. `modules.json` names the modules in order: an encoder (Transformer or StaticEmbedding), Pooling, and others.
/// 2. Each module's own settings are read; one that is not done here is refused by name.
/// 3. The length, the prompts and the truncation of the vectors are resolved.
struct SentenceTransformersFolder {
    /// The folder as an import takes it.
    var source: TowerSource
    let path: String

    /// Settings that the tower will have; no files yet.
    var manifest: TowerManifest {
        get { source.manifest }
        set { source.manifest = newValue }
    }

    let options: Tower.ImportOptions
    /// The ONNX file that the encoder is, if it is one, and the folder of its tokenizer.
    var graph: (file: String, folder: String)?

    init(_ path: String, _ options: Tower.ImportOptions = .init()) throws(BelfryError) {
        (self.path, self.options) = (path, options)
        guard System.isDirectory(path) else {
            guard System.exists(path) else {
                throw BelfryError(.notFound, "There is no such file or folder.", at: .init(file: path))
            }
            throw BelfryError(
                .unsupported, "This is no file that a tower is made of.", at: .init(file: path),
                remedy: "Name the model's folder, its .onnx file, or the .npz of a Universal Sentence Encoder.")
        }
        let empty = TowerManifest(dimension: 1, maximumTokens: 1, modules: [])
        source = TowerSource(manifest: empty, files: [:], towerFiles: TowerFiles(folder: path))
        let list = path + "/modules.json"
        if System.exists(list) { try readModules(list) } else { try readBareTransformer() }
        source.matryoshka = try Matryoshka(folder: path)
        try readSettings(path + "/config_sentence_transformers.json")
        if let graph { try becomeGraph(graph.file, graph.folder) }
    }

    private mutating func readModules(_ list: String) throws(BelfryError) {
        guard options.pooling.isEmpty, !options.normalizes else {
            throw BelfryError(
                .invalidInput,
                "The folder's own modules say how its vectors are made: they cannot be told another way.",
                at: .init(file: list), remedy: "Leave \(.setting(.pooling)) and \(.setting(.normalize)) out.")
        }
        var modules = try Self.entries(list, in: path)
        if let first = modules.first, first.name == "Router" || first.name == "Asym" {
            modules = try SentenceTransformersRouter(first.folder).modules(options.route) + modules.dropFirst()
        } else if options.route != nil {
            throw BelfryError(.invalidInput, "The model has no routes.", at: .init(file: list))
        }
        var encoder: String?
        for module in modules {
            guard (module.name == "Transformer" || module.name == "StaticEmbedding") == (encoder == nil) else {
                throw Self.refuse("order of modules, at", module.type, list)
            }
            if encoder == nil {
                encoder = module.folder
                if module.name == "Transformer" {
                    try readTransformer(module.folder)
                } else {
                    try readStatic(module.folder)
                }
            } else {
                try readModule(module.name, module.type, module.folder, list)
            }
        }
        guard let encoder else { throw .corrupt("No module is a Transformer.", at: .init(file: list)) }
        let isPooled = graph == nil && EncoderKind(rawValue: manifest.kind)?.isPooled ?? false
        if !isPooled {
            guard case .pooling? = manifest.modules.first else {
                throw Self.refuse("chain of modules", "Transformer without Pooling after it", list)
            }
        }
        source.towerFiles = TowerFiles(folder: encoder, elsewhere: source.files.filter { $0.key.hasPrefix("dense-") })
    }

    /// The ONNX files of a folder and of `onnx` in it.
    static func graphs(in folder: String) throws(BelfryError) -> [String] {
        var graphs = try System.list(folder).filter { $0.hasSuffix(".onnx") }
        if System.isDirectory(folder + "/onnx") {
            graphs += try System.list(folder + "/onnx").filter { $0.hasSuffix(".onnx") }.map { "onnx/" + $0 }
        }
        return graphs.sorted()
    }

    static func refuse(_ what: String, _ name: String, _ file: String) -> BelfryError {
        BelfryError(.unsupported, "The \(what) “\(name)” is not supported.", at: .init(file: file))
    }

    private mutating func readModule(
        _ name: String, _ type: String, _ folder: String, _ list: String
    ) throws(BelfryError) {
        let file = "dense-\(manifest.modules.count).safetensors"
        switch name {
        case "Pooling":
            guard manifest.modules.isEmpty, manifest.kind != EncoderKind.static.rawValue else {
                throw Self.refuse("second", type, list)
            }
            let (modes, includesPrompt) = try Self.pooling(folder + "/config.json")
            manifest.includesPrompt = includesPrompt
            manifest.modules.append(.pooling(modes))
            manifest.dimension *= modes.count
        case "Dense":
            source.files[file] = try Self.weights(folder)
            let (module, outputs) = try Self.dense(folder + "/config.json", file)
            manifest.modules.append(module)
            manifest.dimension = outputs
        case "LayerNorm":
            source.files[file] = try Self.weights(folder)
            manifest.modules.append(try Self.layerNorm(folder + "/config.json", file))
        case "Normalize":
            try Self.checkNames(folder + "/config.json")
            manifest.modules.append(.normalize)
        // Dropout does something in training only.
        case "Dropout": break
        default: throw Self.refuse("module", type, list)
        }
    }

    private mutating func readSettings(_ file: String) throws(BelfryError) {
        guard System.exists(file) else { return }
        let json = try StrictObject(file: file)
        try json.refuseOthers([
            "__version__", "prompts", "default_prompt_name", "similarity_fn_name", "truncate_dim", "model_type",
            "matryoshka_dimensions", "matryoshka_dims",
        ])
        let kind = try json.string("model_type") ?? "SentenceTransformer"
        guard kind == "SentenceTransformer" else { throw Self.refuse("model_type", kind, file) }
        if let prompts = try json.object("prompts") {
            for (name, _) in prompts.members {
                let name = String(decoding: name, as: UTF8.self)
                manifest.prompts[name] = try prompts.string(name)
            }
        }
        manifest.defaultPrompt = try json.string("default_prompt_name")
        if let name = manifest.defaultPrompt, manifest.prompts[name] == nil {
            throw .corrupt("The default prompt “\(name)” is not there.", at: .init(file: file))
        }
        if let dimension = try json.integer("truncate_dim") {
            // Who saved the model so has decided it.
            try source.cut(to: min(dimension, manifest.dimension), force: true, path: file)
        }
    }
}
