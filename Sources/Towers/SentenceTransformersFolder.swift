import Files

/// What a sentence-transformers folder says, read and checked: the first half of an import.
///
/// 1. `modules.json` names the modules in order: an encoder (Transformer or StaticEmbedding), Pooling, and others.
/// 2. Each module's own settings are read; one that is not done here is refused by name.
/// 3. The length, the prompts and the truncation of the vectors are resolved.
struct SentenceTransformersFolder {
    /// The folder as an import takes it.
    private(set) var source: TowerSource
    private let path: String

    /// Settings that the tower will have; no files yet.
    private var manifest: TowerManifest {
        get { source.manifest }
        set { source.manifest = newValue }
    }

    private let options: Tower.ImportOptions
    /// The ONNX file that the encoder is, if it is one, and the folder of its tokenizer.
    private var graph: (file: String, folder: String)?

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
                at: .init(file: list), remedy: "Leave --pooling and --normalize out.")
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

    /// A transformer's folder that says nothing of a text's vector: it must be told.
    private mutating func readBareTransformer() throws(BelfryError) {
        guard !options.pooling.isEmpty, System.exists(path + "/config.json") else {
            try refuseBareFolder()
            return
        }
        try readTransformer(path)
        manifest.modules = [.pooling(options.pooling)] + (options.normalizes ? [.normalize] : [])
        manifest.dimension *= options.pooling.count
        source.towerFiles = TowerFiles(folder: path)
    }

    private func refuseBareFolder() throws(BelfryError) {
        let graphs = try Self.graphs(in: path)
        if let first = graphs.first {
            throw BelfryError(
                .invalidInput, "The folder holds ONNX files of other names than model.onnx.", at: .init(file: path),
                remedy: "Name one: \(path)/\(first)\(graphs.count > 1 ? ", or another" : "").")
        }
        throw BelfryError(
            .unsupported, "The folder has no modules.json: it does not say how token vectors become a text's.",
            at: .init(file: path),
            remedy:
                "Say it, as the model's page does: --pooling mean, cls or lasttoken, and --normalize if vectors are "
                + "of unit length.")
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

    /// A module: its class, the last word of it, and its folder.
    struct Entry {
        var type: String
        var name: String
        var folder: String

        /// - Throws: `unsupported` for a class that is not the library's own: another one of the same name may do anything.
        init(_ type: String, folder: String, in list: String) throws(BelfryError) {
            let words = type.split(separator: ".").map(String.init)
            guard words.count > 2, words[0] == "sentence_transformers",
                ["models", "base", "sentence_transformer"].contains(words[1]), let name = words.last
            else {
                throw BelfryError(
                    .unsupported, "The module “\(type)” is code of the model's own, which is not run.",
                    at: .init(file: list),
                    remedy: "If it is a copy of the library's module, name that: sentence_transformers.models."
                        + "\(words.last ?? "Transformer"). Else export the model as ONNX.")
            }
            (self.type, self.name, self.folder) = (type, name, folder)
        }
    }

    /// The modules in order.
    static func entries(_ list: String, in path: String) throws(BelfryError) -> [Entry] {
        guard let entries = try StrictJSON(file: list).array else {
            throw .corrupt("The file must be an array of modules.", at: .init(file: list))
        }
        var modules: [Entry] = []
        for entry in try StrictObject.objects(entries, file: list, place: "modules") {
            try entry.refuseOthers(["idx", "name", "path", "type", "kwargs"])
            let folder = try entry.string("path") ?? ""
            guard !folder.split(separator: "/").contains(".."), !folder.hasPrefix("/") else {
                throw .corrupt("A module lies outside of the folder: \(folder).", at: .init(file: list))
            }
            // Which arguments of a call a module is handed: a Router its task, others what no call here has.
            for name in try entry.array("kwargs") ?? [] where name.string != "task" && name.string != "modality" {
                throw entry.unknown("kwargs")
            }
            modules.append(
                try Entry(
                    try entry.string("type") ?? "none", folder: folder.isEmpty ? path : path + "/" + folder, in: list))
        }
        return modules
    }

    // MARK: encoders

    private mutating func readTransformer(_ folder: String) throws(BelfryError) {
        let isSharded =
            !System.exists(folder + "/model.safetensors")
            && System.exists(folder + "/" + SafetensorsShards.index)
        if let file = try graphFile(folder, hasWeights: isSharded) {
            graph = (file, folder)
            manifest.kind = EncoderKind.onnx.rawValue
            manifest.dimension = 1 << 18
            return
        }
        if isSharded {
            let shards = try SafetensorsShards(folder: folder)
            source.origin = folder + "/" + SafetensorsShards.index
            source.convert = { (target, _) throws(BelfryError) in
                try shards.write(to: target + "/model.safetensors")
                return ["model.safetensors"]
            }
        } else {
            source.files["model.safetensors"] = try Self.weights(folder)
        }
        source.files["config.json"] = folder + "/config.json"
        for name in try Tokenizers.files(folder: folder) { source.files[name] = folder + "/" + name }
        let configuration = try BertConfiguration(folder + "/config.json")
        let tokenizer = try Tokenizers.load(folder: folder)
        manifest.kind = EncoderKind(configuration.family).rawValue
        manifest.dimension = configuration.hiddenSize
        manifest.maximumTokens = try TransformerSettings(folder: folder, tokenizer).maximumTokens(
            options.maximumTokens, most: configuration.maximumPositions)
    }

    /// The ONNX file that is taken: the one that was named, or the usual one where there are no weights beside it.
    private func graphFile(_ folder: String, hasWeights: Bool) throws(BelfryError) -> String? {
        if let name = options.graph {
            if let file = [folder, path].map({ $0 + "/" + name }).first(where: System.exists) { return file }
            let known = try Self.graphs(in: folder).joined(separator: ", ")
            throw BelfryError(
                .notFound, "The folder has no graph “\(name)”.", at: .init(file: folder),
                remedy: known.isEmpty ? "It has no .onnx file at all." : "It has: \(known).")
        }
        guard !hasWeights, !System.exists(folder + "/model.safetensors") else { return nil }
        if let file = ["/onnx/model.onnx", "/model.onnx"].map({ folder + $0 }).first(where: System.exists) {
            return file
        }
        let known = try Self.graphs(in: folder)
        guard let first = known.first else { return nil }
        throw BelfryError(
            .invalidInput, "The folder has no weights, and no graph that is called onnx/model.onnx.",
            at: .init(file: folder),
            remedy: "Name one of its graphs: --graph \(first). It has: "
                + known.joined(separator: ", ") + ".")
    }

    /// The modules and settings that were read are those of a graph.
    private mutating func becomeGraph(_ file: String, _ folder: String) throws(BelfryError) {
        var settings = GraphSettings()
        settings.output = options.output
        settings.modules = manifest.modules
        settings.prompts = manifest.prompts
        settings.defaultPrompt = manifest.defaultPrompt
        settings.includesPrompt = manifest.includesPrompt
        let dense = source.files.filter { $0.key.hasPrefix("dense-") }
        let matryoshka = source.matryoshka
        source = try .graph(file, folder: folder, settings, dense, options)
        source.matryoshka = matryoshka
    }

    private mutating func readStatic(_ folder: String) throws(BelfryError) {
        source = try .staticFolder(folder, weights: Self.weights(folder))
        // The modules say whether vectors are normalised.
        manifest.modules = []
        if let wanted = options.maximumTokens { try source.limitTokens(to: wanted, path: path) }
    }

    /// The file of weights in `folder`.
    static func weights(_ folder: String) throws(BelfryError) -> String {
        let file = folder + "/model.safetensors"
        if System.exists(file) { return file }
        if System.exists(folder + "/pytorch_model.bin") {
            throw BelfryError(
                .unsupported, "The weights are a Python pickle (pytorch_model.bin), which can run any code.",
                at: .init(file: folder),
                remedy: "Save them as safetensors: SentenceTransformer(folder).save(other_folder, "
                    + "safe_serialization=True).")
        }
        if System.exists(folder + "/" + SafetensorsShards.index) {
            throw BelfryError(
                .unsupported, "The weights are split into several files.", at: .init(file: folder),
                remedy: "Save them as one: model.save_pretrained(folder, max_shard_size=\"100GB\").")
        }
        throw BelfryError(
            .notFound, "There are no weights: model.safetensors is missing.", at: .init(file: folder),
            remedy: "Download the whole model; if it is fetched with git, run `git lfs pull`.")
    }

    // MARK: what follows

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
