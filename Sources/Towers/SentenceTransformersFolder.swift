import Files

/// What a sentence-transformers folder says, read and checked: the first half of an import.
struct SentenceTransformersFolder {
    /// The folder.
    let path: String
    /// The settings that the tower will have; no files yet.
    let manifest: TowerManifest
    /// Files to copy: name in the tower → path in the folder.
    let files: [String: String]

    init(_ path: String) throws(BelfryError) {
        self.path = path
        guard System.isDirectory(path) else {
            throw BelfryError(.notFound, "There is no such folder.", at: .init(file: path))
        }
        let list = path + "/modules.json"
        guard System.exists(list) else {
            throw BelfryError(
                .unsupported, "The folder has no modules.json: it does not say how token vectors become a text's.",
                at: .init(file: path),
                remedy: "Save the model with sentence-transformers: SentenceTransformer(folder).save(other_folder).")
        }
        var modules: [TowerManifest.Module] = []
        var files: [String: String] = [:]
        var transformer: String?
        for entry in try StrictJSON(file: list).array ?? [] {
            let type = entry["type"]?.string ?? "none"
            let folder = entry["path"]?.string ?? ""
            guard !folder.split(separator: "/").contains(".."), !folder.hasPrefix("/") else {
                throw .corrupt("A module lies outside of the folder: \(folder).", at: .init(file: list))
            }
            let place = folder.isEmpty ? path : path + "/" + folder
            let name = type.split(separator: ".").last.map(String.init) ?? type
            guard (name == "Transformer") == (transformer == nil) else {
                throw Self.refuse("order of modules, at", type, list)
            }
            switch name {
            case "Transformer": transformer = place
            case "Pooling":
                guard modules.isEmpty else { throw Self.refuse("second", type, list) }
                modules.append(.pooling(try Self.pooling(place + "/config.json")))
            case "Dense":
                let file = "dense-\(modules.count).safetensors"
                files[file] = try Self.weights(place)
                modules.append(try Self.dense(place + "/config.json", file))
            case "Normalize": modules.append(.normalize)
            default: throw Self.refuse("module", type, list)
            }
        }
        guard let transformer else { throw .corrupt("No module is a Transformer.", at: .init(file: list)) }
        guard case .pooling? = modules.first else {
            throw Self.refuse("chain of modules", "Transformer without Pooling after it", list)
        }
        files["model.safetensors"] = try Self.weights(transformer)
        files["config.json"] = transformer + "/config.json"
        if System.exists(transformer + "/tokenizer.json") {
            files["tokenizer.json"] = transformer + "/tokenizer.json"
        } else {
            for name in ["vocab.txt", "tokenizer_config.json"] where System.exists(transformer + "/" + name) {
                files[name] = transformer + "/" + name
            }
        }
        let configuration = try BertConfiguration(transformer + "/config.json")
        let tokenizer = try WordPieceTokenizer(folder: transformer)
        var manifest = TowerManifest(
            dimension: configuration.hiddenSize,
            maximumTokens: try Self.maximumTokens(transformer, configuration, tokenizer), modules: modules)
        manifest.dimension = manifest.pooledSize(hidden: configuration.hiddenSize)
        for case .dense(_, _, let outputs, _, _) in modules { manifest.dimension = outputs }
        try Self.readPrompts(path + "/config_sentence_transformers.json", into: &manifest)
        self.manifest = manifest
        self.files = files
    }

    private static func refuse(_ what: String, _ name: String, _ file: String) -> BelfryError {
        BelfryError(.unsupported, "The \(what) “\(name)” is not supported.", at: .init(file: file))
    }

    private static func weights(_ folder: String) throws(BelfryError) -> String {
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

    private static func pooling(_ file: String) throws(BelfryError) -> [TowerManifest.Pooling] {
        let json = try StrictJSON(file: file)
        if json["include_prompt"]?.bool == false { throw refuse("setting", "include_prompt false", file) }
        var modes: [TowerManifest.Pooling] = []
        // The order in which sentence-transformers concatenates them.
        let names: [(String, TowerManifest.Pooling?)] = [
            ("pooling_mode_cls_token", .cls), ("pooling_mode_max_tokens", .max), ("pooling_mode_mean_tokens", .mean),
            ("pooling_mode_mean_sqrt_len_tokens", .meanSqrtLength), ("pooling_mode_weightedmean_tokens", nil),
            ("pooling_mode_lasttoken", nil),
        ]
        if let name = json["pooling_mode"].present {
            // Newer versions write one name instead of six switches.
            guard let name = name.string, let mode = TowerManifest.Pooling(rawValue: name) else {
                throw refuse("pooling", name.string ?? "?", file)
            }
            return [mode]
        }
        for (name, mode) in names where json[name]?.bool == true {
            guard let mode else { throw refuse("pooling", name, file) }
            modes.append(mode)
        }
        guard !modes.isEmpty else { throw refuse("pooling", "none", file) }
        return modes
    }

    private static func dense(_ file: String, _ weights: String) throws(BelfryError) -> TowerManifest.Module {
        let json = try StrictJSON(file: file)
        guard let inputs = json["in_features"]?.integer, let outputs = json["out_features"]?.integer,
            (1...1 << 18).contains(inputs), (1...1 << 18).contains(outputs)
        else { throw .corrupt("The module needs in_features and out_features.", at: .init(file: file)) }
        let name = json["activation_function"]?.string ?? "torch.nn.modules.activation.Tanh"
        let activation: String
        switch name.split(separator: ".").last {
        case "Tanh": activation = "tanh"
        case "Identity": activation = "identity"
        default: throw refuse("activation", name, file)
        }
        return .dense(
            file: weights, inputs: inputs, outputs: outputs, bias: json["bias"]?.bool ?? true, activation: activation)
    }

    private static func maximumTokens(
        _ folder: String, _ configuration: BertConfiguration, _ tokenizer: WordPieceTokenizer
    ) throws(BelfryError) -> Int {
        let file = folder + "/sentence_bert_config.json"
        let most = configuration.maximumPositions
        var wanted: StrictJSON?
        if System.exists(file) {
            let json = try StrictJSON(file: file)
            wanted = json["max_seq_length"].present
            if json["do_lower_case"]?.bool == true, !tokenizer.model.normalizer.lowercases {
                throw refuse("setting", "do_lower_case with a tokenizer that keeps case", file)
            }
        }
        if wanted == nil, System.exists(folder + "/tokenizer_config.json") {
            // Without a limit of its own a model takes the tokenizer's, which may be a very large "none".
            let limit = try StrictJSON(file: folder + "/tokenizer_config.json")["model_max_length"].present
            if let number = limit?.number, number < Double(most) { wanted = limit }
        }
        guard let wanted else { return most }
        guard let length = wanted.integer, length > tokenizer.templateCount else {
            throw .corrupt("max_seq_length leaves no room for text.", at: .init(file: file))
        }
        return min(length, most)
    }

    private static func readPrompts(_ file: String, into manifest: inout TowerManifest) throws(BelfryError) {
        guard System.exists(file) else { return }
        let json = try StrictJSON(file: file)
        for (name, prompt) in json["prompts"].present?.members ?? [] {
            guard let prompt = prompt.string else {
                throw .corrupt("A prompt is not a text.", at: .init(file: file, place: "prompts"))
            }
            manifest.prompts[String(decoding: name, as: UTF8.self)] = prompt
        }
        manifest.defaultPrompt = json["default_prompt_name"].present?.string
        if let name = manifest.defaultPrompt, manifest.prompts[name] == nil {
            throw .corrupt("The default prompt “\(name)” is not there.", at: .init(file: file))
        }
        if json["truncate_dim"].present != nil { throw refuse("setting", "truncate_dim", file) }
    }
}
