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

    init(_ path: String) throws(BelfryError) {
        self.path = path
        guard System.isDirectory(path) else {
            guard System.exists(path) else {
                throw BelfryError(.notFound, "There is no such file or folder.", at: .init(file: path))
            }
            throw BelfryError(
                .unsupported, "This is no file that a tower is made of.", at: .init(file: path),
                remedy: "Name the model's folder, its .onnx file, or the .npz of a Universal Sentence Encoder.")
        }
        let list = path + "/modules.json"
        guard System.exists(list) else {
            let graphs = try System.list(path).filter { $0.hasSuffix(".onnx") }.sorted()
            if let first = graphs.first {
                throw BelfryError(
                    .invalidInput, "The folder holds ONNX files of other names than model.onnx.", at: .init(file: path),
                    remedy: "Name one: \(path)/\(first)\(graphs.count > 1 ? ", or another" : "").")
            }
            throw BelfryError(
                .unsupported, "The folder has no modules.json: it does not say how token vectors become a text's.",
                at: .init(file: path),
                remedy: "Save the model with sentence-transformers: SentenceTransformer(folder).save(other_folder).")
        }
        let empty = TowerManifest(dimension: 1, maximumTokens: 1, modules: [])
        source = TowerSource(manifest: empty, files: [:], towerFiles: TowerFiles(folder: path))
        var encoder: String?
        for (type, folder) in try Self.entries(list) {
            let place = folder.isEmpty ? path : path + "/" + folder
            let name = type.split(separator: ".").last.map(String.init) ?? type
            guard (name == "Transformer" || name == "StaticEmbedding") == (encoder == nil) else {
                throw Self.refuse("order of modules, at", type, list)
            }
            if encoder == nil {
                encoder = place
                if name == "Transformer" { try readTransformer(place) } else { try readStatic(place) }
            } else {
                try readModule(name, type, place, list)
            }
        }
        guard let encoder else { throw .corrupt("No module is a Transformer.", at: .init(file: list)) }
        let isPooled = EncoderKind(rawValue: manifest.kind)?.isPooled ?? false
        if !isPooled {
            guard case .pooling? = manifest.modules.first else {
                throw Self.refuse("chain of modules", "Transformer without Pooling after it", list)
            }
        }
        source.towerFiles = TowerFiles(folder: encoder, elsewhere: source.files.filter { $0.key.hasPrefix("dense-") })
        source.matryoshka = try Matryoshka(folder: path)
        try readSettings(path + "/config_sentence_transformers.json")
    }

    static func refuse(_ what: String, _ name: String, _ file: String) -> BelfryError {
        BelfryError(.unsupported, "The \(what) “\(name)” is not supported.", at: .init(file: file))
    }

    /// The modules in order: type, and folder within the model's.
    static func entries(_ list: String) throws(BelfryError) -> [(type: String, folder: String)] {
        guard let entries = try StrictJSON(file: list).array else {
            throw .corrupt("The file must be an array of modules.", at: .init(file: list))
        }
        var modules: [(String, String)] = []
        for entry in try StrictObject.objects(entries, file: list, place: "modules") {
            let folder = try entry.string("path") ?? ""
            guard !folder.split(separator: "/").contains(".."), !folder.hasPrefix("/") else {
                throw .corrupt("A module lies outside of the folder: \(folder).", at: .init(file: list))
            }
            modules.append((try entry.string("type") ?? "none", folder))
        }
        return modules
    }

    // MARK: encoders

    private mutating func readTransformer(_ folder: String) throws(BelfryError) {
        source.files["model.safetensors"] = try Self.weights(folder)
        source.files["config.json"] = folder + "/config.json"
        for name in try Tokenizers.files(folder: folder) { source.files[name] = folder + "/" + name }
        let configuration = try BertConfiguration(folder + "/config.json")
        let tokenizer = try Tokenizers.load(folder: folder)
        manifest.kind = EncoderKind(configuration.family).rawValue
        manifest.dimension = configuration.hiddenSize
        manifest.maximumTokens = try Self.maximumTokens(folder, configuration, tokenizer)
    }

    private mutating func readStatic(_ folder: String) throws(BelfryError) {
        source = try .staticFolder(folder, weights: Self.weights(folder))
        // The modules say whether vectors are normalised.
        manifest.modules = []
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
        if System.exists(folder + "/model.safetensors.index.json") {
            throw BelfryError(
                .unsupported, "The weights are split into several files.", at: .init(file: folder),
                remedy: "Save them as one: model.save_pretrained(folder, max_shard_size=\"100GB\").")
        }
        throw BelfryError(
            .notFound, "There are no weights: model.safetensors is missing.", at: .init(file: folder),
            remedy: "Download the whole model; if it is fetched with git, run `git lfs pull`.")
    }

    private static func maximumTokens(
        _ folder: String, _ configuration: BertConfiguration, _ tokenizer: any Tokenizer
    ) throws(BelfryError) -> Int {
        let most = configuration.maximumPositions
        var own: Int?
        let file = folder + "/sentence_bert_config.json"
        if System.exists(file) {
            let json = try StrictObject(file: file)
            own = try length("max_seq_length", of: json, most, tokenizer)
            if try json.bool("do_lower_case", default: false), !tokenizer.lowercases {
                throw refuse("setting", "do_lower_case with a tokenizer that keeps case", file)
            }
            let task = try json.string("transformer_task") ?? "feature-extraction"
            guard task == "feature-extraction" else { throw refuse("transformer_task", task, file) }
            // What newer versions call the tokens' vectors of the last layer.
            if let text = try json.object("modality_config")?.object("text") {
                let name = try text.string("method_output_name") ?? "last_hidden_state"
                guard name == "last_hidden_state" else { throw refuse("method_output_name", name, file) }
            }
        }
        let tokenizerFile = folder + "/tokenizer_config.json"
        if System.exists(tokenizerFile) {
            let json = try StrictObject(file: tokenizerFile)
            let side = try json.string("truncation_side") ?? "right"
            guard side == "right" else { throw refuse("truncation_side", side, tokenizerFile) }
            // Without a limit of its own a model takes the tokenizer's, which may be a very large "none".
            if own == nil { own = try length("model_max_length", of: json, most, tokenizer) }
        }
        return own ?? most
    }

    /// The limit `name` of `json`, at most `most`.
    private static func length(
        _ name: String, of json: StrictObject, _ most: Int, _ tokenizer: any Tokenizer
    ) throws(BelfryError) -> Int? {
        guard let number = try json.number(name) else { return nil }
        let least = tokenizer.templateCount + 1
        guard number >= 1, number == number.rounded() else {
            throw .corrupt("\(name) must be a whole number of at least \(least).", at: json.location(name))
        }
        guard number >= Double(least) else {
            throw .corrupt(
                "\(name) \(Int(number)) leaves no room for text: the tokenizer adds \(least - 1) tokens.",
                at: json.location(name))
        }
        return number < Double(most) ? Int(number) : most
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
