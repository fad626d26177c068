import Files

/// What the files beside a transformer say about the tokens of a text, read and checked.
///
/// | file | what |
/// |---|---|
/// | `sentence_bert_config.json`, or one of its older names | the length, lower case, arguments for tokenizer and model |
/// | `tokenizer_config.json` | the length if that does not say one, and what the library changes in `tokenizer.json` |
///
/// Every member of the first is obeyed, known to be harmless, or refused by name.
struct TransformerSettings {
    /// The most tokens of a text as the files say it, the template's included; nil if they do not.
    private(set) var length: Int?
    /// The member that says it.
    private(set) var lengthPlace = BelfryError.Location(file: "")

    /// The least that a length may be: room for one token beside the template's.
    private let minimum: Int
    private let task: Task

    /// What the transformer is for, as the library writes it down.
    enum Task {
        /// Tokens' vectors.
        case features
        /// One number for a sequence.
        case scores

        fileprivate var name: String { self == .features ? "feature-extraction" : "sequence-classification" }
        fileprivate var output: String { self == .features ? "token_embeddings" : "scores" }
        fileprivate var method: String { self == .features ? "last_hidden_state" : "logits" }
    }

    /// The names that sentence-transformers had for its settings, in the order in which it looks for them.
    static let files = ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"].map {
        "sentence_\($0)_config.json"
    }

    /// Members that do not change vectors, of the arguments that the file has for parts of the transformers library.
    private static let harmless = [
        "trust_remote_code", "token", "use_auth_token", "cache_dir", "revision", "local_files_only", "subfolder",
        "force_download", "resume_download", "proxies", "use_fast", "low_cpu_mem_usage", "device_map",
        "use_safetensors",
        "attn_implementation", "add_pooling_layer", "use_cache", "padding_side", "return_dict", "output_attentions",
        "unpad_inputs", "clean_up_tokenization_spaces", "file_name", "provider", "export", "reference_compile",
    ]

    init(folder: String, _ tokenizer: any Tokenizer, for task: Task = .features) throws(BelfryError) {
        (minimum, self.task) = (tokenizer.templateCount + 1, task)
        for name in Self.files where System.exists(folder + "/" + name) {
            let json = try StrictObject(file: folder + "/" + name)
            // An empty one is passed over, as the library does it.
            if json.members.isEmpty { continue }
            try read(json, tokenizer)
            break
        }
        let file = folder + "/tokenizer_config.json"
        if System.exists(file) { try read(tokenizerSettings: StrictObject(file: file), tokenizer) }
    }

    // MARK: sentence-transformers

    private mutating func read(_ json: StrictObject, _ tokenizer: any Tokenizer) throws(BelfryError) {
        try json.refuseOthers([
            "max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name",
            "processing_kwargs", "processor_kwargs", "tokenizer_args", "config_kwargs", "config_args", "model_kwargs",
            "model_args", "unpad_inputs", "__version__",
        ])
        try take("max_seq_length", of: json)
        try Self.checkCase(json, tokenizer)
        try Self.expect("transformer_task", task.name, json)
        try Self.expect("module_output_name", task.output, json)
        if let modalities = try json.object("modality_config") {
            guard let text = try modalities.object("text") else { throw json.unknown("modality_config without text") }
            try Self.expect("method", "forward", text)
            // What newer versions call the tokens' vectors of the last layer.
            try Self.expect("method_output_name", task.method, text)
        }
        for name in ["tokenizer_args", "processor_kwargs"] {
            if let arguments = try json.object(name) { try read(tokenizerArguments: arguments, tokenizer) }
        }
        for name in ["model_args", "model_kwargs", "config_args", "config_kwargs"] {
            guard let arguments = try json.object(name) else { continue }
            try arguments.refuseOthers(Self.harmless + ["torch_dtype", "dtype"])
            for name in ["torch_dtype", "dtype"] {
                let type = try arguments.string(name) ?? "auto"
                guard ["auto", "float32", "torch.float32"].contains(type) else { throw arguments.unknown(name) }
            }
        }
        if let processing = try json.object("processing_kwargs") {
            try processing.refuseOthers(["common", "text", "audio", "image", "video"])
            for name in ["common", "text"] {
                guard let arguments = try processing.object(name) else { continue }
                try arguments.refuseOthers(["max_length", "truncation", "padding", "return_tensors", "return_dict"])
                try take("max_length", of: arguments)
                guard arguments["truncation"]?.bool != false else { throw arguments.unknown("truncation") }
            }
        }
    }

    private mutating func read(
        tokenizerArguments json: StrictObject, _ tokenizer: any Tokenizer
    ) throws(BelfryError) {
        try json.refuseOthers(
            Self.harmless + ["model_max_length", "truncation_side", "do_lower_case"])
        // Versions differ in which of the two rules.
        let before = length
        try take("model_max_length", of: json)
        guard before == nil || before == length else { throw json.unknown("model_max_length") }
        try Self.expect("truncation_side", "right", json)
        try Self.checkCase(json, tokenizer)
    }

    private static func expect(_ name: String, _ wanted: String, _ json: StrictObject) throws(BelfryError) {
        let found = try json.string(name) ?? wanted
        guard found == wanted else {
            throw BelfryError(.unsupported, "The \(name) “\(found)” is not supported.", at: json.location(name))
        }
    }

    private static func checkCase(_ json: StrictObject, _ tokenizer: any Tokenizer) throws(BelfryError) {
        guard try json.bool("do_lower_case", default: false), !tokenizer.lowercases else { return }
        throw BelfryError(
            .unsupported, "The setting do_lower_case with a tokenizer that keeps case is not supported.",
            at: json.location("do_lower_case"),
            remedy: "Save the tokenizer with it: a Lowercase normalizer in tokenizer.json.")
    }

    // MARK: the tokenizer

    private mutating func read(
        tokenizerSettings json: StrictObject, _ tokenizer: any Tokenizer
    ) throws(BelfryError) {
        try Self.expect("truncation_side", "right", json)
        // The library writes some of these into the tokenizer when it loads it, whatever tokenizer.json says.
        let type = try json.string("tokenizer_class") ?? ""
        if ["Bert", "DistilBert", "MPNet", "Electra"].contains(where: { type.hasPrefix($0 + "Tokenizer") }),
            let lowercases = try json.bool("do_lower_case"), lowercases != tokenizer.lowercases
        {
            throw BelfryError(
                .unsupported,
                "The setting do_lower_case is \(lowercases), but tokenizer.json \(lowercases ? "keeps case" : "does it").",
                at: json.location("do_lower_case"),
                remedy: "Save the tokenizer again: AutoTokenizer.from_pretrained(folder).save_pretrained(folder).")
        }
        for name in ["split_special_tokens", "add_bos_token", "add_eos_token"] where json[name] != nil {
            // With a tokenizer.json these are in its template already, except the first.
            if name == "split_special_tokens", try json.bool(name, default: false) { throw json.unknown(name) }
        }
        // Without a limit of its own a model takes the tokenizer's, which may be a very large "none".
        if length == nil { try take("model_max_length", of: json) }
    }

    /// Takes the length that `json` calls `name`, if it has one.
    private mutating func take(_ name: String, of json: StrictObject) throws(BelfryError) {
        guard let number = try json.number(name) else { return }
        guard number >= 1, number == number.rounded() else {
            throw .corrupt("\(name) must be a whole number of at least \(minimum).", at: json.location(name))
        }
        (length, lengthPlace) = (number < Double(1 << 30) ? Int(number) : nil, json.location(name))
    }

    // MARK: what is taken

    /// The most tokens of a text: what was asked for, what the files say, or `fallback`; never more than `maximum`.
    func maximumTokens(
        _ wanted: Int?, maximum: Int, fallback: Int? = nil
    ) throws(BelfryError) -> Int {
        if let wanted {
            guard (minimum...maximum).contains(wanted) else {
                throw BelfryError(
                    .invalidInput,
                    "The most tokens must be \(minimum) to \(maximum) for this model; \(wanted) were asked for.")
            }
            return wanted
        }
        guard let length else { return min(fallback ?? maximum, maximum) }
        let name = lengthPlace.place?.split(separator: ".").last.map(String.init) ?? "length"
        guard length >= minimum else {
            throw .corrupt(
                "\(name) \(length) leaves no room for text: the tokenizer adds \(minimum - 1) tokens.", at: lengthPlace)
        }
        return min(length, maximum)
    }
}
