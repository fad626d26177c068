import Files

/// The settings of the modules that may follow an encoder.
extension SentenceTransformersFolder {
    /// How tokens are pooled, and whether a prompt's take part.
    static func pooling(
        _ file: String
    ) throws(BelfryError) -> (modes: [Pooling], includesPrompt: Bool) {
        let json = try StrictObject(file: file)
        try json.refuseOthers([
            "word_embedding_dimension", "embedding_dimension", "pooling_mode", "include_prompt",
            "pooling_mode_cls_token", "pooling_mode_max_tokens", "pooling_mode_mean_tokens",
            "pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken",
        ])
        let includesPrompt = try json.bool("include_prompt", default: true)
        if json["pooling_mode"] != nil { return (try namedPooling(json), includesPrompt) }
        var modes: [Pooling] = []
        // The order in which sentence-transformers concatenates them.
        let names: [(String, Pooling)] = [
            ("pooling_mode_cls_token", .cls), ("pooling_mode_max_tokens", .max), ("pooling_mode_mean_tokens", .mean),
            ("pooling_mode_mean_sqrt_len_tokens", .meanSqrtLength),
            ("pooling_mode_weightedmean_tokens", .weightedMean), ("pooling_mode_lasttoken", .lastToken),
        ]
        for (name, mode) in names where try json.bool(name, default: false) { modes.append(mode) }
        // No switch at all is what sentence-transformers calls its default.
        return (modes.isEmpty ? [.mean] : modes, includesPrompt)
    }

    /// Newer versions write one name, or an array of names, instead of six switches.
    private static func namedPooling(_ json: StrictObject) throws(BelfryError) -> [Pooling] {
        let order: [Pooling] = [.cls, .max, .mean, .meanSqrtLength, .weightedMean, .lastToken]
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
        var modes: [Pooling] = []
        for name in names {
            let mode = name == "mean_sqrt_len_tokens" ? .meanSqrtLength : Pooling(rawValue: name)
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

    /// A product with its activation, and how many components it gives.
    static func dense(
        _ file: String, _ weights: String
    ) throws(BelfryError) -> (module: TowerModule, outputs: Int) {
        let json = try StrictObject(file: file)
        try json.refuseOthers([
            "in_features", "out_features", "bias", "activation_function", "module_input_name", "module_output_name",
        ])
        guard let inputs = try json.integer("in_features"), let outputs = try json.integer("out_features"),
            (1...1 << 18).contains(inputs), (1...1 << 18).contains(outputs)
        else { throw .corrupt("The module needs in_features and out_features.", at: .init(file: file)) }
        let name = try json.string("activation_function") ?? "torch.nn.modules.activation.Tanh"
        guard let activation = Activation(torch: name) else { throw refuse("activation", name, file) }
        try checkNames(file)
        let bias = try json.bool("bias", default: true)
        return (
            .dense(file: weights, inputs: inputs, outputs: outputs, bias: bias, activation: activation.rawValue),
            outputs
        )
    }

    /// Layer normalization of the text's vector.
    static func layerNorm(_ file: String, _ weights: String) throws(BelfryError) -> TowerModule {
        let json = try StrictObject(file: file)
        try json.refuseOthers(["dimension"])
        guard let size = try json.integer("dimension"), (1...1 << 18).contains(size) else {
            throw .corrupt("The module needs its dimension.", at: .init(file: file))
        }
        return .layerNorm(file: weights, size: size)
    }

    /// Refuses a module that works on anything but the text's vector.
    static func checkNames(_ file: String) throws(BelfryError) {
        guard System.exists(file) else { return }
        let json = try StrictObject(file: file)
        for member in ["module_input_name", "module_output_name"] {
            let name = try json.string(member) ?? "sentence_embedding"
            guard name == "sentence_embedding" else { throw refuse(member, name, file) }
        }
    }
}
