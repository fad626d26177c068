import Files

/// What a sentence-transformers folder says, read and checked: the first half of an import.
struct SentenceTransformersFolder {
    /// The folder.
    let path: String
    /// The settings that the tower will have; no files yet.
    let manifest: TowerManifest
    /// Files to copy: name in the tower → path in the folder.
    let files: [String: String]
    /// Where a tower finds them before they are copied.
    let towerFiles: TowerFiles

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
        guard let entries = try StrictJSON(file: list).array else {
            throw .corrupt("The file must be an array of modules.", at: .init(file: list))
        }
        for entry in try StrictObject.objects(entries, file: list, place: "modules") {
            let type = try entry.string("type") ?? "none"
            let folder = try entry.string("path") ?? ""
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
        towerFiles = TowerFiles(folder: transformer, elsewhere: files.filter { $0.key.hasPrefix("dense-") })
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
        let json = try StrictObject(file: file)
        if try !json.bool("include_prompt", default: true) { throw refuse("setting", "include_prompt false", file) }
        var modes: [TowerManifest.Pooling] = []
        // The order in which sentence-transformers concatenates them.
        let names: [(String, TowerManifest.Pooling?)] = [
            ("pooling_mode_cls_token", .cls), ("pooling_mode_max_tokens", .max), ("pooling_mode_mean_tokens", .mean),
            ("pooling_mode_mean_sqrt_len_tokens", .meanSqrtLength), ("pooling_mode_weightedmean_tokens", nil),
            ("pooling_mode_lasttoken", nil),
        ]
        if json["pooling_mode"] != nil { return try namedPooling(json) }
        for (name, mode) in names where try json.bool(name, default: false) {
            guard let mode else { throw refuse("pooling", name, file) }
            modes.append(mode)
        }
        // No switch at all is what sentence-transformers calls its default.
        return modes.isEmpty ? [.mean] : modes
    }

    /// Newer versions write one name, or an array of names, instead of six switches.
    private static func namedPooling(_ json: StrictObject) throws(BelfryError) -> [TowerManifest.Pooling] {
        let order: [TowerManifest.Pooling] = [.cls, .max, .mean, .meanSqrtLength]
        var names: [String] = []
        if json["pooling_mode"]?.array != nil {
            for name in try json.array("pooling_mode") ?? [] {
                guard let name = name.string else {
                    throw .corrupt(
                        "The names in “pooling_mode” must be texts, not \(name.kind).",
                        at: json.location("pooling_mode"))
                }
                names.append(name)
            }
        } else {
            names = [try json.string("pooling_mode") ?? ""]
        }
        var modes: [TowerManifest.Pooling] = []
        for name in names {
            let mode = name == "mean_sqrt_len_tokens" ? .meanSqrtLength : TowerManifest.Pooling(rawValue: name)
            guard let mode else { throw refuse("pooling", name, json.file) }
            modes.append(mode)
        }
        // Versions differ in whether the parts of a vector follow this list or the fixed order: only lists for which
        // both give the same are taken.
        guard !modes.isEmpty, modes == order.filter({ modes.contains($0) }) else {
            throw refuse("order of pooling_mode", names.joined(separator: ", "), json.file)
        }
        return modes
    }

    private static func dense(_ file: String, _ weights: String) throws(BelfryError) -> TowerManifest.Module {
        let json = try StrictObject(file: file)
        guard let inputs = try json.integer("in_features"), let outputs = try json.integer("out_features"),
            (1...1 << 18).contains(inputs), (1...1 << 18).contains(outputs)
        else { throw .corrupt("The module needs in_features and out_features.", at: .init(file: file)) }
        let name = try json.string("activation_function") ?? "torch.nn.modules.activation.Tanh"
        let activation: String
        switch name.split(separator: ".").last {
        case "Tanh": activation = "tanh"
        case "Identity": activation = "identity"
        default: throw refuse("activation", name, file)
        }
        return .dense(
            file: weights, inputs: inputs, outputs: outputs, bias: try json.bool("bias", default: true),
            activation: activation)
    }

    private static func maximumTokens(
        _ folder: String, _ configuration: BertConfiguration, _ tokenizer: WordPieceTokenizer
    ) throws(BelfryError) -> Int {
        let most = configuration.maximumPositions
        var own: Int?
        let file = folder + "/sentence_bert_config.json"
        if System.exists(file) {
            let json = try StrictObject(file: file)
            own = try length("max_seq_length", of: json, most, tokenizer)
            if try json.bool("do_lower_case", default: false), !tokenizer.model.normalizer.lowercases {
                throw refuse("setting", "do_lower_case with a tokenizer that keeps case", file)
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
        _ name: String, of json: StrictObject, _ most: Int, _ tokenizer: WordPieceTokenizer
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

    private static func readPrompts(_ file: String, into manifest: inout TowerManifest) throws(BelfryError) {
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
        if json["truncate_dim"] != nil { throw refuse("setting", "truncate_dim", file) }
    }
}
